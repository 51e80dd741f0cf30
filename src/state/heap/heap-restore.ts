/**
 * Fills an empty heap backend from the snapshots of any number of former subtasks, in natural or in
 * canonical order: it takes out its own key groups, and makes sure that each is there exactly once.
 * What was written as changes comes over what they were based on. A backend whose restore has
 * failed is of no use.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import { hashKey, KEY_HASH_VERSION, keyFamily } from '../../types/key.ts';
import type { KeyFamily } from '../../types/key.ts';
import type { Convert } from '../../types/index.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type { KeyGroupRange } from '../keyed-state-backend.ts';
import { HeapRows } from '../rows/heap-rows.ts';
import { SnapshotFileReader } from '../snapshot-file-reader.ts';
import type { EntryVisitor } from '../snapshot-file-reader.ts';
import { corrupt } from '../snapshot-layout.ts';
import type { KeyedManifest, Section } from '../snapshot-layout.ts';
import type { SnapshotInput } from '../snapshot.ts';
import type { StateDescription } from '../state-description.ts';
import { keyRefusal, keysNotEvolvable, storedCodecs } from '../state-evolution.ts';
import type { StateReading } from '../state-evolution.ts';
import { storeValue } from './column.ts';
import { isBatchable } from './batch-section-writer.ts';
import { readCompoundKey } from './compound-key.ts';
import { PART_ELEMENTS } from './entry-writer.ts';
import { HeapTimerQueue } from './timers/heap-timer-queue.ts';
import type { HeapState, KeyCheck } from './heap-state.ts';
import type { KeyContext, KeyLookup } from './key-context.ts';
import { ABSENT } from './key-group-table.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import type { EvolvingNamespace } from './namespace-parts.ts';
import { OrderedMap } from './ordered-map.ts';
import { restoreValues } from './restore-values.ts';
import { StampedList } from './ttl/stamped-list.ts';
import { TimedValues } from './timed-values.ts';
import { newTimer } from './timers/timer-table.ts';

/** What a section is read into. */
export interface RestoredState {
  readonly state: HeapState | HeapTimerQueue | HeapRows;
  /** Undefined: it is what was stored. */
  readonly reading: StateReading | undefined;
}

/** What a restore fills. */
export interface RestoreTarget {
  readonly context: KeyContext;
  readonly keyGroups: KeyGroupRange;
  readonly maxParallelism: number;
  /** Undefined: their family alone is known, or not even that. */
  readonly keySchema: SchemaDescription | undefined;
  /**
   * The state of that name, made if there is none.
   * @throws EngineError STATE_INCOMPATIBLE, STATE_NOT_EVOLVABLE
   */
  targetOf(stored: StateDescription): RestoredState;
  /** See `KeyedStateOptions`. */
  readonly pause: (() => Promise<void>) | undefined;
}

type KeyedFile = SnapshotFileReader & { readonly manifest: KeyedManifest };

export async function restoreHeap(
  target: RestoreTarget,
  chains: readonly (readonly SnapshotInput[])[],
): Promise<void> {
  const opened: (readonly KeyedFile[])[] = [];
  for (const chain of chains) opened.push(await openChain(target, chain));
  requireEveryGroupOnce(
    target.keyGroups,
    opened.map((files) => files.at(-1)!),
  );
  for (const files of opened) {
    if (!overlap(files[0]!.manifest.keyGroups, target.keyGroups)) continue;
    // All of them, with or without entries: what is not compatible is refused in any case. The
    // latest first, which says what they have become.
    for (const { manifest } of files.toReversed()) {
      for (const description of manifest.states) target.targetOf(description);
    }
    for (const file of files) await restoreFile(target, file);
    takeRows(target, files.at(-1)!);
  }
}

/** After all that was given for the key groups of a chain. */
function takeRows(target: RestoreTarget, { manifest, input }: KeyedFile): void {
  for (const description of manifest.states) {
    const { state } = target.targetOf(description);
    if (!(state instanceof HeapRows)) continue;
    const first = Math.max(manifest.keyGroups.first, target.keyGroups.first);
    const last = Math.min(manifest.keyGroups.last, target.keyGroups.last);
    for (let group = first; group <= last; group++) {
      const wrong = state.takeRestored(group);
      if (wrong === undefined) continue;
      corrupt(input.name, `${description.name} has ${wrong} in key group ${group}`);
    }
  }
}

