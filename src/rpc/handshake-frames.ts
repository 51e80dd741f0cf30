/**
 * The frames of a handshake as bytes. Their layout is the same in every version of the protocols
 * that they introduce, so that two processes of any versions can tell each other what they speak;
 * what a later version adds stands behind what is known here, and is skipped.
 */
import { ByteReader } from '../base/byte-reader.ts';
import type { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import { frame } from './frame.ts';

/** Frames of a handshake come from strangers. */
export const HANDSHAKE_LIMIT_BYTES = 4096;
export const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
const MAGIC = 0x4d4c5243;
/** Of names and reasons of other processes, which end up in logs. */
const TEXT_LENGTH_MAX = 200;

const HELLO = 0;
const ANSWER = 1;
const PROOF = 2;
const WELCOME = 3;
const REFUSAL = 4;

/** Versions of a protocol that a process speaks, both ends included. */
export interface VersionRange {
  readonly least: number;
  readonly greatest: number;
}

/** What both sides say of themselves. */
export interface Introduction {
  /** What the connection is for: who dials a wrong port is told so. */
  readonly purpose: string;
  readonly versions: VersionRange;
  /** Whether this side wants the other one to show that it knows the key, as it will itself. */
  readonly authenticates: boolean;
  readonly nonce: Uint8Array;
  readonly name: string;
  /** What else the key is to vouch for; its meaning depends on the purpose. */
  readonly context: Uint8Array;
}

export type RefusalCode =
  | 'purpose'
  | 'version'
  | 'key-required'
  | 'key-unexpected'
  | 'proof'
  | 'context';

export interface Refusal {
  readonly code: RefusalCode;
  /** What whoever refuses speaks. */
  readonly versions: VersionRange;
  /** In words, for `context`. */
  readonly reason: string;
}

export type HandshakeFrame =
  | { readonly kind: 'hello'; readonly introduction: Introduction }
  | { readonly kind: 'answer'; readonly introduction: Introduction; readonly version: number }
  | { readonly kind: 'proof'; readonly proof: Uint8Array }
  | { readonly kind: 'welcome' }
  | { readonly kind: 'refusal'; readonly refusal: Refusal };

const REFUSALS: readonly RefusalCode[] = [
  'purpose',
  'version',
  'key-required',
  'key-unexpected',
  'proof',
  'context',
];

export function helloFrame(introduction: Introduction): Uint8Array {
  return frame((out) => {
    out.uint8(HELLO);
    writeIntroduction(out, introduction);
  });
}

/** @param version of the protocol, chosen for the connection */
export function answerFrame(introduction: Introduction, version: number): Uint8Array {
  return frame((out) => {
    out.uint8(ANSWER);
    writeIntroduction(out, introduction);
    out.varint(version);
  });
}

export function proofFrame(proof: Uint8Array): Uint8Array {
  return frame((out) => {
    out.uint8(PROOF);
    out.raw(proof);
  });
}

export function welcomeFrame(): Uint8Array {
  return frame((out) => out.uint8(WELCOME));
}

export function refusalFrame({ code, versions, reason }: Refusal): Uint8Array {
  return frame((out) => {
    out.uint8(REFUSAL);
    out.uint8(REFUSALS.indexOf(code));
    out.varint(versions.least);
    out.varint(versions.greatest);
    out.string(reason.slice(0, TEXT_LENGTH_MAX));
  });
}

/** @throws EngineError RPC_PROTOCOL or DATA_CORRUPT */
export function parseHandshakeFrame(content: Uint8Array): HandshakeFrame {
  const input = new ByteReader(content);
  const kind = input.uint8();
  switch (kind) {
    case HELLO:
      return { kind: 'hello', introduction: readIntroduction(input) };
    case ANSWER:
      return { kind: 'answer', introduction: readIntroduction(input), version: input.varint() };
    case PROOF:
      return { kind: 'proof', proof: input.raw(PROOF_BYTES) };
    case WELCOME:
      return { kind: 'welcome' };
    case REFUSAL: {
      const code = REFUSALS[input.uint8()];
      const versions = { least: input.varint(), greatest: input.varint() };
      const reason = plainText(input.string());
      if (code === undefined) throw protocolError('it refused for an unknown reason');
      return { kind: 'refusal', refusal: { code, versions, reason } };
    }
    default:
      throw protocolError('it does not open with a handshake');
  }
}

export function protocolError(reason: string): EngineError {
  return new EngineError('RPC_PROTOCOL', { reason });
}

function writeIntroduction(out: ByteWriter, introduction: Introduction): void {
  out.uint32(MAGIC);
  out.varint(introduction.versions.least);
  out.varint(introduction.versions.greatest);
  out.boolean(introduction.authenticates);
  out.raw(introduction.nonce);
  out.string(introduction.purpose);
  out.string(introduction.name.slice(0, TEXT_LENGTH_MAX));
  out.lengthPrefixed(introduction.context);
}

function readIntroduction(input: ByteReader): Introduction {
  if (input.uint32() !== MAGIC) throw protocolError('it is not a Millrace process');
  return {
    versions: { least: input.varint(), greatest: input.varint() },
    authenticates: input.boolean(),
    nonce: input.raw(NONCE_BYTES),
    purpose: plainText(input.string()),
    name: plainText(input.string()),
    context: input.lengthPrefixed(),
  };
}

/**
 * Text of a stranger as it may stand in a log: one line, of a length, nothing that moves cursors.
 */
function plainText(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX).replaceAll(/[\p{C}\u2028\u2029]/gu, '?');
}
