/** The consuming end of one channel of an edge. */
import type { Batch } from './batch.ts';
import type { ControlElement } from './control-element.ts';

export interface InputChannel {
  readonly hasData: boolean;
  /** The next batch or control element, in order; undefined when there is none at hand. */
  poll(): Batch | ControlElement | undefined;
  /** Gives a batch back whose records have all been processed. */
  recycle(batch: Batch): void;
  close(): void;
}