/** A whole snapshot and what was based on it. */
async function openChain(
  target: RestoreTarget,
  chain: readonly SnapshotInput[],
): Promise<readonly KeyedFile[]> {
  const files: KeyedFile[] = [];
  for (const input of chain) {
    const file = await SnapshotFileReader.openKeyed(input);
    requireFit(target, file);
    requireBase(files.at(-1), file);
    files.push(file);
  }
  assert(files.length > 0, 'K5: a chain of no snapshots');
  return files;
}

function requireBase(before: KeyedFile | undefined, file: KeyedFile): void {
  const { base, keyGroups } = file.manifest;
  if (before === undefined) {
    if (base !== null) mismatch(file, 'it holds only what has changed since another one');
    return;
  }
  const { input, identity, manifest } = before;
  if (base === null || base.size !== identity.size || base.crc !== identity.crc) {
    mismatch(file, `it is not based on ${input.name}, which was given before it`);
  }
  if (manifest.keyGroups.first !== keyGroups.first || manifest.keyGroups.last !== keyGroups.last) {
    mismatch(file, `it holds other key groups than ${input.name}, on which it is based`);
  }
}

function requireFit(target: RestoreTarget, file: KeyedFile): void {
  const { keyHashVersion, maxParallelism, keyFamily: family } = file.manifest;
  const { keySchema, states } = file.manifest;
  if (keyHashVersion !== KEY_HASH_VERSION) {
    mismatch(file, `its keys are hashed by version ${keyHashVersion}, not ${KEY_HASH_VERSION}`);
  }
  if (maxParallelism !== target.maxParallelism) {
    mismatch(
      file,
      `its maximal parallelism is ${maxParallelism}, not ${target.maxParallelism}, ` +
        'and that is fixed for the life of the state',
    );
  }
  const refusal = keyRefusal({ schema: keySchema, family }, { schema: target.keySchema });
  if (refusal !== undefined) throw keysNotEvolvable(target.context.operator, states, refusal);
  if (family !== null) target.context.pin(family);
}

/** No key group may be missing, which would be lost state, or be there twice. */
function requireEveryGroupOnce(wanted: KeyGroupRange, files: readonly KeyedFile[]): void {
  if (files.length === 0) return;
  for (let group = wanted.first; group <= wanted.last; group++) {
    const holders = files.filter(({ manifest: { keyGroups } }) => isIn(group, keyGroups));
    if (holders.length === 1) continue;
    const reason =
      holders.length === 0
        ? `no snapshot given holds key group ${group}`
        : `${holders[1]!.input.name} holds key group ${group} as well`;
    mismatch(holders[0] ?? files[0]!, reason);
  }
}

function isIn(group: number, range: KeyGroupRange): boolean {
  return group >= range.first && group <= range.last;
}

async function restoreFile(target: RestoreTarget, file: KeyedFile): Promise<void> {
  const { manifest, input } = file;
  const { keyGroups } = target;
  const states = manifest.states.map((description) => target.targetOf(description));
  const seen = new Set<string>();
  for (const section of file.sections) {
    if (!isIn(section.group, manifest.keyGroups)) {
      corrupt(input.name, `section ${section.number} is of a foreign key group`);
    }
    if (!isIn(section.group, keyGroups)) continue;
    const place = `${section.mode === 'removals'} ${section.state} ${section.group}`;
    if (seen.has(place)) corrupt(input.name, `section ${section.number} comes twice`);
    seen.add(place);
    if (section.mode === 'removals' && manifest.base === null) {
      corrupt(input.name, `section ${section.number} tells of changes to nothing`);
    }
    await restoreInto(target, file, section, states[section.state]!);
  }
}

async function restoreInto(
  target: RestoreTarget,
  file: KeyedFile,
  section: Section,
  { state, reading }: RestoredState,
): Promise<void> {
  if (state instanceof HeapRows) return await restoreRowSection(target, file, section, state);
  const family = file.manifest.keyFamily;
  if (family === null) corrupt(file.input.name, 'it holds entries but no family of keys');
  const checkKey = keyCheckOf(section, family, target.maxParallelism);
  const source = { target, file, section, checkKey };
  const former = state.evolving(reading?.namespace);
  if (state instanceof HeapTimerQueue) await restoreTimers(source, state, former);
  else if (section.mode === 'removals') await restoreRemovals(source, state, former);
  else await restoreSection(source, state, reading);
}

function overlap(left: KeyGroupRange, right: KeyGroupRange): boolean {
  return left.first <= right.last && right.first <= left.last;
}

