/**
 * The handle of timeline state: the values of a key in the order of their timestamps. A key without
 * values has no entry.
 */
import type { Timeline, TimelineState } from '../../functions/timeline-state.ts';
import type { HeapState } from './heap-state.ts';
import { ABSENT } from './key-group-table.ts';
import { KeyedHandle } from './keyed-handle.ts';
import { TimedValues } from './timed-values.ts';
import { valueCheckOf } from './value-check.ts';
import type { ValueCheck } from './value-check.ts';

export class HeapTimelineState extends KeyedHandle implements TimelineState<unknown> {
  readonly #fits: ValueCheck;

  constructor(state: HeapState) {
    super(state);
    this.#fits = valueCheckOf(state.schemas.value);
  }

  get entries(): Timeline<unknown> | undefined {
    return this.#found();
  }

  add(time: number, value: unknown): void {
    if (!this.#fits(value)) this.refuse(value);
    const known = this.#found();
    const slot = this.locateForWrite();
    if (known === undefined) this.#begin(slot, time, value);
    else known.add(time, value);
  }

  put(time: number, value: unknown): void {
    if (!this.#fits(value)) this.refuse(value);
    const known = this.#found();
    const slot = this.locateForWrite();
    if (known === undefined) this.#begin(slot, time, value);
    else known.put(time, value);
  }

  dropFirst(count: number): void {
    const known = this.#found();
    if (known === undefined || count === 0) return;
    if (count >= known.size) return this.clear();
    this.locateForWrite();
    known.dropFirst(count);
  }

  #begin(slot: number, time: number, value: unknown): void {
    (this.table!.values as TimedValues[])[slot] = new TimedValues(time, value);
  }

  #found(): TimedValues | undefined {
    const slot = this.locate();
    return slot === ABSENT ? undefined : (this.table!.values as TimedValues[])[slot];
  }
}
