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
const FORBIDDEN: readonly (readonly [object: string, methods: readonly string[]])[] = [
  ['Math', ['random']],
  ['performance', ['now']],
  ['crypto', ['randomUUID', 'getRandomValues']],
  ['globalThis', ['fetch', 'setTimeout', 'setInterval', 'setImmediate']],
  ['process', ['hrtime', 'uptime']],
];

type Globals = Record<string, unknown>;

/** @example guardGlobals(globalThis).run('my-job', () => build(env, params)) */
export function guardGlobals(globals: object): BuildGuard {
  return {
    run(job, build) {
      const undo: (() => void)[] = [];
      try {
        for (const [owner, methods] of FORBIDDEN) {
          undo.push(forbidOn(globals as Globals, owner, methods, job));
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

/** Puts refusals in place of methods, and says how to undo it. */
function forbidOn(
  globals: Globals,
  owner: string,
  methods: readonly string[],
  job: string,
): () => void {
  const undo: (() => void)[] = [];
  const forbid = (object: unknown): void => {
    if (typeof object !== 'object' || object === null) return;
    for (const method of methods) {
      if (!(method in object)) continue;
      const call = owner === 'globalThis' ? method : `${owner}.${method}`;
      undo.push(replace(object as Globals, method, () => refuse(job, `${call}()`)));
    }
  };
  if (owner === 'globalThis') forbid(globals);
  else if (!whenLoaded(globals, owner, forbid, undo)) forbid(globals[owner]);
  return () => {
    for (const each of undo.toReversed()) each();
  };
}

/**
 * Some globals load a part of Node when they are first looked at, for milliseconds: those are met
 * when, and if, `build` looks at them. False if this is none of them.
 */
function whenLoaded(
  globals: Globals,
  owner: string,
  forbid: (object: unknown) => void,
  undo: (() => void)[],
): boolean {
  const lazy = Object.getOwnPropertyDescriptor(globals, owner);
  if (lazy?.get === undefined || lazy.configurable !== true) return false;
  let met = false;
  // From then on it is what it would have been without the guard, but for its methods.
  const meet = (): void => {
    met = true;
    Object.defineProperty(globals, owner, lazy);
  };
  Object.defineProperty(globals, owner, {
    configurable: true,
    enumerable: lazy.enumerable === true,
    get() {
      meet();
      const loaded = globals[owner];
      forbid(loaded);
      return loaded;
    },
    set(value: unknown) {
      meet();
      globals[owner] = value;
    },
  });
  undo.push(() => {
    if (!met) Object.defineProperty(globals, owner, lazy);
  });
  return true;
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
