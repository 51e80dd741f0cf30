/**
 * Timers by slot, and found by key, namespace and time: a chained hash table whose entries lie in
 * typed memory, one behind another, since with many timers the time goes into fetching lines of
 * memory. Keys that are no numbers, and namespaces that are not made of numbers, are kept as
 * references beside it.
 *
 * Invariants
 * R1. Slot s lies in `words` at s * stride: the time; the key, or the hash of its lookup; the next
 *     slot of the chain + 1 and the key group, as two int32; the parts of a numeric namespace.
 * R2. A slot below `end` is live exactly if its key group is not NONE; exactly these are in a
 * chain,
 *     that of their hash. `size` counts them.
 * R3. Slots in the free list are chained like others. A slot that is neither live nor free has been
 *     removed and not been released: its owner still has it somewhere.
 * R4. Before a timer in a slot below the end of frozen columns comes or goes, they have been told.
 *     Memory that has been replaced by other is never written again.
 * R5. From the first mark on `#births` has the version at which the timer of a slot was stored; 0
 * for
 *     those that were there at the mark.
 */
import type { Key } from '../../../types/schema.ts';
import type { VersionClock } from '../version-clock.ts';
import { FlatTexts } from '../flat-texts.ts';
import { grownCapacity, hashInt32 } from '../hash-slots.ts';
import type { KeyLookup } from '../key-context.ts';
import { hashLookup } from '../lookup-index.ts';
import { TimerSpread } from './timer-spread.ts';

const MINIMUM_CAPACITY = 8;
const NONE = -1;
/** R1, in doubles; the chain and the group in int32. */
const KEY = 1;
const CHAIN = 4;
const GROUP = 5;
const PARTS = 3;

/** A timer as it is asked for and stored. */
export interface Timer {
  time: number;
  key: Key;
  lookup: KeyLookup;
  /** Of the lookup. */
  hash: number;
  group: number;
  /** Of the namespace: its parts if they are numbers, else one text. */
  readonly parts: Key[];
  /** The namespace itself, where parts do not make it. */
  namespace: unknown;
}

/** Slots that are saved at once. */
const CHUNK_SHIFT = 10;
const CHUNK = 1 << CHUNK_SHIFT;

/** What is in the slots of a chunk. */
interface Columns {
  readonly words: Float64Array;
  readonly ints: Int32Array;
  readonly keys: readonly Key[] | undefined;
  readonly namespaces: readonly unknown[] | undefined;
  readonly births: Int32Array | undefined;
}

/** The columns at one moment; they copy what changes before they are released. */
export class TimerColumns {
  /** All slots are below it. */
  readonly end: number;
  readonly #stride: number;
  #live: Columns | undefined;
  readonly #saved = new Map<number, Columns>();
  readonly #release: (self: TimerColumns) => void;
  /** Of the slot that was looked at last. */
  #columns!: Columns;
  #at = 0;

  constructor(stride: number, end: number, live: Columns, release: (self: TimerColumns) => void) {
    this.end = end;
    this.#stride = stride;
    this.#live = live;
    this.#release = release;
  }

  /** R4 */
  save(slot: number): void {
    const chunk = slot >>> CHUNK_SHIFT;
    if (slot >= this.end || this.#saved.has(chunk)) return;
    const { words, keys, namespaces, births } = this.#live!;
    const [from, to] = [chunk * CHUNK, Math.min((chunk + 1) * CHUNK, this.end)];
    const copy = words.slice(from * this.#stride, to * this.#stride);
    this.#saved.set(chunk, {
      words: copy,
      ints: new Int32Array(copy.buffer),
      keys: keys?.slice(from, to),
      namespaces: namespaces?.slice(from, to),
      births: births?.slice(from, to),
    });
  }

  /** Nobody asks any more. */
  release(): void {
    this.#release(this);
    this.#live = undefined;
    this.#saved.clear();
  }

  /** Comes to a slot; of it are all that follow. */
  seek(slot: number): void {
    const saved = this.#saved.size === 0 ? undefined : this.#saved.get(slot >>> CHUNK_SHIFT);
    this.#columns = saved ?? this.#live!;
    this.#at = saved === undefined ? slot : slot & (CHUNK - 1);
  }

  /** Negative where there is no timer. */
  get group(): number {
    return this.#columns.ints[this.#at * this.#stride * 2 + GROUP]!;
  }

  get time(): number {
    return this.#columns.words[this.#at * this.#stride]!;
  }

