/**
 * How keys of map and broadcast state are compared: by value, whatever their schema. Keys of simple
 * schemas are their own lookups; others are compared by the bytes of their codec.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Schema } from '../../types/schema.ts';
import { FlatTexts } from './flat-texts.ts';
import type { Lookup } from './lookup-index.ts';

const DIRECT: ReadonlySet<string> = new Set([
  'string',
  'boolean',
  'int8',
  'int16',
  'int32',
  'uint8',
  'uint16',
  'uint32',
  'integer',
  'int64',
  'float64',
  'timestamp',
  'duration',
  'enum',
]);

export class MapLookups {
  /** Whether keys are their own lookups. */
  readonly direct: boolean;
  readonly #schema: Schema<unknown>;
  readonly #scratch = new ByteWriter(64);
  readonly #flat = new FlatTexts();

  constructor(schema: Schema<unknown>) {
    this.#schema = schema;
    this.direct = DIRECT.has(schema.kind);
  }

  of(key: unknown): Lookup {
    if (this.direct) return typeof key === 'number' ? key + 0 : (key as Lookup);
    const scratch = this.#scratch;
    scratch.reset();
    this.#schema.codec.encode(key, scratch);
    return scratch.bytes.latin1Slice(0, scratch.position);
  }

  /** The key to keep for a lookup: strings without the text they were cut out of. */
  kept(key: unknown, lookup: Lookup): unknown {
    if (!this.direct) return key;
    return typeof lookup === 'string' ? this.#flat.of(lookup) : lookup;
  }
}
