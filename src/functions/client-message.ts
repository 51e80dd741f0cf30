/**
 * What a sink's writer sends to whoever executes the job: lines to print, or records to collect.
 * A message says which attempt of which subtask it comes from and its place in their order, so that
 * what a failed attempt had sent can be told from what counts. On the same way a slot tells where
 * its CPU profile is.
 */
import { EngineError, messageOf } from '../base/errors.ts';

export type ClientMessage = PrintMessage | CollectMessage | ProfileMessage;

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

/** That a slot has written its CPU profile, or could not: JSON of a ProfileNotice. */
interface ProfileMessage extends Origin {
  readonly kind: 'profile';
  readonly body: Uint8Array;
}

export interface ProfileNotice {
  readonly taskManager: string;
  readonly slot: number;
  /** Which of the slot's deployments it is. */
  readonly generation: number;
  /** Of the file. */
  readonly name: string;
  /** On the machine of the TaskManager. Undefined if there is no file. */
  readonly path?: string | undefined;
  /** Why there is none. */
  readonly problem?: string | undefined;
}

const KINDS = ['print', 'collect', 'profile'] as const;

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
  if (kind !== 'collect') return { kind, ...origin };
  const from = view.getFloat64(18, true);
  return { kind, ...origin, count: view.getUint32(13, true), last: bytes[17] === 1, from };
}

export function encodeProfileNotice(notice: ProfileNotice): Uint8Array {
  return encodeClientMessage({
    ...{ kind: 'profile', subtask: notice.slot, attempt: notice.generation, sequence: 0 },
    body: new TextEncoder().encode(JSON.stringify(notice)),
  });
}

/** @throws EngineError DATA_CORRUPT */
export function profileNoticeOf({ body }: ClientMessage): ProfileNotice {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as ProfileNotice;
  } catch (thrown) {
    const parameters = { what: 'the message about a CPU profile', reason: messageOf(thrown) };
    throw new EngineError('DATA_CORRUPT', parameters);
  }
}
