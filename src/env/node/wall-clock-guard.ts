/**
 * Makes reading the machine's clock fail while something runs: for tests, in which no time passes
 * but by hand. It covers the globals, as far as synchronous code goes.
 */
import { EngineError } from '../../base/errors.ts';

interface Globals {
  Date: DateConstructor;
  readonly performance: { now: (this: void) => number };
  readonly Temporal?: { Now: object } | undefined;
}

/** @example new WallClockGuard().run(() => Date.now()) // throws USER_CODE_WALL_CLOCK */
export class WallClockGuard {
  readonly #globals: Globals = globalThis;
  readonly #date: DateConstructor = refusingDate(Date);
  readonly #temporal: object = new Proxy({}, { get: () => refuse('Temporal.Now') });
  readonly #now = (): never => refuse('performance.now()');

  /** Runs `body`; dates of a given time stay allowed. */
  run(body: () => void): void {
    const { Date: date, performance, Temporal: temporal } = this.#globals;
    const { now } = performance;
    const temporalNow = temporal?.Now;
    this.#globals.Date = this.#date;
    performance.now = this.#now;
    if (temporal !== undefined) temporal.Now = this.#temporal;
    try {
      body();
    } finally {
      this.#globals.Date = date;
      performance.now = now;
      if (temporal !== undefined) temporal.Now = temporalNow!;
    }
  }
}

function refusingDate(original: DateConstructor): DateConstructor {
  return new Proxy(original, {
    construct(target, args: unknown[], newTarget): object {
      if (args.length === 0) refuse('new Date()');
      return Reflect.construct(target, args, newTarget) as object;
    },
    apply: () => refuse('Date()'),
    get: (target, name) =>
      name === 'now' ? () => refuse('Date.now()') : (Reflect.get(target, name) as unknown),
  });
}

function refuse(call: string): never {
  throw new EngineError('USER_CODE_WALL_CLOCK', { call });
}
