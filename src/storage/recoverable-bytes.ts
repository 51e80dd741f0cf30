/**
 * What stands for a file that is being written, as bytes that a checkpoint keeps. They carry a
 * version and a checksum: they outlive the program that made them.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32 } from '../base/crc32.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Schema } from '../types/index.ts';

const MAGIC = 0x4d52_5752;
const VERSION = 1;

/** `kind` names the file system and what it is, e.g. `file/resumable`. */
export interface RecoverableKind<T> {
  readonly kind: string;
  readonly schema: Schema<T>;
}

export function encodeRecoverable<T>({ kind, schema }: RecoverableKind<T>, value: T): Uint8Array {
  const out = new ByteWriter();
  out.uint32(MAGIC);
  out.uint16(VERSION);
  out.string(kind);
  schema.codec.encode(value, out);
  out.uint32(crc32(out.written()));
  return out.copy();
}

/** Whether the bytes are of that kind. @throws EngineError DATA_CORRUPT if they are damaged */
export function isRecoverable(bytes: Uint8Array, { kind }: RecoverableKind<unknown>): boolean {
  return kindOf(openReader(bytes)) === kind;
}

/** @throws EngineError DATA_CORRUPT if they are damaged, or stand for something else */
export function decodeRecoverable<T>(bytes: Uint8Array, of: RecoverableKind<T>): T {
  const reader = openReader(bytes);
  const kind = kindOf(reader);
  if (kind !== of.kind) throw corrupt(`they are of the kind ${kind}, not ${of.kind}`);
  const value = of.schema.codec.decode(reader);
  reader.expectEnd();
  return value;
}

function openReader(bytes: Uint8Array): ByteReader {
  const end = bytes.length - 4;
  if (end < 6) throw corrupt('there are too few');
  if (new ByteReader(bytes, end).uint32() !== crc32(bytes.subarray(0, end))) {
    throw corrupt('their checksum is wrong');
  }
  return new ByteReader(bytes, 0, end);
}

function kindOf(reader: ByteReader): string {
  if (reader.uint32() !== MAGIC) throw corrupt('they are something else');
  const version = reader.uint16();
  if (version !== VERSION) throw corrupt(`their version is ${version}, and ${VERSION} is known`);
  return reader.string();
}

function corrupt(reason: string): EngineError {
  return new EngineError('DATA_CORRUPT', { what: 'a file in progress', reason });
}

/** Another mistake than that something is not there. */
export function isMissing(error: unknown): boolean {
  return isEngineError(error, 'IO_NOT_FOUND');
}
