/**
 * While a simulation runs, what would make two runs of a seed differ throws: clocks, timers,
 * chance, sockets, whatever depends on garbage collection. Each use is also noted, so that it is
 * found although somebody catches the error. Dates of a given time stay allowed.
 *
 * Invariants
 * B1. What was replaced is put back as it was, whatever happens in between.
 * B2. At most one simulation runs in a thread of Node at a time.
 */
import { AssertionError, assert } from '../src/base/assert.ts';

/**
 * Globals that are replaced as a whole. Looking at `WebSocket` and `EventSource` would load them,
 * which takes 30 ms: they are left to the linter.
 */
const GLOBALS = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'performance',
  'crypto',
  'fetch',
  'WeakRef',
  'FinalizationRegistry',
  'MessageChannel',
  'BroadcastChannel',
] as const;

const MARK: unique symbol = Symbol.for('millrace.simulation.forbidden');

interface Replaced {
  readonly on: object;
  readonly name: PropertyKey;
  readonly descriptor: PropertyDescriptor;
}

/** Forbids everything above until the function that is given back is called. */
export function forbid(report: (error: AssertionError) => void): () => void {
  assert(!(MARK in globalThis), 'B2: a simulation runs already in this thread');
  const replaced: Replaced[] = [];
  const replace = (on: object, name: PropertyKey, value: unknown): void => {
    const descriptor = Object.getOwnPropertyDescriptor(on, name);
    if (descriptor === undefined) return;
    replaced.push({ on, name, descriptor });
    Object.defineProperty(on, name, { value, configurable: true, writable: true });
  };
  const refuse = (what: string): never => {
    const error = new AssertionError(`${what} is used in a simulation: go through Env`);
    report(error);
    throw error;
  };
  const putBack = (): void => {
    for (const { on, name, descriptor } of replaced) Object.defineProperty(on, name, descriptor);
    Reflect.deleteProperty(globalThis, MARK);
  };
  Object.defineProperty(globalThis, MARK, { value: true, configurable: true });
  for (const name of GLOBALS) replace(globalThis, name, forbidden(name, refuse));
  replace(Math, 'random', () => refuse('Math.random'));
  replace(Atomics, 'wait', () => refuse('Atomics.wait'));
  replace(Atomics, 'waitAsync', () => refuse('Atomics.waitAsync'));
  replace(globalThis, 'Date', dateOfGivenTime(refuse));
  return putBack;
}

/** Throws when it is called, constructed, or looked into. */
function forbidden(name: string, refuse: (what: string) => never): unknown {
  return new Proxy(function stub(): void {}, {
    apply: () => refuse(name),
    construct: () => refuse(`new ${name}`),
    get: (_target, key) => refuse(`${name}.${String(key)}`),
  });
}

/**
 * `Date` without the time of day: `new Date(0)` works, `new Date()`, `Date()` and `Date.now()`
 * throw.
 */
function dateOfGivenTime(refuse: (what: string) => never): unknown {
  const date: DateConstructor = new Proxy(Date, {
    apply: () => refuse('Date()'),
    construct: (target, args, newTarget) => {
      if (args.length === 0) refuse('new Date()');
      const made: unknown = Reflect.construct(
        target,
        args,
        newTarget === date ? target : newTarget,
      );
      return made as object;
    },
    get: (target, key) => {
      if (key === 'now') return () => refuse('Date.now');
      return Reflect.get(target, key) as unknown;
    },
  });
  return date;
}