  get key(): Key {
    const { keys, words } = this.#columns;
    return keys === undefined ? words[this.#at * this.#stride + KEY]! : keys[this.#at]!;
  }

  /** R5 */
  get birth(): number {
    return this.#columns.births?.[this.#at] ?? 0;
  }

  /** The namespace where parts do not make it. */
  get namespace(): unknown {
    return this.#columns.namespaces?.[this.#at];
  }

  /** A part of a numeric namespace. */
  part(part: number): number {
    return this.#columns.words[this.#at * this.#stride + PARTS + part]!;
  }
}

export class TimerTable {
  size = 0;
  /** R2 */
  end = 0;
  readonly #stride: number;
  readonly #numericNamespace: boolean;
  #words: Float64Array;
  /** The same memory. */
  #ints: Int32Array;
  #capacity: number = MINIMUM_CAPACITY;
  #heads = new Int32Array(MINIMUM_CAPACITY);
  /** Where in `#heads` the chain of a timer begins. */
  readonly #spread: TimerSpread = new TimerSpread(MINIMUM_CAPACITY);
  /** R3: the first one + 1. */
  #free = 0;
  /** Undefined where keys are numbers. */
  #keys: Key[] | undefined;
  /** The same array as `keys` where keys are their own lookups. */
  #lookups: KeyLookup[] | undefined;
  #namespaces: unknown[] | undefined;
  readonly #texts: string[] | undefined;
  /** The last text that was stored as a key. */
  #kept = '';
  readonly #flat = new FlatTexts();

  readonly #clock: VersionClock;
  /** R4 */
  #frozen: TimerColumns[] = [];
  /** R5 */
  #births: Int32Array | undefined;

  /** @param parts of a namespace @param numeric whether all of them are numbers */
  constructor(parts: number, numeric: boolean, clock: VersionClock) {
    this.#clock = clock;
    if (clock.newestMark !== 0) this.#births = new Int32Array(MINIMUM_CAPACITY);
    this.#stride = PARTS + (numeric ? parts : 0);
    this.#numericNamespace = numeric;
    this.#words = new Float64Array(MINIMUM_CAPACITY * this.#stride);
    this.#ints = new Int32Array(this.#words.buffer);
    this.#namespaces = numeric ? undefined : [];
    this.#texts = numeric ? undefined : [];
  }

  get bytes(): number {
    return this.#words.byteLength + this.#heads.byteLength;
  }

