/**
 * Removes what has expired from a state little by little: it goes round all keys, a few at a time.
 *
 * Invariants
 * C1. `#table`, `#slot` are where it goes on; a slot that a rebuild has moved past it waits for the
 *     next round.
 * C2. The state's handle forgets where it was whenever an entry has gone.
 */
import type { HeapState } from '../heap-state.ts';
import type { KeyGroupTable } from '../key-group-table.ts';
import type { OrderedMap } from '../ordered-map.ts';
import type { StampedList } from './stamped-list.ts';
import type { Ttl } from './ttl.ts';

/** Places without an entry (slots, whole tables) that may be passed for one with. */
const PLACES_PER_KEY = 4;

export class TtlCleaner {
  readonly #state: HeapState;
  readonly #ttl: Ttl;
  readonly #forget: () => void;
  /** C1: counts the plain tables, then the wide ones. */
  #table = 0;
  #slot = -1;

  constructor(state: HeapState, ttl: Ttl, forget: () => void) {
    this.#state = state;
    this.#ttl = ttl;
    this.#forget = forget;
  }

  run(now: number): void {
    const { keysAtOnce } = this.#ttl;
    const cutoff = this.#ttl.cutoffAt(now);
    let keys = 0;
    for (let looked = 0; keys < keysAtOnce && looked < keysAtOnce * PLACES_PER_KEY; looked++) {
      const table = this.#current();
      if (table === undefined) continue;
      if (this.#slot < 0) this.#slot = table.first;
      keys += this.#passYoung(table, cutoff, keysAtOnce - keys);
      if (keys === keysAtOnce || this.#slot >= table.end) continue;
      const slot = this.#slot;
      this.#slot += table.step;
      if (table.versionAt(slot) <= 0) continue;
      keys += 1;
      if (cleanEntry(this.#state, table, slot, cutoff)) this.#forget();
    }
  }

  /**
   * Where values have times: passes at most so many that have not expired, and slots that never had
   * one, of which nothing is looked at but the times, which lie side by side. Gives how many there
   * were.
   */
  #passYoung(table: KeyGroupTable, cutoff: number, most: number): number {
    const { times, timeShift, step, end } = table;
    if (times === undefined) return 0;
    const last = Math.min(end, this.#slot + most * PLACES_PER_KEY * step);
    let passed = 0;
    let slot = this.#slot;
    for (; passed < most && slot < last; slot += step) {
      const time = times[slot >> timeShift]!;
      if (time <= cutoff) break;
      if (time === time) passed += 1;
    }
    this.#slot = slot;
    return passed;
  }

  /** Undefined, and one on, where this one is done with, or there is none. */
  #current(): KeyGroupTable | undefined {
    const { tables, wideTables } = this.#state;
    const at = this.#table;
    const table = at < tables.length ? tables[at] : wideTables[at - tables.length];
    if (table !== undefined && this.#slot < table.end) return table;
    this.#slot = -1;
    this.#table = at + 1 < tables.length + wideTables.length ? at + 1 : 0;
    return undefined;
  }
}

/** Removes of an entry what has expired; whether that was something. */
function cleanEntry(state: HeapState, table: KeyGroupTable, slot: number, cutoff: number): boolean {
  switch (state.description.kind) {
    case 'list':
      return cleanList(state, table, slot, cutoff);
    case 'map':
      return cleanMap(state, table, slot, cutoff);
    default:
      if (table.timeAt(slot) > cutoff) return false;
      removeEntry(state, table, slot);
      return true;
  }
}

function cleanList(state: HeapState, table: KeyGroupTable, slot: number, cutoff: number): boolean {
  const list = table.values[slot] as StampedList;
  const rest = list.after(cutoff);
  if (rest === list) return false;
  if (rest.length === 0) removeEntry(state, table, slot);
  else {
    table.touch(slot);
    (table.values as unknown[])[slot] = rest;
  }
  return true;
}

function cleanMap(state: HeapState, table: KeyGroupTable, slot: number, cutoff: number): boolean {
  const map = table.values[slot] as OrderedMap;
  if (!map.hasUntil(cutoff)) return false;
  table.touch(slot);
  map.deleteUntil(cutoff);
  if (map.size === 0) removeEntry(state, table, slot);
  return true;
}

function removeEntry(state: HeapState, table: KeyGroupTable, slot: number): void {
  table.remove(slot, state.context.lookupOf(table.keyAt(slot)));
}
