/**
 * State of an operator that belongs to no key: broadcast state, which is the same on every subtask,
 * and split state, a list that is dealt out anew when the parallelism changes (splits of a source,
 * committables of a sink). It is small beside keyed state, is kept in memory, and its snapshots
 * have the layout of keyed ones.
 *
 * Invariants
 * Q1. A snapshot shows the state of the moment at which it began: it holds views.
 * Q2. States have one name each, and one handle.
 * Q3. Every element of split state of the former subtasks goes to exactly one subtask.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { BroadcastState, BroadcastStateDescriptor } from '../functions/state.ts';
import { schemaOf } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { BroadcastMap } from './broadcast-map.ts';
import { OperatorSnapshotWriter } from './operator-snapshot-writer.ts';
import { SnapshotFileReader } from './snapshot-file-reader.ts';
import type { OperatorManifest } from './snapshot-layout.ts';
import type { SnapshotInput, SnapshotOutput, SnapshotWriter } from './snapshot.ts';
import { SplitList } from './split-list.ts';
import { requireSameState } from './state-description.ts';
import type { StateDescription } from './state-description.ts';

export interface OperatorStateOptions {
  /** The operator's name, for messages. */
  readonly operator: string;
  readonly subtask: number;
  readonly parallelism: number;
}

/** A list of which every subtask has a part. */
export interface SplitState<T> {
  values(): readonly T[];
  /** Replaces this subtask's part. */
  update(values: Iterable<T>): void;
}

type StoredState = BroadcastMap | SplitList;
type OperatorFile = SnapshotFileReader & { readonly manifest: OperatorManifest };

/**
 * @example
 * const airports = backend.broadcast(state.broadcast('airports', t.string, Airport));
 * const splits = backend.split('splits', Split);
 */
export class OperatorStateBackend {
  readonly #options: OperatorStateOptions;
  /** Q2, in the order in which they were made. */
  readonly #states: { readonly description: StateDescription; readonly stored: StoredState }[] = [];

  constructor(options: OperatorStateOptions) {
    this.#options = options;
  }

  /** @throws EngineError STATE_INCOMPATIBLE */
  broadcast<MK, V>(descriptor: BroadcastStateDescriptor<MK, V>): BroadcastState<MK, V> {
    const { name, key, value } = descriptor;
    const description = {
      name,
      kind: 'broadcast' as const,
      value: value.description,
      key: key.description,
    };
    return this.#state(description, value, key) as BroadcastState<MK, V>;
  }

  /** @throws EngineError STATE_INCOMPATIBLE */
  split<T>(name: string, element: Schema<T>): SplitState<T> {
    const description = { name, kind: 'split' as const, value: element.description };
    return this.#state(description, element, undefined) as SplitState<T>;
  }

  /** At a record boundary only. */
  beginSnapshot(output: SnapshotOutput): SnapshotWriter {
    const { operator, subtask, parallelism } = this.#options;
    const states = this.#states.map(({ description }) => description);
    const manifest = { kind: 'operator', operator, subtask, parallelism, states } as const;
    const parts = this.#states.map(({ stored }) => stored.parts());
    return new OperatorSnapshotWriter({ manifest, parts, output });
  }

  /**
   * The snapshots of all former subtasks, in any order; once, before or after the states are asked
   * for, before they are used. Restored state that nobody asks for is kept.
   * @throws EngineError STATE_SNAPSHOT_CORRUPT, STATE_SNAPSHOT_MISMATCH, STATE_INCOMPATIBLE
   */
  async restore(snapshots: readonly SnapshotInput[]): Promise<void> {
    if (snapshots.length === 0) return;
    const files: OperatorFile[] = [];
    for (const input of snapshots) files.push(await SnapshotFileReader.openOperator(input));
    files.sort((a, b) => a.manifest.subtask - b.manifest.subtask);
    requireAllSubtasks(files);
    for (const file of files) {
      for (const description of file.manifest.states) this.#restored(description);
    }
    for (const { description, stored } of this.#states) {
      if (stored instanceof SplitList) await this.#restoreSplit(files, description, stored);
      else await this.#restoreBroadcast(files, description, stored);
    }
  }

  /** One's own; if the parallelism was smaller, that of another, since all are the same. */
  async #restoreBroadcast(
    files: readonly OperatorFile[],
    description: StateDescription,
    map: BroadcastMap,
  ): Promise<void> {
    const file = files[this.#options.subtask % files.length]!;
    await readState(file, description, (entry) => map.readEntry(entry));
  }

  /** Q3: one's own where the parallelism is the same, else an even share of all. */
  async #restoreSplit(
    files: readonly OperatorFile[],
    description: StateDescription,
    list: SplitList,
  ): Promise<void> {
    const { subtask, parallelism } = this.#options;
    const same = files.length === parallelism;
    const all: unknown[] = [];
    for (const file of same ? [files[subtask]!] : files) {
      await readState(file, description, (entry) => list.readEntry(entry, all));
    }
    const from = same ? 0 : Math.floor((subtask * all.length) / parallelism);
    const to = same ? all.length : Math.floor(((subtask + 1) * all.length) / parallelism);
    list.update(all.slice(from, to));
  }

  #restored(description: StateDescription): void {
    const { kind, value, key } = description;
    assert(kind === 'broadcast' || kind === 'split', 'Q2: keyed state among operator state');
    this.#state(description, schemaOf(value), key === undefined ? undefined : schemaOf(key));
  }

  #state(
    description: StateDescription,
    value: Schema<unknown>,
    key: Schema<unknown> | undefined,
  ): unknown {
    const { operator } = this.#options;
    const known = this.#states.find((state) => state.description.name === description.name);
    if (known !== undefined) {
      requireSameState(operator, known.description, description);
      return known.stored;
    }
    const names = { operator, state: description.name };
    const stored =
      key === undefined ? new SplitList(names, value) : new BroadcastMap(names, key, value);
    this.#states.push({ description, stored });
    return stored;
  }
}

function requireAllSubtasks(files: readonly OperatorFile[]): void {
  const { parallelism } = files[0]!.manifest;
  for (const [index, { manifest, input }] of files.entries()) {
    if (manifest.subtask === index && files.length === parallelism) continue;
    throw new EngineError('STATE_SNAPSHOT_MISMATCH', {
      source: input.name,
      reason:
        `it is that of subtask ${manifest.subtask} of ${manifest.parallelism}, and ` +
        `${files.length} snapshots were given: all are needed, each once`,
    });
  }
}

async function readState(
  file: OperatorFile,
  description: StateDescription,
  visit: Parameters<SnapshotFileReader['readSection']>[1],
): Promise<void> {
  const index = file.manifest.states.findIndex(({ name }) => name === description.name);
  for (const section of file.sections) {
    if (section.state === index) await file.readSection(section, visit);
  }
}
