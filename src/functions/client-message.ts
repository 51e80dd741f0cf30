/**
 * What a sink's writer sends to whoever executes the job: lines to print, or records to collect.
 * A message says which attempt of which subtask it comes from and its place in their order, so that
 * what a failed attempt had sent can be told from what counts.
 */
import { EngineError } from '../base/errors.ts';

export type ClientMessage = PrintMessage | CollectMessage;

interface Origin {
  readonly subtask: number;
  /** Of the job, from 1: what earlier ones have sent is void. */
  readonly attempt: number;
  /** From 0, without gaps, within subtask and attempt. */
  readonly sequence: number;
}

/** UTF-8 text of whole lines. */
interface PrintMessage extends Origin {
  readonly kind: 'print';
  readonly body: Uint8Array;
}

/** `count` records, one after the other in the form of the sink's schema. */
export interface CollectMessage extends Origin {
  readonly kind: 'collect';
  readonly count: number;
  /**
   * How many records of the subtask come before these: after a restore the next one follows those
   * that the checkpoint holds, and takes the place of what was sent after it.
   */
  readonly from: number;
  /** The subtask's last message; every subtask that reaches the end of its input sends one. */
  readonly last: boolean;
  readonly body: Uint8Array;
}

const KINDS = ['print', 'collect'] as const;

/**
 * kind (1), subtask (4), attempt (4), sequence (4), count (4), last (1), from (8), little-endian.
 */
const HEADER_BYTES = 26;

export function encodeClientMessage(message: ClientMessage): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + message.body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = KINDS.indexOf(message.kind);
  view.setUint32(1, message.subtask, true);
  view.setUint32(5, message.attempt, true);
  view.setUint32(9, message.sequence, true);
  view.setUint32(13, message.kind === 'collect' ? message.count : 0, true);
  bytes[17] = message.kind === 'collect' && message.last ? 1 : 0;
  view.setFloat64(18, message.kind === 'collect' ? message.from : 0, true);
  bytes.set(message.body, HEADER_BYTES);
  return bytes;
}

/** `body` is a view of `bytes`. @throws EngineError DATA_CORRUPT */
export function decodeClientMessage(bytes: Uint8Array): ClientMessage {
  const kind = KINDS[bytes[0] ?? -1];
  if (kind === undefined || bytes.length < HEADER_BYTES) {
    const reason = bytes.length < HEADER_BYTES ? 'it is too short' : 'its kind is unknown';
    throw new EngineError('DATA_CORRUPT', { what: 'a message of a sink', reason });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const origin = {
    subtask: view.getUint32(1, true),
    attempt: view.getUint32(5, true),
    sequence: view.getUint32(9, true),
    body: bytes.subarray(HEADER_BYTES),
  };
  if (kind === 'print') return { kind, ...origin };
  const from = view.getFloat64(18, true);
  return { kind, ...origin, count: view.getUint32(13, true), last: bytes[17] === 1, from };
}
