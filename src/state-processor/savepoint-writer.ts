/**
 * Makes savepoints from a program: new ones with state of one's own, or an existing one with
 * operators added, removed or renamed; what Flink's SavepointWriter does. What is written needs
 * nothing of what it was made from, and a job goes on from it at any parallelism.
 */
import { murmur128 } from '../base/murmur128.ts';
import { EngineError } from '../base/errors.ts';
import type { Handles, StateSpec } from '../functions/state.ts';
import { keyGroupOf } from '../graph/key-groups.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import { HeapKeyedStateBackend } from '../state/heap/heap-keyed-state-backend.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import type { SnapshotOutput, SnapshotWriter } from '../state/snapshot.ts';
import { handlesIn, handlesOf, mapHandles } from '../storage/checkpoint-metadata.ts';
import type { CheckpointMetadata, OperatorMetadata } from '../storage/checkpoint-metadata.ts';
import { CheckpointStreams, type CheckpointOutput } from '../storage/checkpoint-streams.ts';
import type { FileSystems } from '../storage/file-systems.ts';
import {
  discardHandles,
  METADATA_FILE,
  openHandle,
  readCheckpoint,
  writeMetadata,
} from '../storage/stored-checkpoint.ts';
import { joinUri } from '../storage/file-uri.ts';
import type { Key, Schema } from '../types/index.ts';
import { hashKey } from '../types/key.ts';
import {
  processorFileSystems,
  processorNow,
  type ProcessorOptions,
} from './processor-file-systems.ts';

/** As `execution.checkpointing.data-inline-threshold`. */
const INLINE_BYTES = 20 * 1024;
const COPY_BYTES = 4 * 1024 * 1024;
/** Of savepoints that no job has made. */
const NO_JOB = '0'.repeat(32);
const SLICE_MILLIS = 20;

export interface NewSavepointOptions extends ProcessorOptions {
  /** That of the job that will start from it; 128, its default up to a parallelism of 85. */
  readonly maxParallelism?: number | undefined;
  readonly jobName?: string | undefined;
}

/** Keyed state of an operator. */
export interface KeyedStateBootstrap<S extends StateSpec> {
  /** That of `keyBy`, if it declares one. */
  readonly key?: Schema<Key> | undefined;
  /** Under the names that the operator gives them. */
  readonly states: S;
  /** Writes the state of keys: `at(key)` makes a key current for the handles in `states`. */
  readonly fill: (into: {
    readonly at: (key: Key) => void;
    readonly states: Handles<S>;
  }) => void | Promise<void>;
}

/** State of an operator that belongs to no key. */
export interface OperatorStateBootstrap {
  /** Lists of which every subtask gets a part. */
  readonly split?: Readonly<Record<string, ListBootstrap>> | undefined;
  /** Lists that every subtask sees as a whole. */
  readonly union?: Readonly<Record<string, ListBootstrap>> | undefined;
  /** The same on every subtask. */
  readonly broadcast?: Readonly<Record<string, MapBootstrap>> | undefined;
}

export interface ListBootstrap {
  readonly element: Schema<unknown>;
  readonly values: Iterable<unknown>;
}

export interface MapBootstrap {
  readonly key: Schema<unknown>;
  readonly value: Schema<unknown>;
  readonly entries: Iterable<readonly [unknown, unknown]>;
}

type MakeOperator = (streams: CheckpointStreams, location: string) => Promise<OperatorMetadata>;

/**
 * @example
 * import { state, t } from 'millrace';
 * import { SavepointWriter } from 'millrace/state-processor';
 *
 * await SavepointWriter.newSavepoint()
 *   .withKeyedState('totals', {
 *     states: { count: state.value(t.float64) },
 *     fill: ({ at, states }) => {
 *       at('lhr');
 *       states.count.set(42);
 *     },
 *   })
 *   .write('/savepoints/bootstrapped');
 */
export class SavepointWriter {
  readonly #fileSystems: FileSystems;
  readonly #base: CheckpointMetadata;
  readonly #maxParallelism: number;
  readonly #added = new Map<string, MakeOperator>();

  private constructor(fileSystems: FileSystems, base: CheckpointMetadata, maxParallelism: number) {
    this.#fileSystems = fileSystems;
    this.#base = base;
    this.#maxParallelism = maxParallelism;
  }

  static newSavepoint(options: NewSavepointOptions = {}): SavepointWriter {
    const { maxParallelism = 128, jobName = 'made by a program' } = options;
    const empty = {
      fingerprint: '',
      operators: [],
      vertices: [],
      edges: [],
      blob: new Uint8Array(0),
    };
    const base: CheckpointMetadata = {
      ...{ jobId: NO_JOB, jobName, checkpointId: 0, triggeredAt: processorNow() },
      ...{ purpose: 'savepoint', format: 'canonical', ...empty },
    };
    return new SavepointWriter(processorFileSystems(options), base, maxParallelism);
  }

