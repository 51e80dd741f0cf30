/**
 * Turns what a TableCursor comes to into entries of a snapshot. A long list, map or timeline
 * becomes several entries with the same key; from the first of them on it is written from a view,
 * so that it may change while the writer pauses.
 *
 * Invariants
 * E1. `#rest` is undefined, or frozen and not yet all written.
 */
import type { ByteWriter } from '../../base/byte-writer.ts';
import { notSerializable } from '../state-errors.ts';
import type { HeapState } from './heap-state.ts';
import { ListView } from './list-view.ts';
import { MapView, OrderedMap } from './ordered-map.ts';
import { StampedList } from './ttl/stamped-list.ts';
import type { Progress, TableCursor } from './table-cursor.ts';
import { TimedValues, TimedView } from './timed-values.ts';

/** Elements in one entry at most. */
export const PART_ELEMENTS = 256;

/** The entries of a section, one after another. */
export interface EntrySource {
  /** Of the last entry written: the length of the key's bytes, which come first. */
  readonly keyBytes: number;
  /** Comes to the next entry to write. */
  next(): Progress;
  /** Writes it. After a throw, what was written must be dropped, and nothing can follow. */
  write(out: ByteWriter): void;
}

export class EntryWriter implements EntrySource {
  keyBytes = 0;
  readonly #state: HeapState;
  readonly #cursors: readonly TableCursor[];
  /** What has its time at or before it is left out. */
  readonly #cutoff: number;
  #current = 0;
  /** E1 */
  #rest: ListView | StampedList | MapView | TimedView | undefined;
  #at = 0;

  /** `cursors` are those of all tables of a key group. */
  constructor(state: HeapState, cursors: readonly TableCursor[], cutoff: number = -Infinity) {
    this.#state = state;
    this.#cursors = cursors;
    this.#cutoff = cutoff;
  }

  next(): Progress {
    if (this.#rest !== undefined) return 'entry';
    for (; this.#current < this.#cursors.length; this.#current++) {
      const cursor = this.#cursors[this.#current]!;
      for (let at = cursor.next(); at !== 'end'; at = cursor.next()) {
        if (at === 'pause' || this.#cutoff === -Infinity || this.#isLeft(cursor)) return at;
      }
    }
    return 'end';
  }

  /** Whether something of the entry is behind the cutoff. */
  #isLeft({ value, time }: TableCursor): boolean {
    if (value instanceof StampedList) return value.holdsAfter(this.#cutoff);
    if (value instanceof OrderedMap) return value.peek().holdsAfter(this.#cutoff);
    if (value instanceof MapView) return value.holdsAfter(this.#cutoff);
    return time > this.#cutoff;
  }

  write(out: ByteWriter): void {
    const { key, value, table, time } = this.#cursors[this.#current]!;
    const begin = out.offset;
    try {
      this.#state.writeKey(key, table, out);
      this.keyBytes = out.offset - begin;
      switch (this.#state.description.kind) {
        case 'list':
          if (this.#state.isTimed) return this.#writeStampedList(value as StampedList, out);
          return this.#writeList(value, out);
        case 'map':
          return this.#writeMap(value, out);
        case 'timeline':
          return this.#writeTimeline(value, out);
        default:
          if (this.#state.isTimed) out.float64(time);
          return this.#state.schemas.value.codec.encode(value, out);
      }
    } catch (error) {
      throw notSerializable(this.#state.names, key, error);
    }
  }

  #writeList(value: unknown, out: ByteWriter): void {
    const list = (this.#rest ?? (value instanceof ListView ? value : listView(value))) as ListView;
    const { codec } = this.#state.schemas.value;
    const end = Math.min(this.#at + PART_ELEMENTS, list.length);
    out.varint(end - this.#at);
    for (let i = this.#at; i < end; i++) codec.encode(list.items[i], out);
    this.#continueAt(end, end === list.length ? undefined : list);
  }

  #writeStampedList(value: StampedList, out: ByteWriter): void {
    const list = (this.#rest ?? value.after(this.#cutoff).freeze()) as StampedList;
    const { codec } = this.#state.schemas.value;
    const end = Math.min(this.#at + PART_ELEMENTS, list.length);
    out.varint(end - this.#at);
    for (let i = this.#at; i < end; i++) {
      out.float64(list.times[i]!);
      codec.encode(list.items[i], out);
    }
    this.#continueAt(end, end === list.length ? undefined : list);
  }

  #writeMap(value: unknown, out: ByteWriter): void {
    const map = (this.#rest ?? (value instanceof OrderedMap ? mapView(value) : value)) as MapView;
    const { value: values, key: keys } = this.#state.schemas;
    const timed = this.#state.isTimed;
    const countAt = out.reserve(4);
    let at = this.#at;
    let count = 0;
    for (; at < map.end && count < PART_ELEMENTS; at++) {
      if (!map.holds(at)) continue;
      if (timed) {
        const time = map.time(at);
        if (time <= this.#cutoff) continue;
        out.float64(time);
      }
      keys!.codec.encode(map.key(at), out);
      values.codec.encode(map.value(at), out);
      count += 1;
    }
    out.patchUint32(countAt, count);
    this.#continueAt(at, at === map.end ? undefined : map);
  }

  #writeTimeline(value: unknown, out: ByteWriter): void {
    const view = (this.#rest ??
      (value instanceof TimedValues ? timedView(value) : value)) as TimedView;
    const { codec } = this.#state.schemas.value;
    const end = Math.min(this.#at + PART_ELEMENTS, view.size);
    out.varint(end - this.#at);
    for (let i = this.#at; i < end; i++) {
      out.zigzag(view.timeAt(i));
      codec.encode(view.valueAt(i), out);
    }
    this.#continueAt(end, end === view.size ? undefined : view);
  }

  #continueAt(at: number, rest: ListView | StampedList | MapView | TimedView | undefined): void {
    this.#at = rest === undefined ? 0 : at;
    this.#rest = rest;
  }
}

function listView(value: unknown): ListView {
  return new ListView(value as unknown[], (value as unknown[]).length);
}

/** A map that is written at once need not be protected from later changes. */
function mapView(map: OrderedMap): MapView {
  const view = map.peek();
  return view.end <= PART_ELEMENTS ? view : map.view();
}

/** The same for a timeline. */
function timedView(values: TimedValues): TimedView {
  return values.size <= PART_ELEMENTS ? values.peek() : values.view();
}
