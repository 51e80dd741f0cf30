/**
 * Keyed state in memory: a table for each state and key group, typed where keys or values are
 * numbers; snapshots in slices while the state goes on changing. The contract is
 * `../keyed-state-backend.ts`.
 *
 * Invariants
 * B1. States have one name each, and their index in `#states` never changes.
 * B2. There is one handle for a state; all access of operators goes through it.
 */
import { assert } from '../../base/assert.ts';
import type { StateDescriptor, StateMigration } from '../../functions/state.ts';
import type { StateTtl } from '../../functions/state-ttl.ts';
import { schemaOf, t } from '../../types/index.ts';
import { keyFamilyOfSchema } from '../../types/key-schema.ts';
import { KEY_HASH_VERSION } from '../../types/key.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type {
  KeyedStateBackend,
  KeyedStateOptions,
  KeyGroupRange,
  NamespacedState,
  SlicedState,
  StateUsage,
  TimerQueue,
} from '../keyed-state-backend.ts';
import type { RowLog, RowSchemas, RowTable } from '../row-state.ts';
import { HeapRowLog, HeapRows, HeapRowTable } from '../rows/heap-rows.ts';
import { columnsOf, evolveRows, FormerRows, rowReading } from '../rows/row-evolution.ts';
import type {
  SnapshotInput,
  SnapshotMark,
  SnapshotOptions,
  SnapshotOutput,
  SnapshotWriter,
} from '../snapshot.ts';
import {
  describeRowLog,
  describeRowTable,
  describeState,
  describeTimers,
  requireSameState,
} from '../state-description.ts';
import type { StateDescription } from '../state-description.ts';
import { canEvolve, readingOf } from '../state-evolution.ts';
import type { DeclaredState, EvolvingState, StateReading } from '../state-evolution.ts';
import { HeapAggregatingState, HeapReducingState } from './heap-accumulating-state.ts';
import { HeapListState } from './heap-list-state.ts';
import { HeapMapState } from './heap-map-state.ts';
import { evolveEntries, evolveTimers } from './heap-evolution.ts';
import { restoreHeap } from './heap-restore.ts';
import type { RestoredState } from './heap-restore.ts';
import { HeapSlicedState } from './heap-sliced-state.ts';
import { HeapSnapshotWriter } from './heap-snapshot-writer.ts';
import { HeapState, schemasOf } from './heap-state.ts';
import type { HeapBackendParts, StateSchemas } from './heap-state.ts';
import { HeapTimelineState } from './heap-timeline-state.ts';
import { HeapTimerQueue } from './timers/heap-timer-queue.ts';
import { HeapTtlListState } from './ttl/heap-ttl-list-state.ts';
import { HeapTtlMapState } from './ttl/heap-ttl-map-state.ts';
import { openStoredValue } from './ttl/heap-ttl-value-state.ts';
import { KeyContext } from './key-context.ts';
import type { KeyedHandle } from './keyed-handle.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { HeapNamespacedState, NamespacedHeapState } from './namespaced-heap-state.ts';
import { SlicedHeapState } from './sliced-heap-state.ts';
import { TableMemory } from './table-memory.ts';
import { Ttl, TtlClock } from './ttl/ttl.ts';
import type { TtlCleaner } from './ttl/ttl-cleaner.ts';
import { VersionClock } from './version-clock.ts';

/** What a core has near anyway. */
const NEAR_BYTES = 8 * 1024 * 1024;
/** Batches of records after which it is counted again. */
const ASKED_AGAIN = 1024;

export class HeapKeyedStateBackend implements KeyedStateBackend {
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  readonly #operator: string;
  readonly #keySchema: Schema<Key> | undefined;
  readonly #context: KeyContext;
  readonly #parts: HeapBackendParts;
  /** B1 */
  readonly #states: AnyState[] = [];
  /** B2 */
  readonly #handles = new Map<string, HeapHandle>();
  /** Timers and rows that the program has registered, by name. */
  readonly #registered = new Set<string>();
  readonly #formerRows: FormerRows;
  /** Of states with a time-to-live that look for what has expired at every record. */
  readonly #cleaners: TtlCleaner[] = [];
  readonly #pause: KeyedStateOptions['pause'];
  #restored = false;
  #asked = 0;
  #isLarge = false;
  /** What `approach` has read: nobody may find that it reads in vain, and leave it out. */
  touched = 0;