/** A section to be restored. */
export interface Source {
  readonly target: RestoreTarget;
  readonly file: KeyedFile;
  readonly section: Section;
  readonly checkKey: KeyCheck;
}

function keyCheckOf({ group }: Section, family: KeyFamily, maxParallelism: number): KeyCheck {
  return (entry, key) => {
    if (keyFamily(key) !== family) entry.corrupt(`a ${keyFamily(key)} among keys of ${family}`);
    // The arithmetic of graph/key-groups.ts: a key in a foreign group would never be found.
    if ((hashKey(key) >>> 0) % maxParallelism !== group)
      entry.corrupt('a key of another key group');
  };
}

async function read(
  { file, section, target }: Pick<Source, 'file' | 'section' | 'target'>,
  visit: EntryVisitor,
): Promise<void> {
  await file.readSection(section, visit, target.pause);
}

async function restoreRowSection(
  target: RestoreTarget,
  file: KeyedFile,
  section: Section,
  rows: HeapRows,
): Promise<void> {
  const { group, mode } = section;
  const changes = file.manifest.base !== null;
  await read({ target, file, section }, (entry) => {
    if (mode === 'removals') rows.restoreRemoved(group, entry);
    else rows.restore(group, entry, changes);
  });
}

async function restoreTimers(
  source: Source,
  queue: HeapTimerQueue,
  former: EvolvingNamespace | undefined,
): Promise<void> {
  const { target, section, checkKey } = source;
  const timer = newTimer();
  const parts: Key[] = [];
  timer.group = section.group - target.keyGroups.first;
  await read(source, (entry) => {
    timer.key = readCompoundKey(entry, parts);
    checkKey(entry, timer.key);
    timer.lookup = target.context.lookupOf(timer.key);
    timer.time = parts.shift() as number;
    if (!Number.isSafeInteger(timer.time)) entry.corrupt('a timer without its time');
    if (!(former ?? queue.parts).fit(parts)) entry.corrupt('a timer of another namespace');
    const now = former === undefined ? parts : former.evolved(parts);
    if (section.mode === 'removals') queue.restoreRemoved(timer, now);
    else if (!queue.restore(timer, now)) entry.corrupt('a timer for the second time');
  });
}

async function restoreRemovals(
  source: Source,
  state: HeapState,
  former: EvolvingNamespace | undefined,
): Promise<void> {
  const group = source.section.group - source.target.keyGroups.first;
  const reading = { check: source.checkKey, former };
  await read(source, (entry) => state.readRemoval(entry, group, reading));
}

async function restoreSection(
  source: Source,
  state: HeapState,
  reading: StateReading | undefined,
): Promise<void> {
  const { target, file, section, checkKey } = source;
  const { context } = state;

  const group = section.group - target.keyGroups.first;
  const stored = file.manifest.states[section.state]!;
  const changes = file.manifest.base !== null;
  const isPlain = isBatchable(state) && stored.timed !== true;
  if (isPlain && !changes && reading === undefined) return await restoreValues(source, state);
  const parts = partReadersOf(state, stored, reading);
  const former = state.evolving(reading?.namespace);
  const load = loaderOf(state, parts, timeReaderOf(state, stored.timed === true));
  let before: KeyGroupTable | undefined;
  let beforeLookup: KeyLookup = NaN;
  await read(source, (entry) => {
    const key = state.readKey(entry, checkKey, former);
    const lookup = context.lookupOf(key);
    const known = state.tableOf(group, lookup);
    const table = known ?? state.makeTableOf(group, lookup);
    // Most sections have keys of one kind; those of lists and maps may have fewer keys than
    // entries, and those of sliced state have a table for each slice.
    if (known === undefined && !state.changesInPlace && state.slice === undefined)
      table.reserve(section.entries);
    let found = table.find(lookup);
    if (changes && found !== ABSENT && !(before === table && Object.is(beforeLookup, lookup))) {
      // In the place of what was there, but for further parts of the same entry.
      table.remove(found, lookup);
      found = ABSENT;
    }
    before = table;
    beforeLookup = lookup;
    load(entry, { table, found, lookup, key });
  });
}

/** Where an entry belongs. */
interface Place {
  readonly table: KeyGroupTable;
  /** The slot of the key, or ABSENT. */
  readonly found: number;
  readonly lookup: KeyLookup;
  readonly key: Key;
}

function insert({ table, lookup, key }: Place): number {
  const slot = table.insert(lookup, key);
  table.markRestored(slot);
  return slot;
}

