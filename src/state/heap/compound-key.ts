/**
 * The keys of entries that belong to a key and something else (a namespace, a slice, a time): the
 * canonical bytes of the tuple of both. The key may be nested as deep as keys may be.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import { KeyTag, readKey, writeKey } from '../../types/key-bytes.ts';
import type { Key } from '../../types/schema.ts';

export function writeCompoundKey(key: Key, parts: readonly Key[], out: ByteWriter): void {
  out.uint8(KeyTag.tuple);
  out.varint(parts.length + 1);
  writeKey(key, out);
  for (const part of parts) writeKey(part, out);
}

/** The key; what follows it comes into `parts`. @throws EngineError DATA_CORRUPT */
export function readCompoundKey(input: ByteReader, parts: Key[]): Key {
  if (input.uint8() !== KeyTag.tuple) input.corrupt('a key without what should follow it');
  const count = input.count();
  if (count === 0) input.corrupt('no key');
  const key = readKey(input);
  parts.length = 0;
  for (let i = 1; i < count; i++) parts.push(readKey(input));
  return key;
}
