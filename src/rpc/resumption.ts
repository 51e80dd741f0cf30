/**
 * What the dialler of a connection says in its hello about the session that the connection is for:
 * nothing, that it begins one, or that it resumes one and how much of it has arrived.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { protocolError } from './handshake-frames.ts';

const BEGIN = 1;
const RESUME = 2;
export const SESSION_ID_BYTES = 16;

export type SessionWish =
  | { readonly kind: 'plain' }
  | { readonly kind: 'begin'; readonly session: string }
  | { readonly kind: 'resume'; readonly session: string; readonly received: number };

export function beginContext(session: Uint8Array): Uint8Array {
  return contextOf(BEGIN, session, 0);
}

export function resumeContext(session: Uint8Array, received: number): Uint8Array {
  return contextOf(RESUME, session, received);
}

function contextOf(kind: number, session: Uint8Array, received: number): Uint8Array {
  const out = new ByteWriter(32);
  out.uint8(kind);
  out.raw(session);
  out.float64(received);
  return out.copy();
}

/** @throws EngineError RPC_PROTOCOL, DATA_CORRUPT */
export function parseContext(context: Uint8Array): SessionWish {
  if (context.length === 0) return { kind: 'plain' };
  const reader = new ByteReader(context);
  const kind = reader.uint8();
  const session = Buffer.from(reader.raw(SESSION_ID_BYTES)).toString('hex');
  const received = reader.float64();
  reader.expectEnd();
  if (kind === BEGIN) return { kind: 'begin', session };
  if (kind === RESUME) return { kind: 'resume', session, received };
  throw protocolError('a session of an unknown kind');
}
