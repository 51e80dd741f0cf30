/**
 * Reads the entries of snapshots as plain data, whatever backend has written them and whatever
 * program: for people who look at state, and for programs that work on it. Snapshots that hold only
 * changes come with those that they are based on.
 *
 * Invariants
 * N1. What is given of a key is what a backend would have restored of it.
 * N2. At any time the entries of one state in one key group are in memory, and no more.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { EngineError } from '../base/errors.ts';
import { schemaOf } from '../types/index.ts';
import { readKey } from '../types/key-bytes.ts';
import type { Key, Schema } from '../types/schema.ts';
import { readCompoundKey } from './heap/compound-key.ts';
import { PART_ELEMENTS } from './heap/entry-writer.ts';
import { SnapshotFileReader } from './snapshot-file-reader.ts';
import {
  corrupt,
  type KeyedManifest,
  type OperatorManifest,
  type Section,
} from './snapshot-layout.ts';
import type { SnapshotInput } from './snapshot.ts';
import type { StateDescription } from './state-description.ts';

/** What a key has in a state. */
export interface KeyedEntry {
  readonly state: StateDescription;
  readonly keyGroup: number;
  readonly key: Key;
  /** Of a window and the like, where the state is by namespace as well. */
  readonly namespace: unknown;
  /** Where the state is by slice of time as well: its beginning. */
  readonly slice: number | undefined;
  /**
   * As it is stored: a value, or the accumulator of one; the elements of a list; the Map of a map;
   * the `[time, value]` of a timeline; the time of a timer.
   */
  readonly value: unknown;
  /** When it, or each of its elements, was last used, where the state has a time-to-live. */
  readonly lastUsed: number | readonly number[] | undefined;
}

type KeyedFile = SnapshotFileReader & { readonly manifest: KeyedManifest };
type OperatorFile = SnapshotFileReader & { readonly manifest: OperatorManifest };

/** A state in a chain of snapshots, with what it holds. */
export interface StateSummary {
  readonly state: StateDescription;
  /** Written for it in all snapshots of the chain; what was replaced later counts as well. */
  readonly entries: number;
  readonly bytes: number;
}

/** A whole snapshot of keyed state and those based on it, opened. */
export class KeyedSnapshot {
  readonly #files: readonly KeyedFile[];

  private constructor(files: readonly KeyedFile[]) {
    this.#files = files;
  }

  /** @throws EngineError STATE_SNAPSHOT_CORRUPT, STATE_SNAPSHOT_MISMATCH */
  static async open(chain: readonly SnapshotInput[]): Promise<KeyedSnapshot> {
    assert(chain.length > 0, 'N1: a chain of no snapshots');
    const files: KeyedFile[] = [];
    for (const input of chain) {
      const file = await SnapshotFileReader.openKeyed(input);
      const { base } = file.manifest;
      const before = files.at(-1)?.identity;
      if (base?.size !== before?.size || base?.crc !== before?.crc) {
        const reason = 'it is not based on the snapshot that comes before it';
        throw new EngineError('STATE_SNAPSHOT_MISMATCH', { source: input.name, reason });
      }
      files.push(file);
    }
    return new KeyedSnapshot(files);
  }

  /** Of the newest. */
  get manifest(): KeyedManifest {
    return this.#files.at(-1)!.manifest;
  }

  /** Of all snapshots of the chain; a later one wins. */
  get states(): readonly StateSummary[] {
    const states = new Map<string, StateSummary>();
    for (const { manifest, sections } of this.#files) {
      manifest.states.forEach((state, index) => {
        const own = sections.filter((section) => section.state === index);
        const known = states.get(state.name);
        states.set(state.name, {
          state,
          entries: (known?.entries ?? 0) + sumOf(own, ({ entries }) => entries),
          bytes: (known?.bytes ?? 0) + sumOf(own, ({ length }) => length),
        });
      });
    }
    return [...states.values()];
  }

