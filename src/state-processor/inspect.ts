/** What a savepoint consists of, as plain data and as text, for people who look into it. */
import type { SchemaDescription } from '../types/schema-description.ts';
import { keyPlaceText } from '../graph/key-selection.ts';
import { schemaOf } from '../types/index.ts';
import type { KeyedEntry, OperatorStateEntries } from '../state/snapshot-entries.ts';
import type { StateDescription } from '../state/state-description.ts';
import {
  handlesIn,
  handlesOf,
  type OperatorMetadata,
  type VertexMetadata,
} from '../storage/checkpoint-metadata.ts';
import type { SavepointInfo, SavepointOperator, SavepointReader } from './savepoint-reader.ts';

export interface SavepointDescription extends SavepointInfo {
  /** Files of state, and their bytes with those of small states inside of the metadata. */
  readonly files: number;
  readonly bytes: number;
  readonly operators: readonly OperatorDescription[];
  /** Tasks that had read all their input, or had records in flight. */
  readonly tasks: readonly TaskDescription[];
}

export interface OperatorDescription extends SavepointOperator {
  readonly bytes: number;
  readonly states: readonly StateReport[];
  /** What sinks have prepared and not yet committed. */
  readonly committables: number;
  /** Their schema. */
  readonly committable: string | undefined;
  /** Of a source: of what its enumerator keeps. */
  readonly enumeratorBytes: number | undefined;
  /** The schema of that. */
  readonly enumerator: string | undefined;
  /** What keys are of the records of each input, e.g. `user`; undefined: not known. */
  readonly keyedBy: readonly (string | undefined)[];
}

export interface StateReport {
  readonly name: string;
  /** `value`, `list`, `map`, `timers` ... */
  readonly kind: StateDescription['kind'];
  /** As people write it, e.g. `string -> {at: timestamp, amount: float64}`. */
  readonly schema: string;
  /** What is stored, of all subtasks; of increments also what later ones have replaced. */
  readonly entries: number;
  readonly bytes: number;
}

export interface TaskDescription {
  readonly name: string;
  readonly parallelism: number;
  readonly finished: number;
  readonly inFlightBytes: number;
}

/** Reads the manifests of all snapshots. @throws EngineError STATE_SNAPSHOT_*, CHECKPOINT_* */
export async function describeSavepoint(reader: SavepointReader): Promise<SavepointDescription> {
  const { metadata } = reader.stored;
  const handles = [...handlesOf(metadata)];
  const uris = new Set(handles.flatMap((each) => (each.kind === 'file' ? [each.uri] : [])));
  const operators: OperatorDescription[] = [];
  for (const operator of metadata.operators) operators.push(await describe(reader, operator));
  return {
    ...reader.info,
    files: uris.size,
    bytes: handles.reduce((sum, handle) => sum + sizeOf(handle), 0),
    operators,
    tasks: metadata.vertices
      .map(describeTask)
      .filter(({ finished, inFlightBytes }) => finished > 0 || inFlightBytes > 0),
  };
}

/** An entry of a state, as JSON takes it. */
export interface EntryReport {
  /** `uid` or id. */
  readonly operator: string;
  readonly state: string;
  readonly subtask?: number | undefined;
  readonly key?: unknown;
  readonly namespace?: unknown;
  readonly slice?: number | undefined;
  readonly value: unknown;
}

/** All entries of all states, one after another. */
export async function* reportEntries(
  reader: SavepointReader,
): AsyncGenerator<EntryReport, void, undefined> {
  for (const operator of reader.stored.metadata.operators) {
    const name = operator.uid ?? operator.operator;
    const { keyed, operatorState } = reader.snapshotsOf(operator);
    for await (const snapshot of keyed) {
      for await (const entry of snapshot.entries()) yield keyedReport(name, entry);
    }
    let subtask = 0;
    for await (const states of operatorState) {
      for (const state of states) yield* listReports(name, state, subtask);
      subtask += 1;
    }
  }
}

function keyedReport(operator: string, entry: KeyedEntry): EntryReport {
  const { state, key, namespace, slice, value } = entry;
  return {
    operator,
    state: state.name,
    key: keyJson(key),
    ...(namespace === undefined ? {} : { namespace: keyJson(namespace) }),
    ...(slice === undefined ? {} : { slice }),
    value: valueJson(state, value),
  };
}

function* listReports(
  operator: string,
  { state, values }: OperatorStateEntries,
  subtask: number,
): Generator<EntryReport, void, undefined> {
  const codec = schemaOf(state.value).codec;
  for (const value of values) {
    if (state.key === undefined) {
      yield { operator, state: state.name, subtask, value: codec.toJson(value) };
      continue;
    }
    const [key, held] = value as readonly [unknown, unknown];
    const keys = schemaOf(state.key).codec;
    yield {
      ...{ operator, state: state.name, subtask },
      ...{ key: keys.toJson(key), value: codec.toJson(held) },
    };
  }
}

