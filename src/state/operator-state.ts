/**
 * State of an operator that belongs to no key: broadcast state, which is the same on every subtask;
 * split state, a list that is dealt out anew when the parallelism changes (splits of a source,
 * committables of a sink); and union state, a list that every subtask sees as a whole after a
 * restore (what each has reached). It is small beside keyed state, is kept in memory, and its
 * snapshots have the layout of keyed ones.
 *
 * Invariants
 * Q1. A snapshot shows the state of the moment at which it began: it holds views.
 * Q2. States have one name each, and one handle. Broadcast state, whose names users choose, has
 *     names of its own beside those of lists.
 * Q3. Every element of split and union state of the former subtasks belongs to exactly one subtask:
 *     the same one where the parallelism is the same, else an even share of all in order.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type {
  BroadcastState,
  BroadcastStateDescriptor,
  StateMigration,
} from '../functions/state.ts';
import { schemaOf } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { BroadcastMap } from './broadcast-map.ts';
import { OperatorList } from './operator-list.ts';
import { OperatorSnapshotWriter } from './operator-snapshot-writer.ts';
import { SnapshotFileReader } from './snapshot-file-reader.ts';
import type { OperatorManifest } from './snapshot-layout.ts';
import type { SnapshotInput, SnapshotOutput, SnapshotWriter } from './snapshot.ts';
import { haveOneName, requireSameState } from './state-description.ts';
import type { StateDescription } from './state-description.ts';
import { readingOf, storedCodecs } from './state-evolution.ts';
import type { DeclaredState, StateReading, StoredParts } from './state-evolution.ts';

export interface OperatorStateOptions {
  /** The operator's name, for messages. */
  readonly operator: string;
  readonly subtask: number;
  readonly parallelism: number;
}

/** A list of which every subtask has a part. */
export interface SplitState<T> {
  values(): readonly T[];
  /** The list as it is at this call, without a copy. */
  view(): Iterable<T>;
  readonly isEmpty: boolean;
  /** @throws EngineError STATE_VALUE_INVALID */
  add(value: T): void;
  addAll(values: Iterable<T>): void;
  /** Replaces this subtask's part. */
  update(values: Iterable<T>): void;
  clear(): void;
}

/**
 * A list of which every subtask writes a part and sees the whole after a restore. After that
 * `values` are the parts of all and what this subtask has added, until `update` or `clear`; then
 * they are its own part alone. Snapshots hold the own part, so that nothing multiplies.
 */
export interface UnionState<T> extends SplitState<T> {
  /** What the restore has found, whatever was done since. */
  restored(): RestoredUnion<T>;
}

export interface RestoredUnion<T> {
  /**
   * The part that the subtask of this number had written; undefined where the parallelism has
   * changed, nothing was restored, or the snapshot did not know the state.
   */
  readonly own: readonly T[] | undefined;
  /** The parts of all subtasks, in the order of their numbers. */
  readonly all: readonly T[];
}

type StoredState = BroadcastMap | OperatorList;

interface KnownState {
  readonly description: StateDescription;
  readonly value: Schema<unknown>;
  readonly migrations: readonly StateMigration<unknown>[];
  readonly stored: StoredState;
  /** By the program; else only restored. */
  readonly declared: boolean;
}

interface DeclaredParts {
  readonly value: Schema<unknown>;
  readonly key: Schema<unknown> | undefined;
  readonly migrations: readonly StateMigration<unknown>[] | undefined;
}
type OperatorFile = SnapshotFileReader & { readonly manifest: OperatorManifest };

/**
 * @example
 * const airports = backend.broadcast(state.broadcast('airports', t.string, Airport));
 * const splits = backend.split('splits', Split);
 * const reached = backend.union('reached', t.timestamp);
 */
export class OperatorStateBackend {
  readonly #options: OperatorStateOptions;
  /** Q2, in the order in which they were made. */
  readonly #states: KnownState[] = [];

  constructor(options: OperatorStateOptions) {
    this.#options = options;
  }

  /** Whether nobody has asked for a state, and none was restored. */
  get isEmpty(): boolean {
    return this.#states.length === 0;
  }

  /** What the program has asked for so far; not what was only restored. */
  get declared(): readonly DeclaredState[] {
    return this.#states
      .filter(({ declared }) => declared)
      .map(({ description, migrations }) => ({
        description,
        migrations: migrations.map(({ from }) => from.description),
      }));
  }

  /** @throws EngineError STATE_INCOMPATIBLE */
  broadcast<MK, V>(descriptor: BroadcastStateDescriptor<MK, V>): BroadcastState<MK, V> {
    const { name, key, value, migrations } = descriptor;
    const description = {
      name,
      kind: 'broadcast' as const,
      value: value.description,
      key: key.description,
    };
    return this.#declare(description, { value, key, migrations }) as BroadcastState<MK, V>;
  }

  /** @throws EngineError STATE_INCOMPATIBLE */
  split<T>(
    name: string,
    element: Schema<T>,
    migrations?: readonly StateMigration<unknown>[],
  ): SplitState<T> {
    const description = { name, kind: 'split' as const, value: element.description };
    const declared = { value: element, key: undefined, migrations };
    return this.#declare(description, declared) as SplitState<T>;
  }

