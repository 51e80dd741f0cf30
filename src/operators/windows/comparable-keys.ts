/** Keys as Map compares them: tuples by their canonical bytes. */
import { ByteWriter } from '../../base/byte-writer.ts';
import { writeKey } from '../../types/key-bytes.ts';
import type { Key } from '../../types/schema.ts';

export type ComparableKey = string | number | bigint | boolean;

export class ComparableKeys {
  readonly #scratch = new ByteWriter(64);

  of(key: Key): ComparableKey {
    if (typeof key !== 'object') return key;
    const scratch = this.#scratch;
    scratch.reset();
    writeKey(key, scratch);
    return scratch.bytes.latin1Slice(0, scratch.position);
  }
}
