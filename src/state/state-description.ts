/**
 * What a state is, as plain data: its name, kind and schemas. Snapshots carry it, so that they can
 * be read without the program that wrote them, and a program is held against it when it restores.
 */
import { EngineError } from '../base/errors.ts';
import type { StateDescriptor } from '../functions/state.ts';
import { bareDescription, t } from '../types/index.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { Schema } from '../types/schema.ts';
import type { RowSchemas } from './row-state.ts';

type StateKind =
  | StateDescriptor['kind']
  | 'broadcast'
  | 'split'
  | 'union'
  | 'timers'
  | 'rowTable'
  | 'rowLog';

export interface StateDescription {
  readonly name: string;
  readonly kind: StateKind;
  /** Of the value, the element, or the map's values. */
  readonly value: SchemaDescription;
  /** Of the map's keys, where there are any. */
  readonly key?: SchemaDescription;
  /** Of what the state belongs to besides its key, where that is something. */
  readonly namespace?: SchemaDescription;
  /** Whether the state belongs to a slice of time as well. */
  readonly sliced?: boolean;
  /** Of a row table: the bytes of a slot. */
  readonly width?: number;
  /** Whether what is stored has the time of its last access with it. */
  readonly timed?: boolean;
}

export function describeState(name: string, descriptor: StateDescriptor): StateDescription {
  switch (descriptor.kind) {
    case 'list':
      return { name, kind: 'list', value: descriptor.element.description };
    case 'map':
      return {
        name,
        kind: 'map',
        value: descriptor.value.description,
        key: descriptor.key.description,
      };
    case 'aggregating':
      return { name, kind: 'aggregating', value: descriptor.aggregate.accumulator.description };
    case 'value':
    case 'timeline':
    case 'reducing':
      return { name, kind: descriptor.kind, value: descriptor.value.description };
  }
}

export function describeTimers(
  name: string,
  namespace: Schema<unknown> | undefined,
): StateDescription {
  const timers = { name, kind: 'timers', value: t.timestamp.description } as const;
  return namespace === undefined ? timers : { ...timers, namespace: namespace.description };
}

export function describeRowTable(
  name: string,
  width: number,
  schemas: RowSchemas | undefined,
): StateDescription {
  return { name, kind: 'rowTable', ...describeRows(schemas), width };
}

export function describeRowLog(name: string, schemas: RowSchemas | undefined): StateDescription {
  return { name, kind: 'rowLog', ...describeRows(schemas) };
}

function describeRows(schemas: RowSchemas | undefined): Pick<StateDescription, 'value' | 'key'> {
  if (schemas === undefined) return { value: t.bytes.description };
  return { value: schemas.value.description, key: schemas.key.description };
}

/** Broadcast state, whose names users choose, has names of its own beside those of lists. */
export function haveOneName(one: StateDescription, other: StateDescription): boolean {
  const sameNames = (one.kind === 'broadcast') === (other.kind === 'broadcast');
  return sameNames && one.name === other.name;
}

/** @throws EngineError STATE_INCOMPATIBLE unless both say the same. */
export function requireSameState(
  operator: string,
  known: StateDescription,
  declared: StateDescription,
): void {
  const [before, after] = [typeText(known), typeText(declared)];
  if (before === after) return;
  throw new EngineError('STATE_INCOMPATIBLE', {
    operator,
    state: declared.name,
    saved: before,
    declared: after,
  });
}

/** E.g. `map {"kind":"string"} -> {"kind":"int32"}`; the same text exactly for the same type. */
export function typeText(state: StateDescription): string {
  const key = state.key === undefined ? '' : `${schemaText(state.key)} -> `;
  const namespace = state.namespace === undefined ? '' : ` by ${schemaText(state.namespace)}`;
  const slice = state.sliced === true ? ' by slice' : '';
  const width = state.width === undefined ? '' : ` of ${state.width}`;
  return `${state.kind} ${key}${schemaText(state.value)}${namespace}${slice}${width}`;
}

/** Primitives by their name alone. */
function schemaText(schema: SchemaDescription): string {
  return Object.keys(schema).length === 1 ? schema.kind : JSON.stringify(bareDescription(schema));
}
