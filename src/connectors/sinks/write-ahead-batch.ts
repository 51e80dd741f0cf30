/**
 * The committable of a write-ahead sink: records, with the schema of the records in that of the
 * committable, so that a checkpoint tells what is in it, and a later program can take them.
 *
 * Invariants
 * B1. The bytes are those of the batch as plain data: a batch of encoded records is only a faster
 *     way to them, which does not keep the records as objects until the checkpoint.
 */
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { encodeEach } from '../../types/encode-each.ts';
import { padding } from '../../types/encode-source.ts';
import type { Codec, Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';

export interface WriteAheadBatch<T = unknown> {
  readonly id: string;
  readonly records: readonly T[];
}

/** B1 */
export function batchSchemaOf<T>(record: Schema<T>): Schema<WriteAheadBatch<T>> {
  const plain = t.struct({ id: t.string, records: t.array(record) });
  const { codec } = plain;
  const encode = (batch: unknown, out: ByteWriter): void => {
    if (batch instanceof EncodedBatch) batch.encode(out);
    else codec.encode(batch, out);
  };
  return {
    kind: plain.kind,
    description: plain.description,
    codec: {
      encode,
      encodeRecords: (records, range, out) => encodeEach(encode, records, range, out),
      decode: (input) => codec.decode(input),
      decodeRecords: (input, count, into) => codec.decodeRecords(input, count, into),
      equals: (left, right) => codec.equals(left, right),
      toJson: (value) => codec.toJson(value),
      fromJson: (json) => codec.fromJson(json),
    },
  };
}

/** Gathers records for a batch. */
export class BatchRecords<T> {
  readonly #codec: Codec<T>;
  readonly #array: Codec<readonly T[]>;
  readonly #out = new ByteWriter();
  /** Elements of no size have a byte in an array. */
  readonly #isPadded: boolean;
  #count = 0;

  constructor(record: Schema<T>) {
    this.#codec = record.codec;
    this.#array = t.array(record).codec;
    this.#isPadded = padding(record.description) === 1;
  }

  get bytes(): number {
    return this.#out.position;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(record: T): void {
    if (this.#isPadded) this.#out.uint8(0);
    this.#codec.encode(record, this.#out);
    this.#count += 1;
  }

  /** All of them; it is empty after that. */
  take(id: string): WriteAheadBatch<T> {
    const array = new ByteWriter();
    array.varint(this.#count);
    array.raw(this.#out.written());
    this.#out.reset();
    this.#count = 0;
    return new EncodedBatch(id, this.#array, array.copy());
  }
}

class EncodedBatch<T> implements WriteAheadBatch<T> {
  readonly id: string;
  readonly #of: Codec<readonly T[]>;
  /** As an array of them is encoded. */
  readonly #records: Uint8Array;

  constructor(id: string, of: Codec<readonly T[]>, records: Uint8Array) {
    this.id = id;
    this.#of = of;
    this.#records = records;
  }

  get records(): readonly T[] {
    return this.#of.decode(new ByteReader(this.#records));
  }

  /** B1 */
  encode(out: ByteWriter): void {
    out.string(this.id);
    out.raw(this.#records);
  }
}
