/**
 * The frames of the RPC protocol as bytes, after the handshake: a request, an answer to one, or a
 * tell. Contents are encoded by the schemas of the services.
 */
import { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import type { ErrorData } from '../base/errors.ts';
import { frame } from './frame.ts';
import { protocolError } from './handshake-frames.ts';
import type { VersionRange } from './handshake-frames.ts';

/**
 * The versions of the protocol that this process speaks. The greatest grows with every change of a
 * frame or of a message, the least when an old form is given up.
 */
export const RPC_VERSIONS: VersionRange = { least: 1, greatest: 1 };

/** Causes of an error of another process; deeper ones are a peer that does not keep to it. */
const CAUSES_MAX = 32;

const REQUEST = 1;
const TELL = 2;
const RESPONSE = 3;
const ERROR = 4;

export interface CallHeader {
  readonly endpoint: string;
  readonly method: string;
  readonly token: string;
}

/** `payload` stands at the encoded value and is valid during the call only. */
export type RpcFrame =
  | {
      readonly kind: 'request';
      readonly id: number;
      readonly call: CallHeader;
      readonly payload: ByteReader;
    }
  | { readonly kind: 'tell'; readonly call: CallHeader; readonly payload: ByteReader }
  | { readonly kind: 'response'; readonly id: number; readonly payload: ByteReader }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorData };

type Payload = (out: ByteWriter) => void;

/** @throws EngineError RPC_FRAME_TOO_LARGE */
export function requestFrame(id: number, call: CallHeader, payload: Payload): Uint8Array {
  return frame((out) => {
    out.uint8(REQUEST);
    out.varint(id);
    writeCall(out, call);
    payload(out);
  });
}

/** @throws EngineError RPC_FRAME_TOO_LARGE */
export function tellFrame(call: CallHeader, payload: Payload): Uint8Array {
  return frame((out) => {
    out.uint8(TELL);
    writeCall(out, call);
    payload(out);
  });
}

/** @throws EngineError RPC_FRAME_TOO_LARGE */
export function responseFrame(id: number, payload: Payload): Uint8Array {
  return frame((out) => {
    out.uint8(RESPONSE);
    out.varint(id);
    payload(out);
  });
}

export function errorFrame(id: number, error: ErrorData): Uint8Array {
  return frame((out) => {
    out.uint8(ERROR);
    out.varint(id);
    out.string(JSON.stringify(withCauses(error, CAUSES_MAX)));
  });
}

/** @throws EngineError RPC_PROTOCOL or DATA_CORRUPT */
export function parseFrame(content: Uint8Array): RpcFrame {
  const input = new ByteReader(content);
  const kind = input.uint8();
  switch (kind) {
    case REQUEST:
      return { kind: 'request', id: input.varint(), call: readCall(input), payload: input };
    case TELL:
      return { kind: 'tell', call: readCall(input), payload: input };
    case RESPONSE:
      return { kind: 'response', id: input.varint(), payload: input };
    case ERROR:
      return { kind: 'error', id: input.varint(), error: readError(input) };
    default:
      throw protocolError(`frame of unknown kind ${kind}`);
  }
}

function withCauses(error: ErrorData, most: number): ErrorData {
  if (error.cause === undefined) return error;
  return { ...error, cause: most === 0 ? undefined : withCauses(error.cause, most - 1) };
}

function writeCall(out: ByteWriter, call: CallHeader): void {
  out.string(call.endpoint);
  out.string(call.method);
  out.string(call.token);
}

function readCall(input: ByteReader): CallHeader {
  return { endpoint: input.string(), method: input.string(), token: input.string() };
}

function readError(input: ByteReader): ErrorData {
  let error: unknown;
  try {
    error = JSON.parse(input.string());
  } catch {
    throw protocolError('an error that is not JSON');
  }
  if (!isErrorData(error, 0)) throw protocolError('an error without code');
  return error;
}

function isErrorData(value: unknown, depth: number): value is ErrorData {
  if (typeof value !== 'object' || value === null || depth > CAUSES_MAX) return false;
  const { code, parameters, scope, stack, cause } = value as Partial<
    Record<keyof ErrorData, unknown>
  >;
  return (
    typeof code === 'string' &&
    typeof parameters === 'object' &&
    parameters !== null &&
    typeof scope === 'object' &&
    scope !== null &&
    (stack === undefined || typeof stack === 'string') &&
    (cause === undefined || isErrorData(cause, depth + 1))
  );
}
