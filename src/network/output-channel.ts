/**
 * The producing end of one channel of an edge: to a queue in the slot, or over a link to another
 * slot.
 */
import type { Batch } from './batch.ts';
import type { ControlElement } from './control-element.ts';
import type { FlushRound } from './flush-round.ts';

export interface OutputChannel {
  /** Never refuses; what is over the bound holds the producer's pressure. */
  add(value: unknown, timestamp: number): void;
  addKeyed(value: unknown, timestamp: number, keyGroup: number): void;
  /** A whole RowBatch whose rows all go to this channel; ownership passes. */
  addRows(batch: Batch): void;
  /** Comes after everything added before. */
  control(element: ControlElement): void;
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