  /**
   * The entries of one state, or of all: state by state, key group by key group. Rows of bytes,
   * whose layout only their operator knows, are left out.
   * @throws EngineError STATE_SNAPSHOT_CORRUPT
   */
  async *entries(name?: string): AsyncGenerator<KeyedEntry, void, undefined> {
    for (const { state } of this.states) {
      if (state.kind === 'rowTable' || state.kind === 'rowLog') continue;
      if (name !== undefined && state.name !== name) continue;
      const { first, last } = this.manifest.keyGroups;
      for (let group = first; group <= last; group++) yield* await this.#group(state, group);
    }
  }

  /** N1, N2. */
  async #group(state: StateDescription, group: number): Promise<Iterable<KeyedEntry>> {
    const held = new HeldEntries(state, group);
    for (const file of this.#files) {
      const index = file.manifest.states.findIndex(({ name }) => name === state.name);
      if (index === -1) continue;
      const decode = entryDecoder(file.manifest.states[index]!);
      for (const section of file.sections) {
        if (section.state !== index || section.group !== group) continue;
        await held.apply(file, section, decode);
      }
    }
    return held.entries();
  }
}

/** An entry as it stands in a snapshot: a part of a list or map, or all there is. */
interface ReadEntry {
  readonly key: Key;
  readonly parts: readonly Key[];
  readonly value: unknown;
  readonly times: readonly number[];
}

interface Held extends ReadEntry {
  value: unknown;
  times: number[];
}

/** N2. */
class HeldEntries {
  readonly #state: StateDescription;
  readonly #group: number;
  /** By the bytes of key and parts. */
  readonly #entries = new Map<string, Held>();

  constructor(state: StateDescription, group: number) {
    this.#state = state;
    this.#group = group;
  }

