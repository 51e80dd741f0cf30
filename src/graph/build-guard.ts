/**
 * The guard around a job's `build`: whatever would give another answer on another worker throws
 * GRAPH_BUILD_FORBIDDEN while it runs. The caller of a build decides how far it goes: this file
 * covers the globals of a realm, which are handed in; files and sockets are module imports and are
 * for the environment that loads modules to refuse.
 */
import { EngineError } from '../base/errors.ts';

export interface BuildGuard {
  /** Runs `build` once, with everything forbidden that the guard knows; undone whatever happens. */
  run<T>(job: string, build: () => T): T;
}

/** For callers that have nothing to guard against, e.g. a second compile in the same realm. */
export const unguarded: BuildGuard = { run: (_job, build) => build() };

/** What `build` must not call, as paths from the global object. `Date` is handled by itself. */
const FORBIDDEN: readonly (readonly [object: string, method: string])[] = [
  ['Math', 'random'],
  ['performance', 'now'],
  ['crypto', 'randomUUID'],
  ['crypto', 'getRandomValues'],
  ['globalThis', 'fetch'],
  ['globalThis', 'setTimeout'],
  ['globalThis', 'setInterval'],
  ['globalThis', 'setImmediate'],
  ['process', 'hrtime'],
  ['process', 'uptime'],
];

type Globals = Record<string, unknown>;

/** @example guardGlobals(globalThis).run('my-job', () => build(env, params)) */
export function guardGlobals(globals: object): BuildGuard {
  return {
    run(job, build) {
      const undo: (() => void)[] = [];
      try {
        for (const [owner, method] of FORBIDDEN) {
          const object = owner === 'globalThis' ? globals : (globals as Globals)[owner];
          if (typeof object !== 'object' || object === null || !(method in object)) continue;
          const call = owner === 'globalThis' ? method : `${owner}.${method}`;
          undo.push(replace(object as Globals, method, () => refuse(job, `${call}()`)));
        }
        undo.push(
          replace(
            globals as Globals,
            'Date',
            guardedDate(job, (globals as Globals)['Date'] as DateConstructor),
          ),
        );
        return build();
      } finally {
        for (const each of undo.toReversed()) each();
      }
    },
  };
}

function refuse(job: string, call: string): never {
  throw new EngineError('GRAPH_BUILD_FORBIDDEN', { job, call });
}

/** Dates of a given time stay allowed. */
function guardedDate(job: string, original: DateConstructor): DateConstructor {
  return new Proxy(original, {
    construct(target, args: unknown[], newTarget): object {
      if (args.length === 0) refuse(job, 'new Date()');
      return Reflect.construct(target, args, newTarget) as object;
    },
    apply: () => refuse(job, 'Date()'),
    get: (target, name) =>
      name === 'now' ? () => refuse(job, 'Date.now()') : (Reflect.get(target, name) as unknown),
  });
}

/** Puts `value` in place of an own or inherited property and says how to undo it. */
function replace(object: Globals, name: string, value: unknown): () => void {
  const before = Object.getOwnPropertyDescriptor(object, name);
  if (before !== undefined && before.configurable !== true) {
    if (before.writable !== true) return () => {};
    const previous = object[name];
    object[name] = value;
    return () => {
      object[name] = previous;
    };
  }
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? false,
  });
  return () => {
    if (before === undefined) delete object[name];
    else Object.defineProperty(object, name, before);
  };
}
