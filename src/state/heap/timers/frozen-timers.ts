/**
 * The timers of a queue at one moment, for a snapshot, or those that came after its base: frozen
 * columns, which are put in the order of key groups in steps before the first of them is written.
 *
 * Invariants
 * P1. Once `prepare` has returned true, `#order` has the slots of all timers, group by group;
 *     those of group g begin at `#begins[g]` and end where the next begin.
 */
import type { ByteWriter } from '../../../base/byte-writer.ts';
import type { Key } from '../../../types/schema.ts';
import { notSerializable } from '../../state-errors.ts';
import type { StateNames } from '../../state-errors.ts';
import { writeCompoundKey } from '../compound-key.ts';
import type { EntrySource } from '../entry-writer.ts';
import type { NamespaceParts } from '../namespace-parts.ts';
import type { Progress } from '../table-cursor.ts';
import type { TimerColumns } from './timer-table.ts';

/** Slots in a step. */
const STEP = 32 * 1024;

/** What the timers belong to. */
interface TimerOwner {
  readonly parts: NamespaceParts;
  readonly names: StateNames;
}

export class FrozenTimers {
  readonly #owner: TimerOwner;
  readonly #columns: TimerColumns;
  readonly #begins: Int32Array;
  /** Where the next slot of a group goes. */
  #ends = new Int32Array(0);
  #order = new Int32Array(0);
  /** Slots looked at so far: each once to count it, then once to place it. */
  #looked = 0;

  readonly #since: number;
  /** By group: what has gone since the base, as key, time and parts of the namespace. */
  readonly #removed: readonly (readonly Key[])[];

  constructor(
    owner: TimerOwner,
    columns: TimerColumns,
    since: number,
    removed: readonly (readonly Key[])[],
  ) {
    this.#owner = owner;
    this.#columns = columns;
    this.#since = since;
    this.#removed = removed;
    this.#begins = new Int32Array(removed.length + 1);
  }

  /** Undefined if nothing has gone from the group. */
  removedOf(group: number): EntrySource | undefined {
    const removed = this.#removed[group]!;
    return removed.length === 0 ? undefined : new RemovedTimers(this.#owner, removed);
  }

  /** Nothing is kept any more. */
  release(): void {
    this.#columns.release();
  }

  /** Does a little of the sorting; true when there is nothing to do (P1). */
  prepare(): boolean {
    const { end } = this.#columns;
    const from = this.#looked;
    if (from === end * 2) return true;
    const to = Math.min(from + STEP, from < end ? end : end * 2);
    this.#looked = to;
    if (from >= end) this.#place(from - end, to - end);
    else this.#count(from, to);
    return false;
  }

  /** Undefined if the group has none. */
  entriesOf(group: number): EntrySource | undefined {
    const slots = this.#order.subarray(this.#begins[group], this.#begins[group + 1]);
    return slots.length === 0 ? undefined : new TimerEntries(this.#owner, this.#columns, slots);
  }

  #count(from: number, to: number): void {
    const columns = this.#columns;
    const begins = this.#begins;
    for (let slot = from; slot < to; slot++) {
      const group = this.#groupAt(slot);
      if (group >= 0) begins[group + 1]! += 1;
    }
    if (to < columns.end) return;
    for (let group = 1; group < begins.length; group++) begins[group]! += begins[group - 1]!;
    this.#ends = begins.slice();
    this.#order = new Int32Array(begins.at(-1)!);
  }

  /** Negative if the slot has nothing to be written. */
  #groupAt(slot: number): number {
    const columns = this.#columns;
    columns.seek(slot);
    return this.#since !== 0 && columns.birth <= this.#since ? -1 : columns.group;
  }

  #place(from: number, to: number): void {
    for (let slot = from; slot < to; slot++) {
      const group = this.#groupAt(slot);
      if (group < 0) continue;
      this.#order[this.#ends[group]!] = slot;
      this.#ends[group]! += 1;
    }
  }
}

/** An entry is a timer: the key, the time, and the parts of the namespace, with no value. */
class TimerEntries implements EntrySource {
  keyBytes = 0;
  readonly #owner: TimerOwner;
  readonly #columns: TimerColumns;
  readonly #slots: Int32Array;
  readonly #parts: Key[] = [];
  readonly #namespace: Key[] = [];
  #at = -1;

  constructor(owner: TimerOwner, columns: TimerColumns, slots: Int32Array) {
    this.#owner = owner;
    this.#columns = columns;
    this.#slots = slots;
  }

  next(): Progress {
    this.#at += 1;
    return this.#at < this.#slots.length ? 'entry' : 'end';
  }

  write(out: ByteWriter): void {
    const slot = this.#slots[this.#at]!;
    const columns = this.#columns;
    const parts = this.#parts;
    const begin = out.offset;
    columns.seek(slot);
    parts[0] = columns.time;
    this.#split();
    const { key } = columns;
    try {
      writeCompoundKey(key, parts, out);
    } catch (error) {
      throw notSerializable(this.#owner.names, key, error);
    }
    this.keyBytes = out.offset - begin;
  }

  #split(): void {
    const { parts, names } = this.#owner;
    if (!parts.numeric) parts.split(this.#columns.namespace, this.#namespace, names);
    for (let i = 0; i < parts.count; i++) {
      this.#parts[i + 1] = parts.numeric ? this.#columns.part(i) : this.#namespace[i]!;
    }
  }
}

class RemovedTimers implements EntrySource {
  keyBytes = 0;
  readonly #owner: TimerOwner;
  readonly #removed: readonly Key[];
  #at = -1;

  constructor(owner: TimerOwner, removed: readonly Key[]) {
    this.#owner = owner;
    this.#removed = removed;
  }

  next(): Progress {
    this.#at += 1;
    return this.#at < this.#removed.length ? 'entry' : 'end';
  }

  write(out: ByteWriter): void {
    const [key, ...parts] = this.#removed[this.#at] as readonly Key[];
    const begin = out.offset;
    try {
      writeCompoundKey(key!, parts, out);
    } catch (error) {
      throw notSerializable(this.#owner.names, key, error);
    }
    this.keyBytes = out.offset - begin;
  }
}
