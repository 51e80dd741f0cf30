/**
 * Where records gather for one channel, in front of it. Every channel has one, of one class: so a
 * writer that goes from channel to channel puts a record down without a branch that nobody can
 * foretell, and what a channel does with records it does with many at once.
 */
import { OBJECT_BATCH_CAPACITY, ObjectBatch } from './batch.ts';

export class Gathering {
  batch: ObjectBatch = new ObjectBatch();
  /** With so many the channel is told: `OutputChannel.gathered`. At least 1, or 0: with any. */
  most: number;

  constructor(most: number = OBJECT_BATCH_CAPACITY) {
    this.most = most;
  }
}
