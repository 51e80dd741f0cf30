/**
 * Makes placement change nothing: at the edges between chains values are frozen and sent through
 * the codec, so that what cannot be sent to another slot, and functions that change records they
 * have emitted, are found at parallelism 1 too. `sample` looks at the first 1,000 records of an
 * edge and then at one in 1,024; `all` at every record.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import { firstDifference } from '../types/difference.ts';
import type { Codec } from '../types/schema.ts';

export type VerifyMode = 'sample' | 'all';

const ALWAYS_FIRST = 1000;
const ONE_IN = 1024;

export class ExchangeVerifier {
  readonly #codec: Codec<unknown>;
  readonly #operator: string;
  readonly #mode: VerifyMode;
  readonly #writer = new ByteWriter();
  #seen = 0;

  constructor(codec: Codec<unknown>, operator: string, mode: VerifyMode) {
    this.#codec = codec;
    this.#operator = operator;
    this.#mode = mode;
  }

  /**
   * @returns after how many records the next one is to be verified.
   * @throws EngineError DATA_NOT_SERIALIZABLE if the value does not come back equal.
   */
  verify(value: unknown): number {
    this.#writer.reset();
    try {
      this.#codec.encode(value, this.#writer);
    } catch (thrown) {
      throw this.#named(thrown);
    }
    const back = this.#codec.decode(new ByteReader(this.#writer.copy()));
    if (!this.#codec.equals(value, back)) {
      throw new EngineError('DATA_NOT_SERIALIZABLE', {
        operator: this.#operator,
        field: firstDifference(value, back),
        reason: 'it does not come back equal',
      });
    }
    freezeDeep(value);
    this.#seen += 1;
    return this.#mode === 'all' || this.#seen < ALWAYS_FIRST ? 1 : ONE_IN;
  }

  #named(thrown: unknown): unknown {
    if (!isEngineError(thrown, 'DATA_NOT_SERIALIZABLE')) return thrown;
    return new EngineError('DATA_NOT_SERIALIZABLE', {
      ...thrown.parameters,
      operator: this.#operator,
    });
  }
}

/** Freezes plain data; typed arrays cannot be frozen and are left. */
export function freezeDeep(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  if (ArrayBuffer.isView(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeDeep(inner);
}
