/**
 * The current key together with the current namespace, as handles and tables see keys: the tuple of
 * both. It is put together only when it is asked for, and once for as long as both stay. What it is
 * found by is a text of the bytes of all parts; numbers alone, which are the usual case, make a
 * short one of four characters each.
 *
 * Invariants
 * N1. If `#of` is the lookup of the current key, `#lookup` is that of the current key and
 * namespace.
 * N2. `#of` is never undefined (no current key), and NaN, which equals nothing, after the namespace
 *     has changed.
 * N3. If `#written` is the lookup of the current key, `#scratch` begins with the key's bytes, up to
 *     `#keyEnd`.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { writeKey } from '../../types/key-bytes.ts';
import type { KeyFamily } from '../../types/key.ts';
import type { Key } from '../../types/schema.ts';
import type { StateNames } from '../state-errors.ts';
import type { HandleContext, KeyContext, KeyLookup } from './key-context.ts';
import type { NamespaceParts } from './namespace-parts.ts';

/** Namespaces of so many numbers have short texts. */
const SHORT_PARTS = 2;

export class NamespaceContext implements HandleContext {
  readonly family: KeyFamily = 'tuple';
  readonly #keys: KeyContext;
  readonly #parts: NamespaceParts;
  /** The parts of the current namespace; empty before the first. */
  #current: Key[] = [];
  #next: Key[] = [];
  /** N1, N2 */
  #of: KeyLookup = NaN;
  #lookup = '';
  /** N3 */
  readonly #scratch = new ByteWriter(64);
  #written: KeyLookup = NaN;
  #keyEnd = 0;
  readonly #numbers = new NumberTexts();
  readonly #short: boolean;

  constructor(keys: KeyContext, parts: NamespaceParts) {
    this.#keys = keys;
    this.#parts = parts;
    this.#short = parts.numeric && parts.count <= SHORT_PARTS;
  }

  get operator(): string {
    return this.#keys.operator;
  }

  get group(): number {
    return this.#keys.group;
  }

  /** A new tuple: for what keeps it. */
  get key(): Key | undefined {
    const { key } = this.#keys;
    return key === undefined ? undefined : [key, ...this.#current];
  }

  get lookup(): KeyLookup | undefined {
    const { lookup } = this.#keys;
    if (lookup === this.#of) return this.#lookup;
    return lookup === undefined ? undefined : this.#find(lookup);
  }

  lookupToKeep(): KeyLookup {
    return this.lookup!;
  }

  /** Of a tuple of a key and the parts of a namespace. */
  lookupOf(key: Key): KeyLookup {
    const [first, ...rest] = key as readonly Key[];
    if (this.#short && typeof first === 'number') return this.#numbers.of(first, rest);
    const scratch = this.#scratch;
    this.#written = NaN;
    scratch.reset();
    for (const part of key as readonly Key[]) writeKey(part, scratch);
    return scratch.bytes.latin1Slice(0, scratch.position);
  }

  setNamespace(namespace: unknown, names: StateNames): void {
    const next = this.#next;
    const current = this.#current;
    this.#parts.split(namespace, next, names);
    for (let i = 0; i < next.length; i++) {
      if (next[i] === current[i]) continue;
      this.#next = current;
      this.#current = next;
      this.#of = NaN;
      return;
    }
  }

  #find(lookup: KeyLookup): KeyLookup {
    const scratch = this.#scratch;
    const current = this.#current;
    assert(current.length > 0, 'N1: namespaced state before setNamespace');
    if (this.#short && typeof lookup === 'number') {
      this.#lookup = this.#numbers.of(lookup, current);
      this.#of = lookup;
      return this.#lookup;
    }
    if (lookup !== this.#written) {
      scratch.reset();
      writeKey(this.#keys.key!, scratch);
      this.#keyEnd = scratch.position;
      this.#written = lookup;
    }
    scratch.truncate(this.#keyEnd);
    for (let i = 0; i < current.length; i++) writeKey(current[i]!, scratch);
    this.#lookup = scratch.bytes.latin1Slice(0, scratch.position);
    this.#of = lookup;
    return this.#lookup;
  }
}

/** The bits of a number and of one or two others as text. */
class NumberTexts {
  readonly #numbers: Float64Array<ArrayBuffer> = new Float64Array(1 + SHORT_PARTS);
  readonly #units = new Uint16Array(this.#numbers.buffer);

  of(first: number, others: readonly Key[]): string {
    const u = this.#units;
    this.#set(0, first);
    this.#set(1, others[0] as number);
    if (others.length === 1) {
      return String.fromCharCode(u[0]!, u[1]!, u[2]!, u[3]!, u[4]!, u[5]!, u[6]!, u[7]!);
    }
    this.#set(2, others[1] as number);
    // No spreading: this is asked for with every record.
    // oxfmt-ignore
    return String.fromCharCode(
      u[0]!, u[1]!, u[2]!, u[3]!, u[4]!, u[5]!, u[6]!, u[7]!, u[8]!, u[9]!, u[10]!, u[11]!,
    );
  }

  /** One 0, and one NaN. */
  #set(at: number, value: number): void {
    this.#numbers[at] = value === value ? value + 0 : NaN;
  }
}
