/**
 * The producing end of one channel of an edge: to a queue in the slot, or over a link to another
 * slot.
 */
import type { Batch } from './batch.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import type { FlushRound } from './flush-round.ts';
import type { Gathering } from './gathering.ts';
import type { InFlight } from './in-flight.ts';

export interface OutputChannel {
  /** Who appends to its batch calls `gathered` when that has as many as it may. */
  readonly gathering: Gathering;
  gathered(): void;
  /** Never refuses; what is over the bound holds the producer's pressure. */
  add(value: unknown, timestamp: number): void;
  addKeyed(value: unknown, timestamp: number, keyGroup: number): void;
  /** A whole RowBatch whose rows all go to this channel; ownership passes. */
  addRows(batch: Batch): void;
  /** Comes after everything added before. */
  control(element: ControlElement): void;
  /**
   * A barrier that passes what waits in here, which goes into `into` if it is not kept elsewhere.
   */
  overtake(barrier: BarrierElement, into: InFlight): void;
  /**
   * If an aligned barrier of that checkpoint waits in here, it waits no longer: as `unaligned` it
   * passes what is before it, which goes into `into`.
   */
  timeOut(checkpointId: number, into: InFlight): void;
  /** Whether the barrier of that checkpoint waits in here. */
  holds(checkpointId: number): boolean;
  /** Hands over what has gathered. @returns whether there was anything. */
  flush(): boolean;
  /** The same if it is time; else `round.next` comes to when it will be. */
  flushIfDue(round: FlushRound): void;
  /**
   * The producer has failed or was cancelled: what is left is dropped. Not called after an orderly
   * end.
   */
  abandon(): void;
}
