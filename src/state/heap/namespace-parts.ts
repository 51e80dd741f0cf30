/**
 * A namespace (a window, a number, a text) as the parts of which it consists: keys, with which it
 * is looked up and stored behind the key that it belongs to. Namespaces are numbers, texts, or
 * structs of these: what has no canonical bytes cannot be found again.
 */
import { assert } from '../../base/assert.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { writeKey } from '../../types/key-bytes.ts';
import { keyFamilyOfSchema } from '../../types/key-schema.ts';
import type { KeyFamily } from '../../types/key.ts';
import type { SchemaDescription } from '../../types/schema-description.ts';
import type { Key } from '../../types/schema.ts';
import { valueInvalid } from '../state-errors.ts';
import type { StateNames } from '../state-errors.ts';
import type { NamespaceReading } from '../state-evolution.ts';

/** Parts of namespaces that were stored with another schema, as those of the one that is now. */
export class EvolvingNamespace {
  readonly #stored: NamespaceParts;
  readonly #now: NamespaceParts;
  readonly #names: StateNames;
  readonly #convert: NamespaceReading['convert'];

  constructor({ stored, convert }: NamespaceReading, now: NamespaceParts, names: StateNames) {
    this.#stored = new NamespaceParts(stored);
    this.#now = now;
    this.#names = names;
    this.#convert = convert;
  }

  /** Whether parts that were read can be those of a namespace as it was. */
  fit(parts: readonly Key[]): boolean {
    return this.#stored.fit(parts);
  }

  evolved(parts: readonly Key[]): readonly Key[] {
    const namespace = this.#stored.join(parts);
    const result: Key[] = [];
    const convert = this.#convert;
    this.#now.split(convert === undefined ? namespace : convert(namespace), result, this.#names);
    return result;
  }
}

type Fields = Readonly<Record<string, unknown>>;

export class NamespaceParts {
  readonly count: number;
  /** Whether all parts are numbers. */
  readonly numeric: boolean;
  readonly #kind: string;
  /** Undefined: the namespace is its only part. */
  readonly #names: readonly string[] | undefined;
  readonly #families: readonly KeyFamily[];
  readonly #scratch = new ByteWriter(64);
  readonly #parts: Key[] = [];

  /** Of no schema: there is one namespace, undefined, without parts. */
  constructor(schema: SchemaDescription | undefined) {
    const fields = schema?.kind === 'struct' ? schema.fields : undefined;
    const parts = fields?.map(({ type }) => type) ?? (schema === undefined ? [] : [schema]);
    this.#kind = schema?.kind ?? 'none';
    this.#names = fields?.map(({ name }) => name);
    this.#families = parts.map((part) => {
      const family = keyFamilyOfSchema(part);
      assert(family !== undefined && family !== 'tuple', `a namespace of ${part.kind}`);
      return family;
    });
    this.count = parts.length;
    this.numeric = this.#families.every((family) => family === 'number');
  }

  /** Writes the parts of a namespace to `into`. @throws EngineError STATE_VALUE_INVALID */
  split(namespace: unknown, into: Key[], names: StateNames): void {
    if (this.count === 0) return;
    if (this.#names === undefined) {
      into[0] = namespace as Key;
    } else {
      if (typeof namespace !== 'object' || namespace === null) this.#refuse(namespace, names);
      for (let i = 0; i < this.count; i++) into[i] = (namespace as Fields)[this.#names[i]!] as Key;
    }
    for (let i = 0; i < this.count; i++) {
      const part = into[i]!;
      // eslint-disable-next-line valid-typeof
      if (typeof part !== this.#families[i]) this.#refuse(namespace, names);
      // Equal to 0 wherever it is compared, so that it is stored as such.
      if (part === 0) into[i] = 0;
    }
  }

  /** The canonical bytes of all parts as text, a character a byte. */
  textOf(namespace: unknown, names: StateNames): string {
    const scratch = this.#scratch;
    const parts = this.#parts;
    this.split(namespace, parts, names);
    scratch.reset();
    for (let i = 0; i < this.count; i++) writeKey(parts[i]!, scratch);
    return scratch.bytes.latin1Slice(0, scratch.position);
  }

  /** The namespace of these parts. */
  join(parts: readonly Key[]): unknown {
    const names = this.#names;
    if (names === undefined) return parts[0];
    if (names.length === 2) return { [names[0]!]: parts[0], [names[1]!]: parts[1] };
    return Object.fromEntries(names.map((name, i) => [name, parts[i]]));
  }

  /** Whether parts that were read can be those of a namespace. */
  fit(parts: readonly Key[]): boolean {
    // eslint-disable-next-line valid-typeof
    return (
      parts.length === this.count && parts.every((part, i) => typeof part === this.#families[i])
    );
  }

  #refuse(namespace: unknown, names: StateNames): never {
    throw valueInvalid(names, namespace, `for namespaces, ${this.#kind}`);
  }
}
