/** The consuming end of one channel of an edge. */
import type { Batch } from './batch.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import type { InFlight } from './in-flight.ts';

export interface InputChannel {
  readonly hasData: boolean;
  /** The next batch or control element, in order; undefined when there is none at hand. */
  poll(): Batch | ControlElement | undefined;
  /** Gives a batch back whose records have all been processed. */
  recycle(batch: Batch): void;
  close(): void;
  /**
   * Hears of barriers when they come into the channel, ahead of what is before them, if these may
   * pass it (at once, or after a time-out). They are polled in their place all the same.
   */
  onBarrier: ((barrier: BarrierElement) => void) | undefined;
  /**
   * Puts what is in the channel into `into`, and what comes, up to the barrier of that checkpoint
   * or the end; then it is complete. `open` is a polled batch of which a part was not processed.
   */
  capture(checkpointId: number, into: InFlight, open: Batch | undefined): void;
  /** No more is captured. */
  stopCapture(): void;
}