  /** @throws EngineError SAVEPOINT_NOT_FOUND, CHECKPOINT_FILE_INVALID */
  static async fromExistingSavepoint(
    path: string,
    options: ProcessorOptions = {},
  ): Promise<SavepointWriter> {
    const fileSystems = processorFileSystems(options);
    const { metadata } = await readCheckpoint(fileSystems, path);
    const maxParallelism = Math.max(1, ...metadata.operators.map((each) => each.maxParallelism));
    return new SavepointWriter(fileSystems, metadata, maxParallelism);
  }

  /** @throws EngineError API_INVALID_ARGUMENT if there is one already: remove it first */
  withKeyedState<const S extends StateSpec>(
    uid: string,
    bootstrap: KeyedStateBootstrap<S>,
  ): SavepointWriter {
    return this.#with(uid, async (streams, location) => {
      const handle = await keyedHandle(streams.open(location, 'exclusive'), {
        ...{ uid, bootstrap, maxParallelism: this.#maxParallelism },
      });
      const keyed = {
        ...{ firstKeyGroup: 0, lastKeyGroup: this.#maxParallelism - 1, parts: [handle] },
      };
      return this.#operator(uid, { keyed, operatorState: undefined });
    });
  }

  /** @throws EngineError API_INVALID_ARGUMENT if there is one already: remove it first */
  withOperatorState(uid: string, bootstrap: OperatorStateBootstrap): SavepointWriter {
    return this.#with(uid, async (streams, location) => {
      const backend = new OperatorStateBackend({ operator: uid, subtask: 0, parallelism: 1 });
      for (const [name, { element, values }] of Object.entries(bootstrap.split ?? {})) {
        backend.split(name, element).update(values);
      }
      for (const [name, { element, values }] of Object.entries(bootstrap.union ?? {})) {
        backend.union(name, element).update(values);
      }
      for (const [name, map] of Object.entries(bootstrap.broadcast ?? {})) {
        const { key, value, entries } = map;
        const held = backend.broadcast({ kind: 'broadcast', name, key, value });
        for (const entry of entries) held.set(...entry);
      }
      const output = streams.open(location, 'exclusive');
      const operatorState = await written(output, (to) => backend.beginSnapshot(to));
      return this.#operator(uid, { keyed: undefined, operatorState });
    });
  }

  /** @throws EngineError SAVEPOINT_STATE_UNKNOWN */
  removeOperator(uid: string): SavepointWriter {
    const id = this.#idOf(uid);
    const operators = this.#base.operators.filter(({ operator }) => operator !== id);
    const added = new Map(this.#added);
    added.delete(id);
    return this.#changed({ ...this.#base, operators }, added);
  }

  /**
   * The operator of one uid is that of another from now on.
   * @throws EngineError SAVEPOINT_STATE_UNKNOWN, API_INVALID_ARGUMENT
   */
  changeOperatorIdentifier(from: string, to: string): SavepointWriter {
    const id = this.#idOf(from);
    this.#requireNew(to);
    const operators = this.#base.operators.map((operator) =>
      operator.operator === id ? renamed(operator, to) : operator,
    );
    return this.#changed({ ...this.#base, operators }, this.#added);
  }

  /**
   * Writes it into a folder that has no savepoint yet, with copies of all that it is made from.
   * @returns the path to start from
   * @throws EngineError IO_*, S3_*
   */
  async write(path: string): Promise<string> {
    const files = this.#fileSystems.of(path);
    const location = files.resolve(path);
    const metadataUri = joinUri(location, METADATA_FILE);
    if ((await files.stat(metadataUri)) !== undefined) {
      throw new EngineError('IO_EXISTS', { path: metadataUri });
    }
    await files.makeFolder(location);
    const streams = new CheckpointStreams(this.#fileSystems, {
      directory: location,
      inlineBytes: INLINE_BYTES,
    });
    const handles: StateHandle[] = [];
    try {
      const metadata = await this.#writeState(streams, location, handles);
      await writeMetadata(this.#fileSystems, location, metadata);
    } catch (error) {
      await discardHandles(this.#fileSystems, handles);
      throw error;
    }
    return location;
  }

  /** Every handle that was written comes into `handles` as well. */
  async #writeState(
    streams: CheckpointStreams,
    location: string,
    handles: StateHandle[],
  ): Promise<CheckpointMetadata> {
    const copies = await this.#copies(streams, location, handles);
    const copied = mapHandles(this.#base, (handle) => copies.get(handle)!);
    const operators = [...copied.operators];
    for (const make of this.#added.values()) {
      const operator = await make(streams, location);
      operators.push(operator);
      for (const each of operator.subtasks) if (each) handles.push(...handlesIn(each));
    }
    const { format } = this.#base;
    return { ...copied, operators, purpose: 'savepoint', format: format ?? 'native' };
  }

  async #copies(
    streams: CheckpointStreams,
    location: string,
    handles: StateHandle[],
  ): Promise<ReadonlyMap<StateHandle, StateHandle>> {
    const copies = new Map<StateHandle, StateHandle>();
    for (const handle of handlesOf(this.#base)) {
      const copy =
        handle.kind === 'inline'
          ? handle
          : await copyOf(this.#fileSystems, handle, streams.open(location, 'exclusive'));
      copies.set(handle, copy);
      handles.push(copy);
    }
    return copies;
  }

  #with(uid: string, make: MakeOperator): SavepointWriter {
    this.#requireNew(uid);
    return this.#changed(this.#base, new Map([...this.#added, [murmur128(uid), make]]));
  }

  #changed(base: CheckpointMetadata, added: ReadonlyMap<string, MakeOperator>): SavepointWriter {
    const writer = new SavepointWriter(this.#fileSystems, base, this.#maxParallelism);
    for (const [id, make] of added) writer.#added.set(id, make);
    return writer;
  }

  #operator(
    uid: string,
    {
      keyed,
      operatorState,
    }: Pick<NonNullable<OperatorMetadata['subtasks'][0]>, 'keyed' | 'operatorState'>,
  ): OperatorMetadata {
    const operator = murmur128(uid);
    const snapshot = { operator, keyed, operatorState, committables: [] };
    return {
      ...{ operator, uid, name: uid, parallelism: 1, maxParallelism: this.#maxParallelism },
      ...{ subtasks: [snapshot], committable: undefined, enumerator: undefined },
      ...{ enumeratorSchema: undefined, keyedBy: undefined },
    };
  }

  #idOf(uid: string): string {
    const known = this.#base.operators.find((each) => each.uid === uid || each.operator === uid);
    if (known !== undefined) return known.operator;
    if (this.#added.has(murmur128(uid))) return murmur128(uid);
    const uids = this.#base.operators.map((each) => each.uid ?? each.operator);
    throw new EngineError('SAVEPOINT_STATE_UNKNOWN', {
      location: 'The savepoint',
      what: `no operator with the uid ${JSON.stringify(uid)}`,
      known: `It has ${uids.length === 0 ? 'none' : uids.join(', ')}`,
    });
  }

  #requireNew(uid: string): void {
    const id = murmur128(uid);
    const isThere = this.#base.operators.some(({ operator }) => operator === id);
    if (!isThere && !this.#added.has(id)) return;
    const reason = `the savepoint has state of the uid ${JSON.stringify(uid)}; remove it first`;
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'SavepointWriter', reason });
  }
}

