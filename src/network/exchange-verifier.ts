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
    return untilNext(this.#mode, this.#seen);
  }

  #named(thrown: unknown): unknown {
    if (!isEngineError(thrown, 'DATA_NOT_SERIALIZABLE')) return thrown;
    return new EngineError('DATA_NOT_SERIALIZABLE', {
      ...thrown.parameters,
      operator: this.#operator,
    });
  }
}

/**
 * Freezes what an operator gives to several readers of one chain, where no edge does it: otherwise
 * one of them could change what the others get.
 */
export class SharedValues {
  readonly #mode: VerifyMode;
  #untilFrozen = 1;
  #seen = 0;

  constructor(mode: VerifyMode) {
    this.#mode = mode;
  }

  take(value: unknown): void {
    this.#untilFrozen -= 1;
    if (this.#untilFrozen > 0) return;
    freezeDeep(value, 'plain data');
    this.#seen += 1;
    this.#untilFrozen = untilNext(this.#mode, this.#seen);
  }
}

function untilNext(mode: VerifyMode, seen: number): number {
  return mode === 'all' || seen < ALWAYS_FIRST ? 1 : ONE_IN;
}

/**
 * Freezes an object and all in it. Typed arrays and dates cannot be frozen and are left; inside a
 * chain a record may hold anything, such as a client that many share, so that only plain data is.
 */
export function freezeDeep(value: unknown, what: 'all' | 'plain data' = 'all'): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  if (ArrayBuffer.isView(value)) return;
  if (value instanceof Map || value instanceof Set) return freezeEntries(value, what);
  if (what === 'plain data' && !Array.isArray(value) && !isPlain(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) freezeDeep(inner, what);
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** `Object.freeze` leaves the entries open, so that what changes them is covered by what throws. */
function freezeEntries(
  entries: Map<unknown, unknown> | Set<unknown>,
  what: 'all' | 'plain data',
): void {
  const name = entries instanceof Map ? 'Map' : 'Set';
  for (const method of entries instanceof Map ? MAP_CHANGES : SET_CHANGES) {
    const refuse = (key?: unknown): never => {
      const entry = method === 'clear' ? method : String(key);
      throw new TypeError(`Cannot change read only property '${entry}' of a ${name}`);
    };
    Object.defineProperty(entries, method, { value: refuse });
  }
  Object.freeze(entries);
  for (const [key, value] of entries.entries()) {
    freezeDeep(key, what);
    freezeDeep(value, what);
  }
}

const MAP_CHANGES = ['set', 'delete', 'clear', 'getOrInsert', 'getOrInsertComputed'] as const;
const SET_CHANGES = ['add', 'delete', 'clear'] as const;
