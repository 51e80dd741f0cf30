/**
 * Reads keyed state of the tasks of a harness, as tests want to see it: by key, as plain values.
 */
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type {
  Handles,
  ListState,
  MapState,
  StateDescriptor,
  StateSpec,
} from '../functions/state.ts';
import { keyGroupOf, subtaskOfKeyGroup } from '../graph/key-groups.ts';
import type { OperatorSpec } from '../graph/operator-spec.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { WiredTask } from '../taskexecutor/slot/task-wiring.ts';
import { hashKey } from '../types/key.ts';
import type { Key } from '../types/schema.ts';

/** What a state of a key holds: a list as an array, a map as a Map, else the value. */
type StateValue<H> =
  H extends ListState<infer V>
    ? readonly V[]
    : H extends MapState<infer K, infer V>
      ? ReadonlyMap<K, V>
      : H extends { get(): infer V }
        ? V
        : unknown;

/** The states of a key by the names that the function declares. */
export type StateValues<S extends StateSpec> = {
  readonly [N in keyof S]: StateValue<Handles<S>[N]>;
};

/** The keyed state of the subtask that a key belongs to, with the key current in `read`. */
export function atKey<T>(
  tasks: readonly WiredTask[],
  operator: string,
  key: Key,
  read: (backend: KeyedStateBackend) => T,
): T | undefined {
  for (const { deployment, operators } of tasks) {
    const { maxParallelism, parallelism, subtask } = deployment;
    const backend = operators.find(({ id }) => id === operator)?.keyedState;
    if (backend === undefined) continue;
    const group = keyGroupOf(hashKey(key), maxParallelism);
    if (subtaskOfKeyGroup(group, maxParallelism, parallelism) !== subtask) continue;
    backend.setCurrentKey(key, group);
    try {
      return read(backend);
    } finally {
      backend.clearCurrentKey();
    }
  }
  return undefined;
}

/** The states that the function of an operator declares. */
function declaredStates(spec: OperatorSpec): StateSpec | undefined {
  if (!('function' in spec) || spec.function === undefined) return undefined;
  return 'state' in spec.function ? (spec.function.state as StateSpec | undefined) : undefined;
}

/** The value of the current key in each of the states. */
export function readStates(
  backend: KeyedStateBackend,
  spec: StateSpec,
): Readonly<Record<string, unknown>> {
  const values = Object.entries(spec).map(([name, descriptor]) => [
    name,
    readState(backend, name, descriptor),
  ]);
  return Object.fromEntries(values) as Readonly<Record<string, unknown>>;
}

function readState(backend: KeyedStateBackend, name: string, descriptor: StateDescriptor): unknown {
  const handle = backend.register(name, descriptor) as { get?: () => unknown };
  switch (descriptor.kind) {
    case 'list':
      return [...(handle as unknown as ListState<unknown>).values()];
    case 'map':
      return new Map((handle as unknown as MapState<unknown, unknown>).entries());
    default:
      return handle.get!();
  }
}

/** When the timers of the current key are due, in any part of the operator, ascending. */
export function readTimers(
  backend: KeyedStateBackend,
  domain: 'event' | 'processing',
): readonly Timestamp[] {
  return [...backend.timers]
    .filter(([name]) => name.endsWith(`:${domain}`))
    .flatMap(([, queue]) => queue.timersOfCurrentKey().map(({ at }) => at as Timestamp))
    .toSorted((left, right) => left - right);
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireStates(spec: OperatorSpec, name: string): StateSpec {
  const states = declaredStates(spec);
  if (states !== undefined) return states;
  throw new EngineError('API_INVALID_ARGUMENT', {
    call: 'state',
    reason: `"${name}" (${spec.kind}) declares no state by name`,
  });
}