function renamed(operator: OperatorMetadata, uid: string): OperatorMetadata {
  const id = murmur128(uid);
  const subtasks = operator.subtasks.map((each) => each && { ...each, operator: id });
  return { ...operator, operator: id, uid, subtasks };
}

async function keyedHandle<S extends StateSpec>(
  output: CheckpointOutput,
  made: {
    readonly uid: string;
    readonly bootstrap: KeyedStateBootstrap<S>;
    readonly maxParallelism: number;
  },
): Promise<StateHandle> {
  const { uid, bootstrap, maxParallelism } = made;
  const { key, states, fill } = bootstrap;
  const backend = HeapKeyedStateBackend.open({
    ...{ operator: uid, maxParallelism, keySchema: key },
    keyGroups: { first: 0, last: maxParallelism - 1 },
    processingTime: processorNow,
  });
  try {
    const handles = Object.fromEntries(
      Object.entries(states).map(([name, each]) => [name, backend.register(name, each)]),
    ) as Handles<S>;
    const at = (each: Key): void =>
      backend.setCurrentKey(each, keyGroupOf(hashKey(each), maxParallelism));
    await fill({ at, states: handles });
    backend.clearCurrentKey();
    return await written(output, (to) => backend.beginSnapshot(to, { order: 'canonical' }));
  } finally {
    backend.close();
  }
}

/** All of a snapshot. What was written is removed if it fails. */
async function written(
  output: CheckpointOutput,
  begin: (output: SnapshotOutput) => SnapshotWriter,
): Promise<StateHandle> {
  const writer = begin(output);
  try {
    for (;;) {
      let turns = 0;
      // Its clock counts the looks at it: no slice is longer than some thousand entries.
      const result = writer.writeSlice(SLICE_MILLIS, () => (turns += 0.01));
      if (result === 'done') return await output.finish();
      await output.drained();
    }
  } catch (error) {
    writer.abort();
    await output.abort();
    throw error;
  }
}

async function copyOf(
  fileSystems: FileSystems,
  handle: StateHandle,
  output: CheckpointOutput,
): Promise<StateHandle> {
  const input = await openHandle(fileSystems, handle);
  try {
    for (let at = 0; at < input.size; at += COPY_BYTES) {
      output.write(await input.read(at, Math.min(COPY_BYTES, input.size - at)));
      await output.drained();
    }
    return await output.finish();
  } catch (error) {
    await output.abort();
    throw error;
  } finally {
    await input.close();
  }
}
