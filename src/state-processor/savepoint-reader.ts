/**
 * Reads the state in savepoints and retained checkpoints from a program: what Flink's
 * SavepointReader does. Values come as they were stored, by the schemas that stand beside them;
 * neither the job nor a cluster is needed.
 */
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { Key } from '../types/index.ts';
import { KeyedSnapshot, readOperatorState, type KeyedEntry } from '../state/snapshot-entries.ts';
import type { OperatorStateEntries } from '../state/snapshot-entries.ts';
import type { FileInput } from '../storage/file-system.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import type { OperatorMetadata } from '../storage/checkpoint-metadata.ts';
import { openHandle, readCheckpoint, type StoredCheckpoint } from '../storage/stored-checkpoint.ts';
import { processorFileSystems, type ProcessorOptions } from './processor-file-systems.ts';

/** What a savepoint says of itself. */
export interface SavepointInfo {
  readonly location: string;
  readonly jobId: string;
  readonly jobName: string;
  readonly checkpointId: number;
  readonly triggeredAt: Timestamp;
  readonly purpose: 'checkpoint' | 'savepoint';
  readonly format: 'canonical' | 'native' | undefined;
}

export interface SavepointOperator {
  /** By which a restore finds it: made of `uid`, or of the operator's place in the job. */
  readonly id: string;
  readonly uid: string | undefined;
  readonly name: string;
  readonly parallelism: number;
  readonly maxParallelism: number;
}

/** What a key has in a state. */
export interface KeyedStateEntry<V = unknown> {
  readonly key: Key;
  /** A value, the accumulator of one, the elements of a list, the Map of a map. */
  readonly value: V;
  /** Of a window, where the state is by window too. */
  readonly namespace: unknown;
  /** The beginning of the slice of time, where the state is by slice too. */
  readonly slice: Timestamp | undefined;
}

/**
 * @example
 * import { SavepointReader } from 'millrace/state-processor';
 *
 * const savepoint = await SavepointReader.read('/savepoints/savepoint-3f2a1b-0c4d5e6f7a8b');
 * for await (const { key, value } of savepoint.keyedState<number>('totals', 'count')) {
 *   console.log(key, value);
 * }
 */
export class SavepointReader {
  readonly info: SavepointInfo;
  readonly operators: readonly SavepointOperator[];
  readonly #fileSystems: FileSystems;
  readonly #stored: StoredCheckpoint;

  private constructor(fileSystems: FileSystems, stored: StoredCheckpoint) {
    const { jobId, jobName, checkpointId, triggeredAt, purpose, format, operators } =
      stored.metadata;
    const { location } = stored;
    this.#fileSystems = fileSystems;
    this.#stored = stored;
    this.info = { location, jobId, jobName, checkpointId, triggeredAt, purpose, format };
    this.operators = operators.map(({ operator, uid, name, parallelism, maxParallelism }) => ({
      ...{ id: operator, uid, name, parallelism, maxParallelism },
    }));
  }

  /**
   * @param path the folder of a savepoint or checkpoint, or its `_metadata`
   * @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID, IO_*, S3_*
   */
  static read(path: string, options: ProcessorOptions = {}): Promise<SavepointReader> {
    return SavepointReader.open(processorFileSystems(options), path);
  }

  /** The same with file systems of one's own. */
  static async open(fileSystems: FileSystems, path: string): Promise<SavepointReader> {
    return new SavepointReader(fileSystems, await readCheckpoint(fileSystems, path));
  }

  /** For tools of the engine. */
  get stored(): StoredCheckpoint {
    return this.#stored;
  }

  /**
   * All keys of a state, in no particular order.
   * @param operator its `uid`, or its id
   * @throws EngineError SAVEPOINT_STATE_UNKNOWN, STATE_SNAPSHOT_CORRUPT, CHECKPOINT_FILE_INVALID
   */
  async *keyedState<V = unknown>(
    operator: string,
    state: string,
  ): AsyncGenerator<KeyedStateEntry<V>, void, undefined> {
    const found = this.#operator(operator);
    const known = new Set<string>();
    let isThere = false;
    for await (const snapshot of this.#keyedSnapshots(found)) {
      for (const { state: each } of snapshot.states) known.add(each.name);
      isThere ||= known.has(state);
      for await (const entry of snapshot.entries(state)) yield entryOf<V>(entry);
    }
    if (!isThere) throw unknownState(found, state, known);
  }

