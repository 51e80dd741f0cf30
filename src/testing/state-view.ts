/**
 * Reads keyed state of the tasks of a harness, as tests want to see it: by key, as plain values.
 */
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type {
  BroadcastStateDescriptor,
  Handles,
  ListState,
  MapState,
  OperatorStateSpec,
  StateDescriptor,
  StateSpec,
} from '../functions/state.ts';
import type { TimelineState } from '../functions/timeline-state.ts';
import { keyGroupOf, subtaskOfKeyGroup } from '../graph/key-groups.ts';
import type { OperatorSpec } from '../graph/operator-spec.ts';
import { operatorListHandles } from '../operators/operator-list-handle.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { OperatorStateBackend } from '../state/operator-state.ts';
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

/** What the function of an operator declares under a name. */
function declaredBy<T>(spec: OperatorSpec, name: 'state' | 'operatorState'): T | undefined {
  if (!('function' in spec) || spec.function === undefined) return undefined;
  return (spec.function as { readonly [N in typeof name]?: T })[name];
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
    case 'timeline': {
      const { entries } = handle as unknown as TimelineState<unknown>;
      const positions = Array.from({ length: entries?.size ?? 0 }, (_, position) => position);
      return positions.map((position) => [entries!.timeAt(position), entries!.valueAt(position)]);
    }
    default:
      return handle.get!();
  }
}

/** The lists that the function of an operator declares in `operatorState`, by subtask. */
export function readOperatorLists(
  tasks: readonly WiredTask[],
  operator: string,
  spec: OperatorStateSpec,
): Readonly<Record<string, readonly (readonly unknown[])[]>> {
  const handles = operatorStatesOf(tasks, operator).map((backend) =>
    operatorListHandles(backend, spec, () => undefined),
  );
  const lists = Object.keys(spec).map((name) => [
    name,
    handles.map((each) => [...each[name]!.values()]),
  ]);
  return Object.fromEntries(lists) as Readonly<Record<string, readonly (readonly unknown[])[]>>;
}

/** A broadcast state of an operator, by subtask. */
export function readBroadcast<MK, V>(
  tasks: readonly WiredTask[],
  operator: string,
  descriptor: BroadcastStateDescriptor<MK, V>,
): readonly ReadonlyMap<MK, V>[] {
  const backends = operatorStatesOf(tasks, operator);
  return backends.map((backend) => new Map(backend.broadcast(descriptor).entries()));
}

function operatorStatesOf(
  tasks: readonly WiredTask[],
  operator: string,
): readonly OperatorStateBackend[] {
  return tasks
    .toSorted((left, right) => left.deployment.subtask - right.deployment.subtask)
    .flatMap(({ operators }) => operators.filter(({ id }) => id === operator))
    .map(({ operatorState }) => operatorState);
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
  return declaredBy<StateSpec>(spec, 'state') ?? refuse('state', name, spec);
}

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireOperatorStates(spec: OperatorSpec, name: string): OperatorStateSpec {
  const declared = declaredBy<OperatorStateSpec>(spec, 'operatorState');
  return declared ?? refuse('operatorState', name, spec);
}

function refuse(call: string, name: string, { kind }: OperatorSpec): never {
  const reason = `"${name}" (${kind}) declares no ${call} by name`;
  throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
}