  private constructor(options: KeyedStateOptions) {
    const { keyGroups, maxParallelism, operator, keySchema } = options;
    assert(
      keyGroups.first >= 0 && keyGroups.first <= keyGroups.last && keyGroups.last < maxParallelism,
      'K1: a range of no key groups',
    );
    this.keyGroups = keyGroups;
    this.maxParallelism = maxParallelism;
    this.#operator = operator;
    this.#formerRows = new FormerRows(operator, (each) => this.#makeRows(each));
    this.#keySchema = keySchema;
    this.#pause = options.pause;
    this.#context = new KeyContext(operator, keyGroups);
    const clock = new VersionClock();
    this.#parts = {
      context: this.#context,
      clock,
      memory: new TableMemory(clock),
      ttlClock: new TtlClock(options.processingTime),
      onAccumulated: options.onAccumulated,
    };
    const family = keySchema === undefined ? undefined : keyFamilyOfSchema(keySchema.description);
    if (family !== undefined) this.#context.pin(family);
  }

  static open(options: KeyedStateOptions): HeapKeyedStateBackend {
    return new HeapKeyedStateBackend(options);
  }

  setCurrentKey(key: Key, keyGroup: number): void {
    this.#context.set(key, keyGroup);
    if (this.#cleaners.length !== 0) this.#clean();
  }

  get approaches(): boolean {
    if (this.#context.family !== 'number') return false;
    // How much there is changes slowly, and counting it takes longer than one use of the answer.
    this.#asked = (this.#asked + 1) % ASKED_AGAIN;
    if (this.#asked === 1) this.#isLarge = this.usage.typedBytes > NEAR_BYTES;
    return this.#isLarge;
  }

  approach(keys: readonly number[], keyGroups: Uint16Array): void {
    let touched = 0;
    for (const state of this.#states) {
      if (state instanceof HeapState)
        touched += state.approach(keys, keyGroups, this.keyGroups.first);
    }
    this.touched = touched;
  }

  clearCurrentKey(): void {
    this.#context.clear();
  }

  get currentKey(): Key | undefined {
    return this.#context.key;
  }

  get currentKeyGroup(): number {
    return this.keyGroups.first + this.#context.group;
  }

  register<H>(name: string, descriptor: StateDescriptor<H>): H {
    const state = this.#declare(describeState(name, descriptor), descriptor);
    const known = this.#handles.get(name);
    if (known !== undefined) return known as unknown as H;
    const handle = this.#openHandle(state, descriptor);
    this.#handles.set(name, handle);
    return handle as unknown as H;
  }

  registerNamespaced<H, N>(
    name: string,
    descriptor: StateDescriptor<H>,
    namespace: Schema<N>,
  ): NamespacedState<H, N> {
    const description = { ...describeState(name, descriptor), namespace: namespace.description };
    const state = this.#declare(description, descriptor) as NamespacedHeapState;
    const known = this.#handles.get(name);
    if (known !== undefined) return known as unknown as NamespacedState<H, N>;
    const namespaced = new HeapNamespacedState(state, this.#openHandle(state, descriptor));
    this.#handles.set(name, namespaced);
    return namespaced as unknown as NamespacedState<H, N>;
  }

  registerSliced<H>(name: string, descriptor: StateDescriptor<H>): SlicedState<H> {
    assert(ttlOf(descriptor) === undefined, 'slices are dropped by their owner, and do not expire');
    const description = { ...describeState(name, descriptor), sliced: true };
    const state = this.#declare(description, descriptor) as SlicedHeapState;
    const known = this.#handles.get(name);
    if (known !== undefined) return known as unknown as SlicedState<H>;
    const sliced = new HeapSlicedState(state, openHandle(state, descriptor));
    this.#handles.set(name, sliced);
    return sliced as unknown as SlicedState<H>;
  }

  registerTimers<N>(name: string, namespace: Schema<N> | undefined): TimerQueue<N> {
    const timers = this.#declareTimers(describeTimers(name, namespace));
    this.#registered.add(name);
    return timers as TimerQueue<N>;
  }

  registerRowTable(name: string, width: number, schemas?: RowSchemas): RowTable {
    assert(width >= 0 && width % 8 === 0, 'a slot of rows is a multiple of 8 bytes');
    const description = describeRowTable(name, width, schemas);
    if (schemas !== undefined) columnsOf(description);
    return this.#declareRows(description) as HeapRowTable;
  }

  registerRowLog(name: string, schemas?: RowSchemas): RowLog {
    return this.#declareRows(describeRowLog(name, schemas)) as HeapRowLog;
  }

  get declared(): readonly DeclaredState[] {
    return this.#states
      .filter(({ description: { name } }) => this.#handles.has(name) || this.#registered.has(name))
      .map((state) => ({
        description: state.description,
        migrations:
          state instanceof HeapState ? state.migrations.map(({ from }) => from.description) : [],
      }));
  }

  get timers(): ReadonlyMap<string, TimerQueue<unknown>> {
    const queues = this.#states.filter((state) => state instanceof HeapTimerQueue);
    return new Map(queues.map((queue) => [queue.name, queue]));
  }

  forEachKey(name: string, visit: (key: Key) => void): void {
    const state = this.#states.find((candidate) => candidate.name === name);
    assert(state !== undefined, `B1: no state named ${JSON.stringify(name)}`);
    assert(!(state instanceof HeapRows), 'B1: rows have no keys that could be visited');
    const { key, group } = this.#context;
    try {
      if ('forEachKey' in state) return state.forEachKey(visit);
      for (let index = 0; index < state.tables.length; index++) {
        for (const table of state.tablesOf(index)) this.#visitTable(table, index, visit);
      }
    } finally {
      if (key === undefined) this.#context.clear();
      else this.#context.set(key, this.keyGroups.first + group);
    }
  }

  #clean(): void {
    const now = this.#parts.ttlClock.now();
    for (const cleaner of this.#cleaners) cleaner.run(now);
  }

  /** The keys of the table first: `visit` may change it. */
  #visitTable(table: KeyGroupTable, index: number, visit: (key: Key) => void): void {
    const state = this.#states[table.state] as HeapState;
    for (const key of state.shownKeysOf(table)) {
      this.#context.set(key, this.keyGroups.first + index);
      // Another visit may have removed it.
      if (table.find(this.#context.lookup!) >= 0) visit(key);
    }
  }

  beginSnapshot(output: SnapshotOutput, options: SnapshotOptions = {}): SnapshotWriter {
    const { order = 'natural', base, marked = false } = options;
    const { clock } = this.#parts;
    return new HeapSnapshotWriter({
      clock,
      states: this.#states.slice(),
      output,
      base,
      marked,
      cutoffs: this.#states.map((state) =>
        state instanceof HeapState ? state.snapshotCutoff() : -Infinity,
      ),
      manifest: {
        kind: 'keyed',
        operator: this.#operator,
        order,
        base: base === undefined ? null : clock.identityOf(base),
        keyHashVersion: KEY_HASH_VERSION,
        maxParallelism: this.maxParallelism,
        keyGroups: { first: this.keyGroups.first, last: this.keyGroups.last },
        keyFamily: this.#context.family ?? null,
        keySchema: this.#keySchema?.description ?? null,
        states: this.#states.map(({ description }) => description),
      },
    });
  }

  releaseMark(mark: SnapshotMark): void {
    this.#parts.clock.release(mark);
  }

  async restore(chains: readonly (readonly SnapshotInput[])[]): Promise<void> {
    assert(!this.#restored && this.usage.entries === 0, 'K5: restored twice or too late');
    this.#restored = true;
    await restoreHeap(
      {
        context: this.#context,
        keyGroups: this.keyGroups,
        maxParallelism: this.maxParallelism,
        keySchema: this.#keySchema?.description,
        targetOf: (description) => this.#targetOf(description),
        pause: this.#pause,
      },
      chains,
    );
    for (const [index, rows] of this.#states.entries()) {
      if (!(rows instanceof HeapRows)) continue;
      this.#states[index] = this.#formerRows.settle(rows, this.#registered.has(rows.name));
    }
    // A handle may have looked for a key in vain.
    for (const handle of this.#handles.values()) handle.forget();
  }

  get usage(): StateUsage {
    let entries = 0;
    let typedBytes = 0;
    for (const state of this.#states) {
      for (const table of state instanceof HeapState ? state.allTables() : [state]) {
        entries += table.size;
        typedBytes += table.bytes;
      }
    }
    const { observers, marks } = this.#parts.clock;
    return { entries, typedBytes, openSnapshots: observers.length, marks };
  }

  /** Lets go of all state. */
  close(): void {
    this.#context.clear();
    for (const state of this.#states) state.drop();
  }

  /** The state of that name, as the program has it: what was restored becomes it. */
  #declare(description: StateDescription, descriptor: StateDescriptor): HeapState {
    const declaration = {
      description,
      schemas: schemasOf(descriptor),
      migrations: ('migrations' in descriptor ? descriptor.migrations : undefined) ?? [],
    };
    const known = this.#states.find(({ name }) => name === description.name);
    if (known === undefined) return this.#addTables(declaration);
    if (!(known instanceof HeapState) || this.#handles.has(known.name)) {
      requireSameState(this.#operator, known.description, description);
      return known as HeapState;
    }
    const names = { operator: this.#operator, state: description.name };
    const schema = declaration.schemas.value;
    const reading = readingOf(known.description, { ...declaration, names, schema });
    if (reading !== undefined) return this.#evolve(known, declaration, reading);
    known.declare(declaration.schemas, declaration.migrations);
    return known;
  }

  #evolve(known: HeapState, declaration: StateDeclaration, reading: StateReading): HeapState {
    const { timed } = known.description;
    const description = { ...declaration.description, ...(timed === true ? { timed } : undefined) };
    const state = this.#makeTables(known.index, { ...declaration, description });
    evolveEntries(known, state, reading);
    this.#states[known.index] = state;
    return state;
  }

  #addTables(declaration: StateDeclaration): HeapState {
    const state = this.#makeTables(this.#states.length, declaration);
    this.#states.push(state);
    return state;
  }

  #makeTables(index: number, { description, schemas, migrations }: StateDeclaration): HeapState {
    const State = stateClassOf(description);
    const state = new State(index, description, schemas, this.#parts, this.#groups);
    state.declare(schemas, migrations);
    return state;
  }

  #openHandle(state: HeapState, descriptor: StateDescriptor): HeapHandle {
    const ttl = ttlOf(descriptor);
    state.setTtl(ttl && new Ttl(this.#parts.ttlClock, ttl));
    const handle = openHandle(state, descriptor);
    if (state.ttl?.everyRecord === true) this.#cleaners.push(handle.cleaner!);
    return handle;
  }

  /** What a section of a snapshot is read into, and how. */
  #targetOf(description: StateDescription): RestoredState {
    switch (description.kind) {
      case 'timers':
        return this.#timersFor(description);
      case 'rowTable':
      case 'rowLog':
        return { state: this.#rowsFor(description), reading: undefined };
      default:
        return this.#tablesFor(description);
    }
  }

  #tablesFor(stored: StateDescription): RestoredState {
    const known = this.#states.find(({ name }) => name === stored.name);
    if (known === undefined) {
      const schemas = describedSchemas(stored);
      return {
        state: this.#addTables({ description: stored, schemas, migrations: [] }),
        reading: undefined,
      };
    }
    if (!(known instanceof HeapState)) {
      requireSameState(this.#operator, known.description, stored);
      return { state: known, reading: undefined };
    }
    const evolving = this.#evolving(known);
    // Of subtasks that were restored from an older program some may have written the state as it
    // was: one of the two goes on as the other.
    if (!this.#handles.has(known.name) && !canEvolve(stored, evolving)) {
      const declaration = {
        description: stored,
        schemas: describedSchemas(stored),
        migrations: [],
      };
      const names = evolving.names;
      const later = { ...declaration, names, schema: declaration.schemas.value };
      const reading = readingOf(known.description, later);
      if (reading !== undefined) {
        return { state: this.#evolve(known, declaration, reading), reading: undefined };
      }
    }
    return { state: known, reading: readingOf(stored, evolving) };
  }

  #evolving({ description, schemas, migrations }: HeapState): EvolvingState {
    const names = { operator: this.#operator, state: description.name };
    return { names, description, schema: schemas.value, migrations };
  }

  #rowsOf(description: StateDescription): HeapRows {
    const known = this.#known(description);
    if (known !== undefined) return known as HeapRows;
    const rows = this.#makeRows(description);
    this.#states.push(rows);
    return rows;
  }

  #makeRows(description: StateDescription): HeapRows {
    const Rows = description.kind === 'rowTable' ? HeapRowTable : HeapRowLog;
    return new Rows(description, this.keyGroups, this.#parts.clock);
  }

  /** As the program has them: what was restored becomes it. */
  #declareRows(description: StateDescription): HeapRows {
    const { name } = description;
    const index = this.#states.findIndex((state) => state.name === name);
    const known = this.#states[index];
    const isOnlyRestored = known instanceof HeapRows && !this.#registered.has(name);
    const reading = isOnlyRestored && rowReading(this.#operator, known.description, description);
    const rows = reading ? this.#makeRows(description) : this.#rowsOf(description);
    this.#registered.add(name);
    if (reading) {
      evolveRows(known, rows, reading);
      this.#states[index] = rows;
    }
    return rows;
  }

  #rowsFor(stored: StateDescription): HeapRows {
    const known = this.#states.find(({ name }) => name === stored.name);
    if (!(known instanceof HeapRows)) return this.#rowsOf(stored);
    return this.#formerRows.of(stored, known, this.#registered.has(stored.name));
  }

  /** As the program has them: what was restored becomes it. */
  #declareTimers(description: StateDescription): HeapTimerQueue {
    const known = this.#states.find(({ name }) => name === description.name);
    if (!(known instanceof HeapTimerQueue) || this.#registered.has(known.name)) {
      return this.#timersOf(description);
    }
    const reading = readingOf(known.description, this.#timersAs(description));
    return reading === undefined ? known : this.#evolveTimers(known, description, reading);
  }

  #timersFor(stored: StateDescription): RestoredState {
    const known = this.#states.find(({ name }) => name === stored.name);
    if (!(known instanceof HeapTimerQueue)) {
      return { state: this.#timersOf(stored), reading: undefined };
    }
    const evolving = this.#timersAs(known.description);
    // As of states: one of two forms that were stored goes on as the other.
    if (!this.#registered.has(known.name) && !canEvolve(stored, evolving)) {
      const reading = readingOf(known.description, this.#timersAs(stored));
      if (reading !== undefined) {
        return { state: this.#evolveTimers(known, stored, reading), reading: undefined };
      }
    }
    return { state: known, reading: readingOf(stored, evolving) };
  }

  #timersAs(description: StateDescription): EvolvingState {
    const names = { operator: this.#operator, state: description.name };
    return { names, description, schema: t.timestamp, migrations: [] };
  }

  #evolveTimers(
    known: HeapTimerQueue,
    description: StateDescription,
    reading: StateReading,
  ): HeapTimerQueue {
    const { index } = known;
    const timers = new HeapTimerQueue(index, description, this.#parts, this.#groups);
    evolveTimers(known, timers, reading);
    this.#states[index] = timers;
    return timers;
  }

  #timersOf(description: StateDescription): HeapTimerQueue {
    const known = this.#known(description);
    if (known !== undefined) return known as HeapTimerQueue;
    const index = this.#states.length;
    const timers = new HeapTimerQueue(index, description, this.#parts, this.#groups);
    this.#states.push(timers);
    return timers;
  }

  /** The state of that name, which is then of that description. */
  #known(description: StateDescription): AnyState | undefined {
    const known = this.#states.find(({ name }) => name === description.name);
    if (known !== undefined) requireSameState(this.#operator, known.description, description);
    return known;
  }

  get #groups(): number {
    return this.keyGroups.last - this.keyGroups.first + 1;
  }
}

function stateClassOf({ sliced, namespace }: StateDescription): typeof HeapState {
  if (sliced === true) return SlicedHeapState;
  return namespace === undefined ? HeapState : NamespacedHeapState;
}

type AnyState = HeapState | HeapTimerQueue | HeapRows;

/** As far as the backend itself uses a handle. */
type HeapHandle = Pick<KeyedHandle, 'forget'> & { readonly cleaner?: TtlCleaner | undefined };

/** What is known of a state with tables. */
interface StateDeclaration {
  readonly description: StateDescription;
  readonly schemas: StateSchemas;
  readonly migrations: readonly StateMigration<unknown>[];
}

function describedSchemas({ value, key }: StateDescription): StateSchemas {
  return { value: schemaOf(value), key: key === undefined ? undefined : schemaOf(key) };
}

function ttlOf(descriptor: StateDescriptor): StateTtl | undefined {
  return 'ttl' in descriptor ? descriptor.ttl : undefined;
}

function openHandle(state: HeapState, descriptor: StateDescriptor): HeapHandle {
  switch (descriptor.kind) {
    case 'value':
      return openStoredValue(state, descriptor.initial);
    case 'reducing':
      return new HeapReducingState(state, descriptor.reduce);
    case 'aggregating':
      return new HeapAggregatingState(state, descriptor.aggregate);
    case 'list':
      return state.ttl ? new HeapTtlListState(state, state.ttl) : new HeapListState(state);
    case 'map':
      return state.ttl ? new HeapTtlMapState(state, state.ttl) : new HeapMapState(state);
    case 'timeline':
      return new HeapTimelineState(state);
  }
}