  /**
   * The elements of a list that belongs to no key, of all subtasks in order.
   * @throws EngineError SAVEPOINT_STATE_UNKNOWN, STATE_SNAPSHOT_CORRUPT, CHECKPOINT_FILE_INVALID
   */
  async listState<V = unknown>(operator: string, state: string): Promise<readonly V[]> {
    const parts = await this.#operatorState(operator, state, ['split', 'union']);
    return parts.flatMap(({ values }) => values as readonly V[]);
  }

  /**
   * Broadcast state, which is the same on every subtask.
   * @throws EngineError SAVEPOINT_STATE_UNKNOWN, STATE_SNAPSHOT_CORRUPT, CHECKPOINT_FILE_INVALID
   */
  async broadcastState<K = unknown, V = unknown>(
    operator: string,
    state: string,
  ): Promise<ReadonlyMap<K, V>> {
    const [first] = await this.#operatorState(operator, state, ['broadcast']);
    return new Map(first!.values as readonly (readonly [K, V])[]);
  }

  /** Of each subtask that has keyed state, closed when the next is asked for. */
  async *#keyedSnapshots(
    operator: OperatorMetadata,
  ): AsyncGenerator<KeyedSnapshot, void, undefined> {
    for (const snapshot of operator.subtasks) {
      if (snapshot?.keyed === undefined) continue;
      const inputs: FileInput[] = [];
      try {
        for (const part of snapshot.keyed.parts) {
          inputs.push(await openHandle(this.#fileSystems, part));
        }
        yield await KeyedSnapshot.open(inputs);
      } finally {
        for (const input of inputs) await input.close();
      }
    }
  }

  async #operatorState(
    operator: string,
    state: string,
    kinds: readonly string[],
  ): Promise<readonly OperatorStateEntries[]> {
    const found = this.#operator(operator);
    const known = new Set<string>();
    const parts: OperatorStateEntries[] = [];
    for await (const states of this.#operatorStates(found)) {
      for (const each of states) {
        if (!kinds.includes(each.state.kind)) continue;
        known.add(each.state.name);
        if (each.state.name === state) parts.push(each);
      }
    }
    if (parts.length === 0) throw unknownState(found, state, known);
    return parts;
  }

  /** Of each subtask that has some. */
  async *#operatorStates(
    operator: OperatorMetadata,
  ): AsyncGenerator<readonly OperatorStateEntries[], void, undefined> {
    for (const snapshot of operator.subtasks) {
      if (snapshot?.operatorState === undefined) continue;
      const input = await openHandle(this.#fileSystems, snapshot.operatorState);
      try {
        yield await readOperatorState(input);
      } finally {
        await input.close();
      }
    }
  }

  /** For tools: everything of an operator, subtask by subtask. */
  snapshotsOf(operator: OperatorMetadata): {
    readonly keyed: AsyncGenerator<KeyedSnapshot, void, undefined>;
    readonly operatorState: AsyncGenerator<readonly OperatorStateEntries[], void, undefined>;
  } {
    return {
      keyed: this.#keyedSnapshots(operator),
      operatorState: this.#operatorStates(operator),
    };
  }

  #operator(name: string): OperatorMetadata {
    const { operators } = this.#stored.metadata;
    const found = operators.find(({ uid, operator }) => uid === name || operator === name);
    if (found !== undefined) return found;
    const known = operators.map(({ uid, operator }) => uid ?? operator).join(', ');
    throw new EngineError('SAVEPOINT_STATE_UNKNOWN', {
      location: this.info.location,
      what: `no operator with the uid ${JSON.stringify(name)}`,
      known: `It has ${known === '' ? 'none' : known}`,
    });
  }
}

function entryOf<V>({ key, value, namespace, slice }: KeyedEntry): KeyedStateEntry<V> {
  return { key, value: value as V, namespace, slice: slice as Timestamp | undefined };
}

function unknownState(
  { name }: OperatorMetadata,
  state: string,
  known: ReadonlySet<string>,
): EngineError {
  return new EngineError('SAVEPOINT_STATE_UNKNOWN', {
    location: 'The savepoint',
    what: `no such state ${JSON.stringify(state)} of the operator ${name}`,
    known: `It has ${known.size === 0 ? 'none' : [...known].join(', ')}`,
  });
}
