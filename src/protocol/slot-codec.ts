/**
 * The bytes of the messages between a TaskExecutor and the worker of a slot. Both ends belong to
 * one process and one build, so the self-describing `dynamic` codec serves; it carries bytes as
 * bytes.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { dynamic } from '../types/index.ts';
import type { FromSlot, ToSlot } from './slot-messages.ts';

export function encodeSlotMessage(message: ToSlot | FromSlot): Uint8Array {
  const out = new ByteWriter();
  dynamic.codec.encode(message, out);
  return out.copy();
}

export function decodeToSlot(bytes: Uint8Array): ToSlot {
  return dynamic.codec.decode(new ByteReader(bytes)) as ToSlot;
}

export function decodeFromSlot(bytes: Uint8Array): FromSlot {
  return dynamic.codec.decode(new ByteReader(bytes)) as FromSlot;
}
