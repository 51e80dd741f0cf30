/**
 * Control elements travel in the stream between batches, in order with the records, on every
 * channel of an edge.
 */
import type { CheckpointTrigger } from '../protocol/checkpoint.ts';

/** No record at or below this event time will follow. +infinity ends event time. */
export interface WatermarkElement {
  readonly kind: 'watermark';
  readonly timestamp: number;
}

/** Cuts the stream for a checkpoint. Aligned before it is handled. */
export interface BarrierElement extends CheckpointTrigger {
  readonly kind: 'barrier';
}

/** Closes a bundle: results are consistent at every mark. Aligned by the same code as barriers. */
export interface EpochMarkElement {
  readonly kind: 'epoch';
  readonly id: number;
}

/** An idle channel does not hold back watermarks. A channel is active at first. */
export interface StatusElement {
  readonly kind: 'status';
  readonly status: 'active' | 'idle';
}

/** The channel's last element. */
export interface EndElement {
  readonly kind: 'end';
  /**
   * After a savepoint that stops the job: the stream has not come to its end, or had done so before
   * the savepoint. Nothing fires.
   */
  readonly stopped?: true | undefined;
}

export type ControlElement =
  | WatermarkElement
  | BarrierElement
  | EpochMarkElement
  | StatusElement
  | EndElement;

export const MAX_WATERMARK: number = Number.POSITIVE_INFINITY;
export const MIN_WATERMARK: number = Number.NEGATIVE_INFINITY;
export const END: EndElement = { kind: 'end' };
export const STOPPED: EndElement = { kind: 'end', stopped: true };
