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
} as const;

/** Bytes of data that may be under way or wait unread on one channel. */
export const CHANNEL_WINDOW_BYTES: number = 256 * 1024;

/**
 * A frame of data is handed over when it has this many bytes. A single larger record makes a frame
 * of its own.
 */
export const DATA_FRAME_BYTES: number = 16 * 1024;

/** No frame is larger; every link takes frames of this size. */
export const FRAME_PAYLOAD_BYTES_MAX: number = 48 * 1024;

/** Records a frame may hold: what an ObjectBatch can take. */
export { OBJECT_BATCH_CAPACITY as DATA_FRAME_RECORDS } from './batch.ts';

/** The sending half of a link, as channels see it. */
export interface FrameSender {
  /** Sends a data frame, or says false: no room now; the channel's `drain` will be called. */
  send(kind: number, channel: number, bytes: Uint8Array): boolean;
  /** Sends a control or credit frame; there is always room. */
  sendControl(kind: number, channel: number, bytes: Uint8Array): void;
}