  /** @throws EngineError STATE_INCOMPATIBLE */
  union<T>(
    name: string,
    element: Schema<T>,
    migrations?: readonly StateMigration<unknown>[],
  ): UnionState<T> {
    const description = { name, kind: 'union' as const, value: element.description };
    const declared = { value: element, key: undefined, migrations };
    return this.#declare(description, declared) as UnionState<T>;
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
   * for, before they are used. Restored state that nobody asks for is kept. `without`: so many of
   * them had finished before their snapshot, and have none.
   * @throws EngineError STATE_SNAPSHOT_CORRUPT, STATE_SNAPSHOT_MISMATCH, STATE_INCOMPATIBLE
   */
  async restore(snapshots: readonly SnapshotInput[], without: number = 0): Promise<void> {
    if (snapshots.length === 0) return;
    const files: OperatorFile[] = [];
    for (const input of snapshots) files.push(await SnapshotFileReader.openOperator(input));
    files.sort((a, b) => a.manifest.subtask - b.manifest.subtask);
    requireAllSubtasks(files, without);
    for (const file of files) {
      for (const description of file.manifest.states) this.#restored(description);
    }
    for (const state of this.#states) {
      const { stored } = state;
      if (stored instanceof OperatorList) await this.#restoreList(files, state, stored);
      else await this.#restoreBroadcast(files, state, stored);
    }
  }

  /** One's own; if the parallelism was smaller, that of another, since all are the same. */
  async #restoreBroadcast(
    files: readonly OperatorFile[],
    state: KnownState,
    map: BroadcastMap,
  ): Promise<void> {
    const file = files[this.#options.subtask % files.length]!;
    const parts = this.#storedParts(file, state);
    await readState(file, state.description, (entry) => map.readEntry(entry, parts));
  }

  /** Undefined where the state of the file is as the program has it. */
  #storedParts(file: OperatorFile, state: KnownState): StoredParts | undefined {
    const stored = file.manifest.states.find((other) => haveOneName(other, state.description));
    if (stored === undefined) return undefined;
    const reading = this.#readingOf(stored, state);
    return reading && { codecs: storedCodecs(stored), reading };
  }

  #readingOf(stored: StateDescription, state: KnownState): StateReading | undefined {
    const { description, value: schema, migrations } = state;
    const names = { operator: this.#options.operator, state: description.name };
    return readingOf(stored, { names, description, schema, migrations });
  }

  /** Q3 */
  async #restoreList(
    files: readonly OperatorFile[],
    state: KnownState,
    list: OperatorList,
  ): Promise<void> {
    const { description } = state;
    const { subtask, parallelism } = this.#options;
    // A subtask without a file had finished, or nothing to keep: nobody's part becomes its own.
    const same = files[0]!.manifest.parallelism === parallelism;
    const union = description.kind === 'union';
    const all: unknown[] = [];
    let own: unknown[] | undefined;
    for (const file of files) {
      const isOwn = same && file.manifest.subtask === subtask;
      if (same && !union && !isOwn) continue;
      const from = all.length;
      const parts = this.#storedParts(file, state);
      await readState(file, description, (entry) => list.readEntry(entry, all, parts));
      if (isOwn) own = all.slice(from);
    }
    const share = same ? (own ?? []) : evenShare(all, subtask, parallelism);
    if (!union) return list.restoreSplit(share);
    const known = files.some(({ manifest }) =>
      manifest.states.some((state) => haveOneName(state, description)),
    );
    list.restoreUnion({ own: known ? own?.slice() : undefined, all }, share);
  }

  #restored(description: StateDescription): void {
    const { kind, value, key } = description;
    assert(
      kind === 'broadcast' || kind === 'split' || kind === 'union',
      'Q2: keyed state among operator state',
    );
    const known = this.#states.find((state) => haveOneName(state.description, description));
    if (known !== undefined) {
      this.#readingOf(description, known);
      return;
    }
    const parts = { value: schemaOf(value), key: key && schemaOf(key), migrations: undefined };
    this.#states.push(this.#newState(description, parts, false));
  }

  /** The state of that name, as the program has it: what was restored becomes it. */
  #declare(description: StateDescription, parts: DeclaredParts): unknown {
    const at = this.#states.findIndex((state) => haveOneName(state.description, description));
    const known = this.#states[at];
    if (known?.declared === true) {
      requireSameState(this.#options.operator, known.description, description);
      return known.stored;
    }
    const state = this.#newState(description, parts, true);
    if (known === undefined) {
      this.#states.push(state);
      return state.stored;
    }
    const reading = this.#readingOf(known.description, state);
    const { stored } = known;
    if (reading === undefined) {
      this.#states[at] = { ...state, stored };
      return stored;
    }
    if (stored instanceof OperatorList) {
      stored.convertTo(state.stored as OperatorList, reading.value ?? ((element) => element));
    } else stored.convertTo(state.stored as BroadcastMap, reading);
    this.#states[at] = state;
    return state.stored;
  }

  #newState(
    description: StateDescription,
    { value, key, migrations = [] }: DeclaredParts,
    declared: boolean,
  ): KnownState {
    const names = { operator: this.#options.operator, state: description.name };
    const stored =
      key === undefined ? new OperatorList(names, value) : new BroadcastMap(names, key, value);
    return { description, value, migrations, stored, declared };
  }
}

function evenShare(all: readonly unknown[], subtask: number, parallelism: number): unknown[] {
  const from = Math.floor((subtask * all.length) / parallelism);
  const to = Math.floor(((subtask + 1) * all.length) / parallelism);
  return all.slice(from, to);
}

function requireAllSubtasks(files: readonly OperatorFile[], without: number): void {
  const { parallelism } = files[0]!.manifest;
  for (const [index, { manifest, input }] of files.entries()) {
    const before = index === 0 ? -1 : files[index - 1]!.manifest.subtask;
    const isNext = without === 0 ? manifest.subtask === index : manifest.subtask > before;
    if (isNext && files.length + without === parallelism) continue;
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
  const index = file.manifest.states.findIndex((state) => haveOneName(state, description));
  for (const section of file.sections) {
    if (section.state === index) await file.readSection(section, visit);
  }
}
