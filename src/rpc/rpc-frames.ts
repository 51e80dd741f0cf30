/**
 * The frames of the RPC protocol as bytes. The first frame each way is a greeting; every other one
 * is a request, an answer to one, or a tell. Contents are encoded by the schemas of the services.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { ErrorData } from '../base/errors.ts';
import { FRAME_HEADER_BYTES, FRAME_LIMIT_BYTES } from './frame.ts';

const MAGIC = 0x4d4c5243;
/**
 * Grows with every change of a frame or of a message; different versions do not speak to each
 * other.
 */
export const PROTOCOL_VERSION = 1;
/** Greetings come from strangers. */
export const GREETING_LIMIT_BYTES = 1024;

const GREETING = 0;
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
  | { readonly kind: 'greeting'; readonly version: number; readonly name: string }
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

export function greetingFrame(name: string): Uint8Array {
  return frame((out) => {
    out.uint8(GREETING);
    out.uint32(MAGIC);
    out.varint(PROTOCOL_VERSION);
    out.string(name);
  });
}

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
    out.string(JSON.stringify(error));
  });
}

/** @throws EngineError RPC_PROTOCOL or DATA_CORRUPT */
export function parseFrame(content: Uint8Array): RpcFrame {
  const input = new ByteReader(content);
  const kind = input.uint8();
  switch (kind) {
    case GREETING: {
      if (input.uint32() !== MAGIC) throw protocolError('it is not a Millrace process');
      const version = input.varint();
      return {
        kind: 'greeting',
        version,
        name: version === PROTOCOL_VERSION ? input.string() : '',
      };
    }
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

export function protocolError(reason: string): EngineError {
  return new EngineError('RPC_PROTOCOL', { reason });
}

function frame(content: Payload): Uint8Array {
  const out = new ByteWriter(256);
  out.reserve(FRAME_HEADER_BYTES);
  content(out);
  const length = out.offset - FRAME_HEADER_BYTES;
  if (length > FRAME_LIMIT_BYTES) {
    throw new EngineError('RPC_FRAME_TOO_LARGE', { bytes: length, limit: FRAME_LIMIT_BYTES });
  }
  out.patchUint32(0, length);
  return out.copy();
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
  if (!isErrorData(error)) throw protocolError('an error without code');
  return error;
}

function isErrorData(value: unknown): value is ErrorData {
  if (typeof value !== 'object' || value === null) return false;
  const { code, parameters, scope, cause } = value as Partial<Record<keyof ErrorData, unknown>>;
  return (
    typeof code === 'string' &&
    typeof parameters === 'object' &&
    parameters !== null &&
    typeof scope === 'object' &&
    scope !== null &&
    (cause === undefined || isErrorData(cause))
  );
}
