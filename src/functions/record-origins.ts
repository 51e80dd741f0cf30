/**
 * Where the bytes stand of which a task's source made the texts and records that it gave last.
 * Whoever writes such a text again, in the same form, copies its bytes instead of encoding it. What
 * counts is the content, never which object it is: a function in between may have changed a record,
 * or made another one of the same texts.
 *
 * Invariants
 * RO1. While a TextOrigin has a text, `bytes[start, end)` is what the form writes for it.
 * RO2. While a StructOrigin is there, `bytes[start, end)` is what the form writes for a struct of
 *      its `numbers` and `values`.
 * RO3. Origins belong to the bytes that claimed them first. Who changes these bytes forgets them
 *      before.
 * RO4. Writers say what they want before readers begin; what nobody wants is not noted.
 */
import { assert } from '../base/assert.ts';
import type { TextBuffer } from '../base/text-buffer.ts';

/** Of the texts of fields of one name. */
export class TextOrigin {
  bytes: TextBuffer | undefined = undefined;
  text: string | undefined = undefined;
  start = 0;
  end = 0;

  forget(): void {
    this.text = undefined;
  }
}

/** Of structs of one kind. Fields of numbers are in `numbers`, others in `values`. */
export class StructOrigin {
  bytes: TextBuffer | undefined = undefined;
  isThere = false;
  start = 0;
  end = 0;
  /** How many of the bytes mean something in the form. */
  marks = 0;
  readonly numbers: Float64Array;
  readonly values: unknown[];

  constructor(fields: number) {
    this.numbers = new Float64Array(fields);
    this.values = Array.from({ length: fields });
  }

  forget(): void {
    this.isThere = false;
    this.values.fill(undefined);
  }
}

/** Those of one task, whose source and sinks get it with their contexts. */
export class RecordOrigins {
  readonly #texts = new Map<string, TextOrigin>();
  readonly #structs = new Map<string, StructOrigin>();

  /** RO4. `form` is that of the bytes. */
  wantText(form: string, name: string): TextOrigin {
    const key = JSON.stringify([form, name]);
    const known = this.#texts.get(key) ?? new TextOrigin();
    this.#texts.set(key, known);
    return known;
  }

  /** RO4. `kind` is whatever tells structs of so many fields apart. */
  wantStruct(form: string, kind: string, fields: number): StructOrigin {
    const key = JSON.stringify([form, kind]);
    const known = this.#structs.get(key) ?? new StructOrigin(fields);
    assert(known.values.length === fields, 'RO2: structs of a kind have the same fields');
    this.#structs.set(key, known);
    return known;
  }

  /** RO3. Undefined if nobody wants it, or other bytes have claimed it. */
  claimText(form: string, name: string, bytes: TextBuffer): TextOrigin | undefined {
    return claimed(this.#texts.get(JSON.stringify([form, name])), bytes);
  }

  /** As `claimText`. */
  claimStruct(form: string, kind: string, bytes: TextBuffer): StructOrigin | undefined {
    return claimed(this.#structs.get(JSON.stringify([form, kind])), bytes);
  }

  get isWanted(): boolean {
    return this.#texts.size + this.#structs.size > 0;
  }
}

function claimed<T extends TextOrigin | StructOrigin>(
  origin: T | undefined,
  bytes: TextBuffer,
): T | undefined {
  if (origin === undefined) return undefined;
  origin.bytes ??= bytes;
  return origin.bytes === bytes ? origin : undefined;
}