  /** The slot of the timer, or -1. */
  find(timer: Timer): number {
    const ints = this.#ints;
    const step = this.#stride * 2;
    let slot = this.#heads[this.#spread.headOf(timer.time, hashOf(timer))]! - 1;
    while (slot >= 0 && !this.#isAt(slot, timer)) slot = ints[slot * step + CHAIN]! - 1;
    return slot;
  }

  /** A slot for the timer; -1 if it is there already. */
  add(timer: Timer): number {
    if (this.size === this.#heads.length) this.#spreadOver(this.size * 2);
    else if (this.#spread.isCrowded) this.#spreadOver(this.#heads.length);
    const head = this.#spread.headOf(timer.time, hashOf(timer));
    const step = this.#stride * 2;
    let last = NONE;
    let passed = 0;
    for (let at = this.#heads[head]! - 1; at >= 0; at = this.#ints[at * step + CHAIN]! - 1) {
      if (this.#isAt(at, timer)) return NONE;
      last = at;
      passed += 1;
    }
    this.#spread.notePassed(passed);
    const slot = this.#free === 0 ? this.#append() : this.#takeFree();
    if (this.#frozen.length !== 0) this.#announce(slot);
    this.#store(slot, timer);
    if (this.#births !== undefined) this.#births[slot] = this.#clock.now;
    // R2: behind the others, since timers mostly fire in the order in which they were set.
    this.#ints[slot * step + CHAIN] = 0;
    if (last < 0) this.#heads[head] = slot + 1;
    else this.#ints[last * step + CHAIN] = slot + 1;
    this.size += 1;
    return slot;
  }

  /** Fills `timer` with what is in the slot. */
  load(slot: number, timer: Timer): void {
    const words = this.#words;
    const at = slot * this.#stride;
    timer.time = words[at]!;
    timer.group = this.#ints[at * 2 + GROUP]!;
    if (this.#keys === undefined) {
      timer.key = words[at + KEY]!;
      timer.lookup = timer.key;
      timer.hash = hashLookup(timer.key);
    } else {
      timer.hash = words[at + KEY]!;
      timer.key = this.#keys[slot]!;
      timer.lookup = this.#lookups![slot]!;
    }
    if (this.#numericNamespace) {
      for (let i = PARTS; i < this.#stride; i++) timer.parts[i - PARTS] = words[at + i]!;
    } else {
      timer.parts[0] = this.#texts![slot]!;
      timer.namespace = this.#namespaces![slot];
    }
  }

  /** R3: `timer` is what `load` has given, or what `find` has found. */
  remove(slot: number, timer: Timer): void {
    const ints = this.#ints;
    const step = this.#stride * 2;
    const head = this.#spread.headOf(timer.time, hashOf(timer));
    const next = ints[slot * step + CHAIN]!;
    let at = this.#heads[head]! - 1;
    if (at === slot) {
      this.#heads[head] = next;
    } else {
      while (ints[at * step + CHAIN]! !== slot + 1) at = ints[at * step + CHAIN]! - 1;
      ints[at * step + CHAIN] = next;
    }
    if (this.#frozen.length !== 0) this.#announce(slot);
    ints[slot * step + GROUP] = NONE;
    if (this.#keys !== undefined) {
      this.#keys[slot] = false;
      this.#lookups![slot] = false;
    }
    if (this.#namespaces !== undefined) {
      this.#namespaces[slot] = undefined;
      this.#texts![slot] = '';
    }
    this.size -= 1;
  }

  /** R3: gives a removed slot away. */
  release(slot: number): void {
    this.#ints[slot * this.#stride * 2 + CHAIN] = this.#free;
    this.#free = slot + 1;
  }

  isLive(slot: number): boolean {
    return this.#ints[slot * this.#stride * 2 + GROUP]! !== NONE;
  }

  /** Whether most of the memory is of no use. */
  get sparse(): boolean {
    return this.#capacity > 1024 && this.size * 4 < this.#capacity;
  }

  /**
   * Moves all live timers together, and gives memory back. Returns the new slots by the old ones,
   * -1 where there is none.
   */
  compact(): Int32Array {
    const moved = new Int32Array(this.end).fill(NONE);
    const stride = this.#stride;
    if (this.#frozen.length !== 0) this.#part();
    let to = 0;
    for (let from = 0; from < this.end; from++) {
      if (!this.isLive(from)) continue;
      this.#words.copyWithin(to * stride, from * stride, (from + 1) * stride);
      for (const column of [this.#keys, this.#lookups, this.#namespaces, this.#texts]) {
        if (column !== undefined) column[to] = column[from]!;
      }
      if (this.#births !== undefined) this.#births[to] = this.#births[from]!;
      moved[from] = to++;
    }
    for (const column of [this.#keys, this.#lookups, this.#namespaces, this.#texts]) {
      if (column !== undefined) column.length = to;
    }
    this.end = to;
    this.#free = 0;
    this.#resize(Math.max(to + (to >> 2), MINIMUM_CAPACITY));
    let heads = MINIMUM_CAPACITY;
    while (heads < to) heads *= 2;
    this.#spread.choose(heads, (visit) => this.#eachTime(visit));
    this.#chain(heads);
    return moved;
  }

  /** As they are now, whatever happens until they are released. */
  freeze(): TimerColumns {
    if (this.#clock.newestMark !== 0) this.#births ??= new Int32Array(this.#capacity);
    const live: Columns = {
      words: this.#words,
      ints: this.#ints,
      keys: this.#keys,
      namespaces: this.#namespaces,
      births: this.#births,
    };
    const frozen = new TimerColumns(this.#stride, this.end, live, (self) => {
      this.#frozen = this.#frozen.filter((other) => other !== self);
    });
    this.#frozen.push(frozen);
    return frozen;
  }

  /** R5: whether the timer in the slot came after `version`. */
  isYounger(slot: number, version: number): boolean {
    return this.#births !== undefined && this.#births[slot]! > version;
  }

  /** R4 */
  #announce(slot: number): void {
    for (const frozen of this.#frozen) frozen.save(slot);
  }

  /** R4: goes on in other memory than frozen columns look at. */
  #part(): void {
    this.#words = this.#words.slice();
    this.#ints = new Int32Array(this.#words.buffer);
    this.#births = this.#births?.slice();
    const same = this.#lookups === (this.#keys as KeyLookup[] | undefined);
    this.#keys = this.#keys?.slice();
    this.#lookups = same ? (this.#keys as KeyLookup[] | undefined) : this.#lookups;
    this.#namespaces = this.#namespaces?.slice();
    this.#frozen = [];
  }

  #isAt(slot: number, timer: Timer): boolean {
    const words = this.#words;
    const at = slot * this.#stride;
    if (words[at] !== timer.time) return false;
    if (this.#lookups === undefined) {
      const key = words[at + KEY]!;
      if (key !== timer.lookup && (key === key || timer.lookup === timer.lookup)) return false;
    } else if (words[at + KEY] !== timer.hash || this.#lookups[slot] !== timer.lookup) {
      return false;
    }
    if (!this.#numericNamespace) return this.#texts![slot] === timer.parts[0];
    for (let i = PARTS; i < this.#stride; i++) {
      const part = words[at + i]!;
      const wanted = timer.parts[i - PARTS];
      if (part !== wanted && (part === part || wanted === wanted)) return false;
    }
    return true;
  }

  #store(slot: number, timer: Timer): void {
    const words = this.#words;
    const at = slot * this.#stride;
    words[at] = timer.time;
    this.#ints[at * 2 + GROUP] = timer.group;
    if (typeof timer.lookup === 'number') words[at + KEY] = timer.lookup + 0;
    else this.#storeKey(slot, timer);
    if (this.#numericNamespace) {
      for (let i = PARTS; i < this.#stride; i++) words[at + i] = timer.parts[i - PARTS] as number;
    } else {
      this.#texts![slot] = timer.parts[0] as string;
      this.#namespaces![slot] = timer.namespace;
    }
  }

  #storeKey(slot: number, { key, lookup, hash }: Timer): void {
    this.#words[slot * this.#stride + KEY] = hash;
    const tuple = typeof key === 'object';
    this.#keys ??= [];
    this.#lookups ??= tuple ? [] : (this.#keys as KeyLookup[]);
    // Timers of one key mostly come in a row: they share their text.
    if (typeof lookup === 'string' && lookup !== this.#kept) this.#kept = this.#flat.of(lookup);
    this.#lookups[slot] = typeof lookup === 'string' ? this.#kept : lookup;
    if (tuple) this.#keys[slot] = key;
  }

  #link(slot: number, head: number): void {
    this.#ints[slot * this.#stride * 2 + CHAIN] = this.#heads[head]!;
    this.#heads[head] = slot + 1;
  }

  #append(): number {
    if (this.end === this.#capacity) this.#resize(grownCapacity(this.end));
    return this.end++;
  }

  #takeFree(): number {
    const slot = this.#free - 1;
    this.#free = this.#ints[slot * this.#stride * 2 + CHAIN]!;
    return slot;
  }

  #resize(capacity: number): void {
    const words = new Float64Array(capacity * this.#stride);
    words.set(this.#words.subarray(0, this.end * this.#stride));
    if (this.#births !== undefined) {
      const births = new Int32Array(capacity);
      births.set(this.#births.subarray(0, this.end));
      this.#births = births;
    }
    this.#capacity = capacity;
    this.#words = words;
    this.#ints = new Int32Array(words.buffer);
  }

  #eachTime(visit: (time: number) => void): void {
    for (let slot = 0; slot < this.end; slot++) {
      if (this.isLive(slot)) visit(this.#words[slot * this.#stride]!);
    }
  }

  /** Of as many heads, or more. */
  #spreadOver(heads: number): void {
    if (this.#spread.choose(heads, (visit) => this.#eachTime(visit))) this.#chain(heads);
  }

  /** R2: puts all live timers in the chains where they belong. */
  #chain(heads: number): void {
    this.#heads = new Int32Array(heads);
    const timer: Timer = newTimer();
    // Backwards, since each goes before those that are there.
    for (let slot = this.end - 1; slot >= 0; slot--) {
      if (!this.isLive(slot)) continue;
      this.load(slot, timer);
      this.#link(slot, this.#spread.headOf(timer.time, hashOf(timer)));
    }
  }
}

export function newTimer(): Timer {
  // NaN equals nothing.
  const lookup = NaN;
  return { time: NaN, key: false, lookup, hash: 0, group: 0, parts: [], namespace: undefined };
}

/** Use the high bits. */
function hashOf(timer: Timer): number {
  const { time, parts } = timer;
  let hash = timer.hash ^ Math.imul((time * 2 ** -32) | 0, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) ^ (time | 0);
  for (let i = 0; i < parts.length; i++) {
    hash = Math.imul(hash ^ (hash >>> 15), 0x9e3779b1) ^ hashLookup(parts[i] as KeyLookup);
  }
  return hashInt32(hash);
}