/** Reads the value of an entry into the table. */
type Loader = (entry: ByteReader, place: Place) => void;

/**
 * Reads the time of what follows. Where the snapshot has none, and the state wants one, it is that
 * of the restore. Where the state wants none, it is of no matter.
 */
type TimeReader = (entry: ByteReader) => number;

function timeReaderOf(state: HeapState, fileTimed: boolean): TimeReader {
  if (!fileTimed) {
    const now = state.ttl === undefined ? 0 : state.ttl.clock.now();
    return () => now;
  }
  return (entry) => {
    const time = entry.float64();
    if (!Number.isFinite(time)) entry.corrupt('a time that is none');
    return time;
  };
}

/** Read what a value, element or key of a map is now. */
interface PartReaders {
  readonly value: (entry: ByteReader) => unknown;
  readonly key: (entry: ByteReader) => unknown;
}

function partReadersOf(
  state: HeapState,
  stored: StateDescription,
  reading: StateReading | undefined,
): PartReaders {
  const { value, key } = reading === undefined ? codecsOf(state) : storedCodecs(stored);
  return {
    value: partReader(value, reading?.value),
    key: partReader(key ?? value, reading?.key),
  };
}

function codecsOf({ schemas }: HeapState): ReturnType<typeof storedCodecs> {
  return { value: schemas.value.codec, key: schemas.key?.codec };
}

function partReader(
  codec: Schema<unknown>['codec'],
  convert: Convert | undefined,
): (entry: ByteReader) => unknown {
  if (convert === undefined) return (entry) => codec.decode(entry);
  return (entry) => convert(codec.decode(entry));
}

function timelineLoader(readValue: (entry: ByteReader) => unknown): Loader {
  return (entry, place) => {
    const { table, found } = place;
    const count = partSize(entry, entry.varint());
    let into = found === ABSENT ? undefined : (table.values as TimedValues[])[found];
    for (let i = 0; i < count; i++) {
      const time = entry.zigzag();
      const value = readValue(entry);
      if (into !== undefined) {
        into.add(time, value);
        continue;
      }
      into = new TimedValues(time, value);
      // Inserting may replace the column.
      const slot = insert(place);
      (table.values as TimedValues[])[slot] = into;
    }
  };
}

function loaderOf(state: HeapState, parts: PartReaders, timeOf: TimeReader): Loader {
  const { value: readValue, key: readPart } = parts;
  switch (state.description.kind) {
    case 'list':
      return (entry, place) => {
        const { table, found } = place;
        const count = partSize(entry, entry.varint());
        const slot = found === ABSENT ? insert(place) : found;
        if (state.isTimed) {
          const lists = table.values as StampedList[];
          const list =
            found === ABSENT ? (lists[slot] = StampedList.of([], Infinity)) : lists[slot]!;
          for (let i = 0; i < count; i++) {
            const time = timeOf(entry);
            list.append(readValue(entry), time);
          }
          return;
        }
        const lists = table.values as unknown[][];
        const list = found === ABSENT ? (lists[slot] = []) : lists[slot]!;
        for (let i = 0; i < count; i++) {
          timeOf(entry);
          list.push(readValue(entry));
        }
      };
    case 'map': {
      const lookups = state.mapLookups!;
      return (entry, place) => {
        const { table, found } = place;
        const count = partSize(entry, entry.uint32());
        const slot = found === ABSENT ? insert(place) : found;
        const maps = table.values as OrderedMap[];
        const map =
          found === ABSENT ? (maps[slot] = new OrderedMap(lookups, state.isTimed)) : maps[slot]!;
        for (let i = 0; i < count; i++) {
          const time = timeOf(entry);
          const key = readPart(entry);
          map.set(lookups.of(key), key, readValue(entry), time);
        }
      };
    }
    case 'timeline':
      return timelineLoader(readValue);
    default:
      return (entry, place) => {
        const { table, found } = place;
        if (found !== ABSENT) entry.corrupt('a key for the second time');
        const time = timeOf(entry);
        const value = readValue(entry);
        const slot = insert(place);
        storeValue(state.column, table.values, slot, value);
        if (state.isTimed) table.setTime(slot, time);
      };
  }
}

function partSize(entry: ByteReader, count: number): number {
  if (count > PART_ELEMENTS) entry.corrupt(`${count} elements in one entry`);
  return count;
}

function mismatch(file: KeyedFile, reason: string): never {
  throw new EngineError('STATE_SNAPSHOT_MISMATCH', { source: file.input.name, reason });
}
