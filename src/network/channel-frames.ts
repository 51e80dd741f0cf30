/** The kinds of frames on a link between two slots, as the channels above it use them. */

export const ChannelFrame = {
  /** Records: a batch as of batch-codec. Costs credit. */
  data: 1,
  /** A control element as of control-codec. Always allowed once the channel is open. */
  control: 2,
  /**
   * A part of the records of a data frame that is larger than a frame may be; the last part has the
   * kind `data`.
   */
  part: 4,
  /** From the consumer: uint32 more bytes may come. The first one opens the channel. */
  credit: 3,
  /** From the consumer: the window is uint32 bytes larger, which are credit. */
  grow: 5,
  /** From the producer: records wait for credit, uint32 bytes of them now. */
  backlog: 6,
  /** From the consumer: the window is to be uint32 bytes smaller, as soon as there is credit. */
  reclaim: 7,
  /** From the producer: it has given up uint32 bytes of credit; the window is smaller by them. */
  returned: 8,
} as const;

/** No frame is larger; every link takes frames of this size. */
export const FRAME_PAYLOAD_BYTES_MAX: number = 48 * 1024;

/** What holding a frame takes beside its bytes: many small ones must not pass the limits. */
const FRAME_OVERHEAD_BYTES = 256;

/** The credit that a data frame costs; producer and consumer count alike. */
export function frameCost(payloadBytes: number): number {
  return payloadBytes + FRAME_OVERHEAD_BYTES;
}

/** Records a frame may hold: what an ObjectBatch can take. */
export { OBJECT_BATCH_CAPACITY as DATA_FRAME_RECORDS } from './batch.ts';

/**
 * Credit that a consumer may keep for itself though it has taken everything: small frames are not
 * acknowledged one by one.
 */
export const CREDIT_KEPT_BYTES_MAX: number = 8 * 1024;

/** A consumer with less than this under way or unread is taken to wait for more. */
export const CONSUMER_WAITS_BYTES: number = 2 * CREDIT_KEPT_BYTES_MAX;

/** The sending half of a link, as channels see it. */
export interface FrameSender {
  /** Sends a data frame, or says false: no room now; the channel's `drain` will be called. */
  send(kind: number, channel: number, bytes: Uint8Array): boolean;
  /** Sends a control or credit frame; there is always room. The bytes are the caller's again. */
  sendControl(kind: number, channel: number, bytes: Uint8Array): void;
}