function valueJson(state: StateDescription, value: unknown): unknown {
  const { codec } = schemaOf(state.value);
  switch (state.kind) {
    case 'timers':
      return value;
    case 'list':
      return (value as readonly unknown[]).map((each) => codec.toJson(each));
    case 'timeline':
      return (value as readonly (readonly [number, unknown])[]).map(([at, each]) => [
        at,
        codec.toJson(each),
      ]);
    case 'map': {
      const keys = schemaOf(state.key!).codec;
      return [...(value as ReadonlyMap<unknown, unknown>)].map(([key, each]) => [
        keys.toJson(key),
        codec.toJson(each),
      ]);
    }
    default:
      return codec.toJson(value);
  }
}

/** Keys are numbers, texts, bigints, booleans and tuples of them. */
function keyJson(key: unknown): unknown {
  if (typeof key === 'bigint') return `${key}n`;
  if (Array.isArray(key)) return key.map(keyJson);
  if (typeof key !== 'object' || key === null) return key;
  return Object.fromEntries(Object.entries(key).map(([name, part]) => [name, keyJson(part)]));
}

async function describe(
  reader: SavepointReader,
  operator: OperatorMetadata,
): Promise<OperatorDescription> {
  const states = new Map<string, StateReport>();
  const add = (state: StateDescription, entries: number, bytes: number): void => {
    const id = `${state.kind === 'broadcast' ? 'broadcast ' : ''}${state.name}`;
    const { name, kind } = state;
    const known = states.get(id);
    states.set(id, {
      ...{ name, kind, schema: stateSchema(state) },
      entries: (known?.entries ?? 0) + entries,
      bytes: (known?.bytes ?? 0) + bytes,
    });
  };
  const { keyed, operatorState } = reader.snapshotsOf(operator);
  for await (const snapshot of keyed) {
    for (const { state, entries, bytes } of snapshot.states) add(state, entries, bytes);
  }
  for await (const found of operatorState) {
    for (const { state, values, bytes } of found) add(state, values.length, bytes);
  }
  const snapshots = operator.subtasks.filter((each) => each !== undefined);
  const { operator: id, uid, name, parallelism, maxParallelism, enumerator } = operator;
  const { enumeratorSchema, keyedBy = [] } = operator;
  return {
    ...{ id, uid, name, parallelism, maxParallelism },
    bytes: snapshots.flatMap((each) => [...handlesIn(each)]).reduce((sum, h) => sum + sizeOf(h), 0),
    states: [...states.values()],
    committables: snapshots
      .flatMap(({ committables }) => committables)
      .reduce((sum, { committables }) => sum + committables.length, 0),
    committable: operator.committable && schemaText(operator.committable),
    enumeratorBytes: enumerator?.length,
    enumerator: enumeratorSchema && schemaText(enumeratorSchema),
    keyedBy: keyedBy.map((by) => (by.startsWith('#') ? undefined : keyPlaceText(by))),
  };
}

function describeTask({ name, parallelism, subtasks }: VertexMetadata): TaskDescription {
  const inFlight = subtasks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
  return {
    ...{ name, parallelism },
    finished: subtasks.filter(({ finished }) => finished).length,
    inFlightBytes: inFlight.reduce((sum, { handle }) => sum + sizeOf(handle), 0),
  };
}

function sizeOf(
  handle: ReturnType<typeof handlesOf> extends Generator<infer H> ? H : never,
): number {
  return handle.kind === 'inline' ? handle.bytes.length : handle.size;
}

function stateSchema({ kind, key, value, namespace, sliced }: StateDescription): string {
  const of = kind === 'timers' ? 'timestamp' : schemaText(value);
  const map = key === undefined ? of : `${schemaText(key)} -> ${of}`;
  const by = namespace === undefined ? '' : ` by ${schemaText(namespace)}`;
  return `${map}${by}${sliced === true ? ' by slice of time' : ''}`;
}

/** A schema as people write types. */
function schemaText(schema: SchemaDescription): string {
  switch (schema.kind) {
    case 'struct':
      return `{${schema.fields.map(({ name, type }) => fieldText(name, type)).join(', ')}}`;
    case 'array':
      return `${schemaText(schema.of)}[]`;
    case 'optional':
      return `${schemaText(schema.of)}?`;
    case 'nullable':
      return `${schemaText(schema.of)} | null`;
    case 'map':
      return `map<${schemaText(schema.key)}, ${schemaText(schema.value)}>`;
    case 'tuple':
      return `[${schema.items.map(schemaText).join(', ')}]`;
    case 'literal':
      return JSON.stringify(schema.value);
    case 'enum':
      return schema.values.map((value) => JSON.stringify(value)).join(' | ');
    case 'decimal':
      return `decimal(${schema.precision}, ${schema.scale})`;
    case 'union':
    case 'oneOf':
      return schema.arms.map(({ name, type }) => `${name}: ${schemaText(type)}`).join(' | ');
    default:
      return schema.kind;
  }
}

function fieldText(name: string, type: SchemaDescription): string {
  return type.kind === 'optional'
    ? `${name}?: ${schemaText(type.of)}`
    : `${name}: ${schemaText(type)}`;
}