  /** N1. */
  async apply(
    file: KeyedFile,
    section: Section,
    decode: (entry: ByteReader) => ReadEntry,
  ): Promise<void> {
    const changes = file.manifest.base !== null;
    let before: string | undefined;
    await file.readSection(section, (entry) => {
      if (section.mode === 'removals') return this.#remove(entry);
      const from = entry.offset;
      const read = decode(entry);
      const id = bytesText(entry, from, this.#keyEnd(entry, from));
      const known = this.#entries.get(id);
      const isPart = known !== undefined && isInParts(this.#state) && (!changes || before === id);
      before = id;
      if (isPart) {
        appendPart(known, read);
        return;
      }
      if (known !== undefined && !changes) corrupt(file.input.name, 'a key comes twice');
      this.#entries.set(id, { ...read, times: [...read.times] });
    });
  }

  *entries(): Generator<KeyedEntry, void, undefined> {
    const state = this.#state;
    for (const { key, parts, value, times } of this.#entries.values()) {
      const isTimer = state.kind === 'timers';
      yield {
        state,
        keyGroup: this.#group,
        key,
        namespace: namespaceOf(state, isTimer ? parts.slice(1) : parts),
        slice: state.sliced === true ? (parts[0] as number) : undefined,
        value: isTimer ? parts[0] : value,
        lastUsed: state.timed === true ? (isInParts(state) ? times : times[0]) : undefined,
      };
    }
  }

  #remove(entry: ByteReader): void {
    if (this.#state.sliced === true && entry.boolean()) {
      const start = readKey(entry);
      for (const [id, { parts }] of this.#entries) if (parts[0] === start) this.#entries.delete(id);
      return;
    }
    const from = entry.offset;
    this.#readKey(entry);
    this.#entries.delete(bytesText(entry, from, entry.offset));
  }

  /** Reads the key once more, to know where it ends. */
  #keyEnd(entry: ByteReader, from: number): number {
    const after = entry.offset;
    entry.seek(from);
    this.#readKey(entry);
    const end = entry.offset;
    entry.seek(after);
    return end;
  }

  #readKey(entry: ByteReader): void {
    if (isCompound(this.#state)) readCompoundKey(entry, []);
    else readKey(entry);
  }
}

/** Whether its entries are by something besides the key. */
function isCompound({ kind, namespace, sliced }: StateDescription): boolean {
  return kind === 'timers' || namespace !== undefined || sliced === true;
}

/** Whether what a key has may come in several entries. */
function isInParts({ kind }: StateDescription): boolean {
  return kind === 'list' || kind === 'map' || kind === 'timeline';
}

function appendPart(known: Held, { value, times }: ReadEntry): void {
  if (known.value instanceof Map) {
    for (const [key, each] of value as ReadonlyMap<unknown, unknown>) known.value.set(key, each);
  } else {
    for (const each of value as readonly unknown[]) (known.value as unknown[]).push(each);
  }
  for (const time of times) known.times.push(time);
}

function entryDecoder(state: StateDescription): (entry: ByteReader) => ReadEntry {
  const value = schemaOf(state.value).codec;
  const mapKey = state.key === undefined ? undefined : schemaOf(state.key).codec;
  return (entry) => {
    const parts: Key[] = [];
    const key = isCompound(state) ? readCompoundKey(entry, parts) : readKey(entry);
    const times: number[] = [];
    const time = (): void => {
      if (state.timed === true) times.push(entry.float64());
    };
    const elements = (count: number, element: () => unknown): unknown[] =>
      Array.from({ length: count }, () => {
        time();
        return element();
      });
    switch (state.kind) {
      case 'timers':
        return { key, parts, value: undefined, times };
      case 'list':
        return {
          key,
          parts,
          value: elements(partSize(entry, entry.varint()), () => value.decode(entry)),
          times,
        };
      case 'map': {
        const size = partSize(entry, entry.uint32());
        const pairs = elements(size, () => [mapKey!.decode(entry), value.decode(entry)]);
        return { key, parts, value: new Map(pairs as [unknown, unknown][]), times };
      }
      case 'timeline': {
        const length = partSize(entry, entry.varint());
        const pairs = Array.from({ length }, () => [entry.zigzag(), value.decode(entry)]);
        return { key, parts, value: pairs, times };
      }
      default:
        time();
        return { key, parts, value: value.decode(entry), times };
    }
  };
}

function partSize(entry: ByteReader, count: number): number {
  if (count > PART_ELEMENTS) entry.corrupt(`${count} elements in one entry`);
  return count;
}

function namespaceOf({ namespace }: StateDescription, parts: readonly Key[]): unknown {
  if (namespace === undefined) return undefined;
  if (namespace.kind !== 'struct') return parts[0];
  return Object.fromEntries(namespace.fields.map(({ name }, index) => [name, parts[index]]));
}

/** The bytes of an entry as a text, one character each. */
function bytesText(entry: ByteReader, from: number, to: number): string {
  return Buffer.from(entry.bytes.subarray(entry.start + from, entry.start + to)).toString('latin1');
}

function sumOf(sections: readonly Section[], of: (section: Section) => number): number {
  return sections.reduce((sum, section) => sum + of(section), 0);
}

/** A state of an operator that belongs to no key. */
export interface OperatorStateEntries {
  readonly state: StateDescription;
  readonly bytes: number;
  /** The elements of a list; the `[key, value]` of broadcast state. */
  readonly values: readonly unknown[];
}

/** All that one subtask's snapshot of operator state holds. @throws EngineError STATE_SNAPSHOT_* */
export async function readOperatorState(
  input: SnapshotInput,
): Promise<readonly OperatorStateEntries[]> {
  const file: OperatorFile = await SnapshotFileReader.openOperator(input);
  const found: OperatorStateEntries[] = [];
  for (const [index, state] of file.manifest.states.entries()) {
    const values: unknown[] = [];
    const own = file.sections.filter((section) => section.state === index);
    const visit = operatorVisitor(state, values);
    for (const section of own) await file.readSection(section, visit);
    found.push({ state, bytes: sumOf(own, ({ length }) => length), values });
  }
  return found;
}

function operatorVisitor(
  { value, key }: StateDescription,
  into: unknown[],
): (entry: ByteReader) => void {
  const values: Schema<unknown> = schemaOf(value);
  if (key === undefined) return (entry) => void into.push(values.codec.decode(entry));
  const keys = schemaOf(key);
  return (entry) => {
    for (let left = entry.uint32(); left > 0; left--) {
      into.push([keys.codec.decode(entry), values.codec.decode(entry)]);
    }
  };
}
