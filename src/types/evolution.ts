/**
 * Whether values of one schema can go on as values of a later one, and how: decided from the
 * descriptions alone, so that it can be asked before anything is read.
 *
 * Fields of structs may be added (optional, or with a default), left out, and renamed where the new
 * one names the old one as its alias; numbers may get wider; values of enums and arms of unions may
 * be added; what was always there may become optional or nullable. All the rest is refused.
 */
import { schemaOf } from './schema-of.ts';
import { fieldPath, itemPath } from './path.ts';
import type {
  ArmDescription,
  DecimalDescription,
  FieldDescription,
  SchemaDescription,
  StructDescription,
} from './schema-description.ts';
import { decimal } from './decimal.ts';

/** What a value of the older schema is in the later one. */
export type Convert = (value: unknown) => unknown;

export interface EvolutionRefusal {
  /** Which part of the value. */
  readonly field: string;
  readonly reason: string;
  readonly fix: string;
}

export type SchemaEvolution =
  /** Undefined: values stay as they are. */
  | { readonly kind: 'possible'; readonly convert: Convert | undefined }
  | { readonly kind: 'refused'; readonly refusal: EvolutionRefusal };

/** @example evolutionOf(t.int32.description, t.float64.description).kind // 'possible' */
export function evolutionOf(
  stored: SchemaDescription,
  declared: SchemaDescription,
  path: string,
): SchemaEvolution {
  const found = resolve(stored, declared, path);
  return found instanceof Refusal
    ? { kind: 'refused', refusal: found }
    : { kind: 'possible', convert: found };
}

/** The same without what is said for states that were stored earlier: of values it says nothing. */
export function bareDescription(description: SchemaDescription): SchemaDescription {
  switch (description.kind) {
    case 'array':
    case 'optional':
    case 'nullable':
      return { ...description, of: bareDescription(description.of) };
    case 'map':
      return {
        kind: 'map',
        key: bareDescription(description.key),
        value: bareDescription(description.value),
      };
    case 'tuple':
      return { kind: 'tuple', items: description.items.map(bareDescription) };
    case 'struct':
      return bareStruct(description);
    case 'union':
      return {
        ...description,
        arms: description.arms.map(({ name, type }) => ({ name, type: bareStruct(type) })),
      };
    case 'oneOf':
      return {
        ...description,
        arms: description.arms.map(({ name, type }) => ({ name, type: bareDescription(type) })),
      };
    default:
      return description;
  }
}

function bareStruct({ kind, fields }: StructDescription): StructDescription {
  return { kind, fields: fields.map(({ name, type }) => ({ name, type: bareDescription(type) })) };
}

class Refusal implements EvolutionRefusal {
  readonly field: string;
  readonly reason: string;
  readonly fix: string;

  constructor(field: string, reason: string, fix: string) {
    this.field = field;
    this.reason = reason;
    this.fix = fix;
  }
}

type Resolved = Convert | undefined | Refusal;

/** Which kinds a number can become without a change to any value. */
const WIDER: Readonly<Partial<Record<SchemaDescription['kind'], readonly string[]>>> = {
  int8: ['int16', 'int32', 'integer', 'float32', 'float64'],
  int16: ['int32', 'integer', 'float32', 'float64'],
  int32: ['integer', 'float64'],
  uint8: ['int16', 'uint16', 'int32', 'uint32', 'integer', 'float32', 'float64'],
  uint16: ['int32', 'uint32', 'integer', 'float32', 'float64'],
  uint32: ['integer', 'float64'],
  integer: ['float64'],
  float32: ['float64'],
};
/** Which of them fit a bigint of 64 bits. */
const WHOLE: ReadonlySet<string> = new Set([
  'int8',
  'int16',
  'int32',
  'uint8',
  'uint16',
  'uint32',
  'integer',
]);

function resolve(stored: SchemaDescription, declared: SchemaDescription, path: string): Resolved {
  if (stored.kind === declared.kind) return resolveSame(stored, declared, path);
  if (declared.kind === 'optional' || declared.kind === 'nullable') {
    return resolve(stored, declared.of, path);
  }
  if (WIDER[stored.kind]?.includes(declared.kind) === true) return undefined;
  if (WHOLE.has(stored.kind) && declared.kind === 'int64') {
    return (value) => BigInt(value as number);
  }
  if (stored.kind === 'enum' && declared.kind === 'string') return undefined;
  if (stored.kind === 'literal' && isOf(stored.value, declared)) return undefined;
  return new Refusal(path, `it was ${stored.kind}, and is ${declared.kind}`, KEEP_OR_MIGRATE);
}

const KEEP_OR_MIGRATE =
  'Keep its type, take a wider number, or declare a migration from its former schema, as states of ' +
  'functions, aggregates, sources and sinks can have. Records that windows, joins or reductions ' +
  'keep have none: keep their schema, or give the operator another uid.';

function isOf(value: unknown, declared: SchemaDescription): boolean {
  if (declared.kind === 'enum') return declared.values.includes(value as string);
  return declared.kind === 'string' && typeof value === 'string';
}

function resolveSame(
  stored: SchemaDescription,
  declared: SchemaDescription,
  path: string,
): Resolved {
  switch (stored.kind) {
    case 'optional':
    case 'nullable':
    case 'array':
    case 'map':
    case 'tuple':
      return resolveWrapper(stored, declared, path);
    case 'struct':
      return resolveStruct(stored, declared as typeof stored, path);
    case 'union':
      return resolveUnion(stored, declared as typeof stored, path);
    case 'oneOf':
      return resolveOneOf(stored, declared as typeof stored, path);
    case 'enum': {
      const { values } = declared as typeof stored;
      const gone = stored.values.find((value) => !values.includes(value));
      if (gone === undefined) return undefined;
      return new Refusal(
        path,
        `the value ${JSON.stringify(gone)} of the enum is gone`,
        'Keep the values of an enum that may be stored; new ones may come.',
      );
    }
    case 'decimal':
      return resolveDecimal(stored, declared as typeof stored, path);
    case 'literal': {
      const { value } = declared as typeof stored;
      if (value === stored.value) return undefined;
      const was = JSON.stringify(stored.value);
      return new Refusal(path, `it was ${was}, and is ${JSON.stringify(value)}`, KEEP_OR_MIGRATE);
    }
    default:
      return undefined;
  }
}

function resolveWrapper(
  stored: SchemaDescription,
  declared: SchemaDescription,
  path: string,
): Resolved {
  if (stored.kind === 'optional' || stored.kind === 'nullable') {
    const of = resolve(stored.of, (declared as typeof stored).of, path);
    if (of === undefined || of instanceof Refusal) return of;
    return (value) => (value === undefined || value === null ? value : of(value));
  }
  if (stored.kind === 'array') {
    const of = resolve(stored.of, (declared as typeof stored).of, `${path}[]`);
    if (of === undefined || of instanceof Refusal) return of;
    return (value) => (value as readonly unknown[]).map(of);
  }
  if (stored.kind === 'map') return resolveMap(stored, declared as typeof stored, path);
  assertTuple(stored);
  assertTuple(declared);
  if (stored.items.length !== declared.items.length) {
    const lengths = `it had ${stored.items.length} elements, and has ${declared.items.length}`;
    return new Refusal(path, lengths, KEEP_OR_MIGRATE);
  }
  const items: (Convert | undefined)[] = [];
  for (const [i, item] of stored.items.entries()) {
    const of = resolve(item, declared.items[i]!, itemPath(path, i));
    if (of instanceof Refusal) return of;
    items.push(of);
  }
  if (items.every((of) => of === undefined)) return undefined;
  return (value) => (value as readonly unknown[]).map((item, i) => converted(items[i], item));
}

type TupleDescription = Extract<SchemaDescription, { kind: 'tuple' }>;

function assertTuple(description: SchemaDescription): asserts description is TupleDescription {
  if (description.kind !== 'tuple') throw new TypeError('no tuple');
}

function resolveMap(
  stored: Extract<SchemaDescription, { kind: 'map' }>,
  declared: Extract<SchemaDescription, { kind: 'map' }>,
  path: string,
): Resolved {
  const key = resolve(stored.key, declared.key, `${path}.keys()`);
  if (key instanceof Refusal) return key;
  const of = resolve(stored.value, declared.value, `${path}.values()`);
  if (of instanceof Refusal || (of === undefined && key === undefined)) return of;
  return (value) =>
    new Map(
      [...(value as ReadonlyMap<unknown, unknown>)].map(([k, v]) => [
        converted(key, k),
        converted(of, v),
      ]),
    );
}

function resolveDecimal(
  stored: DecimalDescription,
  declared: DecimalDescription,
  path: string,
): Resolved {
  const whole = stored.precision - stored.scale;
  if (declared.scale < stored.scale || declared.precision - declared.scale < whole) {
    return new Refusal(
      path,
      `it was a decimal of ${stored.precision} digits with ${stored.scale} after the point, and ` +
        `has ${declared.precision} with ${declared.scale}`,
      'Let no digit go, neither before the point nor after it.',
    );
  }
  if (declared.scale === stored.scale) return undefined;
  return (value) => decimal(value as string, declared.scale);
}

/** How a field of the later struct comes out of an older one. */
interface FieldSource {
  readonly name: string;
  /** Undefined: there is none. */
  readonly from: string | undefined;
  readonly convert: Convert | undefined;
  /** Where there is none, or it is left out. */
  readonly otherwise: unknown;
}

function resolveStruct(
  stored: StructDescription,
  declared: StructDescription,
  path: string,
): Convert | undefined | Refusal {
  const sources: FieldSource[] = [];
  for (const field of declared.fields) {
    const source = sourceOf(stored, declared, field, path);
    if (source instanceof Refusal) return source;
    sources.push(source);
  }
  const same = (source: FieldSource): boolean =>
    source.from === source.name && source.convert === undefined && source.otherwise === undefined;
  if (stored.fields.length === sources.length && sources.every(same)) return undefined;
  return (value) => {
    const result: Record<string, unknown> = {};
    for (const { name, from, convert, otherwise } of sources) {
      const old = from === undefined ? undefined : (value as Record<string, unknown>)[from];
      result[name] = old === undefined ? otherwise : converted(convert, old);
    }
    return result;
  };
}

function sourceOf(
  stored: StructDescription,
  declared: StructDescription,
  field: FieldDescription,
  path: string,
): FieldSource | Refusal {
  const { name, type } = field;
  const at = fieldPath(path, name);
  const from = formerFieldOf(stored, declared, field);
  const otherwise =
    field.default === undefined ? undefined : schemaOf(type).codec.fromJson(field.default);
  if (from === undefined) {
    if (type.kind !== 'optional' && otherwise === undefined) {
      return new Refusal(
        at,
        'what is stored does not have it',
        `Give it a default, t.field(t.${type.kind}, { default: ... }), make it optional, or name ` +
          'what it was called before, t.field(..., { alias: ... }).',
      );
    }
    return { name, from, convert: undefined, otherwise };
  }
  const old = stored.fields.find((other) => other.name === from)!.type;
  // What may be missing must be there from now on: the default is for it.
  const present = old.kind === 'optional' && type.kind !== 'optional' ? old.of : old;
  if (present !== old && otherwise === undefined) {
    return new Refusal(at, 'it was optional, and must be there now', 'Give it a default.');
  }
  const convert = resolve(present, type, at);
  if (convert instanceof Refusal) return convert;
  return { name, from, convert, otherwise: present === old ? undefined : otherwise };
}

/** Which field of the older struct it comes from; undefined: from none. */
function formerFieldOf(
  stored: StructDescription,
  declared: StructDescription,
  { name, aliases }: FieldDescription,
): string | undefined {
  const has = (wanted: string): boolean => stored.fields.some((old) => old.name === wanted);
  const taken = (alias: string): boolean => declared.fields.some((other) => other.name === alias);
  // An alias that is a field of its own now is not the former name of this one.
  return has(name) ? name : aliases?.find((alias) => has(alias) && !taken(alias));
}

/**
 * As `evolutionOf` for values by which something is found: two that were different must not become
 * equal, so no field may go, and none that could be missing may be given a default.
 */
export function keyEvolutionOf(
  stored: SchemaDescription,
  declared: SchemaDescription,
  path: string,
): SchemaEvolution {
  const evolution = evolutionOf(stored, declared, path);
  const refusal = evolution.kind === 'possible' ? mergedKeys(stored, declared, path) : undefined;
  return refusal === undefined ? evolution : { kind: 'refused', refusal };
}

function mergedKeys(
  stored: SchemaDescription,
  declared: SchemaDescription,
  path: string,
): Refusal | undefined {
  if (stored.kind === 'optional' || stored.kind === 'nullable' || stored.kind === 'array') {
    return 'of' in declared ? mergedKeys(stored.of, declared.of, path) : undefined;
  }
  if (declared.kind === 'optional' || declared.kind === 'nullable') {
    return mergedKeys(stored, declared.of, path);
  }
  if (stored.kind === 'tuple' && declared.kind === 'tuple') {
    return firstOf(stored.items, (item, i) =>
      mergedKeys(item, declared.items[i] ?? item, itemPath(path, i)),
    );
  }
  if ('arms' in stored && 'arms' in declared) {
    return firstOf<ArmDescription>(stored.arms, ({ name, type }) => {
      const now = (declared.arms as readonly ArmDescription[]).find((arm) => arm.name === name);
      return now && mergedKeys(type, now.type, fieldPath(path, name));
    });
  }
  if (stored.kind !== 'struct' || declared.kind !== 'struct') return undefined;
  return firstOf(stored.fields, ({ name, type }) => {
    const at = fieldPath(path, name);
    const now = declared.fields.find((each) => formerFieldOf(stored, declared, each) === name);
    const fix = 'Keep what tells keys apart, or give the new state another name.';
    if (now === undefined) {
      return new Refusal(at, 'it is gone, and keys that it told apart would be one', fix);
    }
    if (type.kind === 'optional' && now.type.kind !== 'optional') {
      return new Refusal(at, 'it was optional, and keys without it could become those with', fix);
    }
    return mergedKeys(type, now.type, at);
  });
}

function firstOf<T>(
  parts: readonly T[],
  find: (part: T, index: number) => Refusal | undefined,
): Refusal | undefined {
  for (const [i, part] of parts.entries()) {
    const found = find(part, i);
    if (found !== undefined) return found;
  }
  return undefined;
}

type UnionDescription = Extract<SchemaDescription, { kind: 'union' }>;

function resolveUnion(
  stored: UnionDescription,
  declared: UnionDescription,
  path: string,
): Resolved {
  if (stored.discriminator !== declared.discriminator) {
    return new Refusal(
      path,
      `its arms were told apart by ${stored.discriminator}, and are by ${declared.discriminator}`,
      KEEP_OR_MIGRATE,
    );
  }
  const arms = resolveArms(stored.arms, declared.arms, path);
  if (arms === undefined || arms instanceof Refusal) return arms;
  const { discriminator } = declared;
  return (value) => {
    const arm = (value as Record<string, unknown>)[discriminator] as string;
    const convert = arms.get(arm);
    if (convert === undefined) return value;
    return { [discriminator]: arm, ...(convert(value) as object) };
  };
}

function resolveOneOf(
  stored: Extract<SchemaDescription, { kind: 'oneOf' }>,
  declared: Extract<SchemaDescription, { kind: 'oneOf' }>,
  path: string,
): Resolved {
  const arms = resolveArms(stored.arms, declared.arms, path);
  if (arms === undefined || arms instanceof Refusal) return arms;
  return (value) => {
    const { side, value: inner } = value as { readonly side: string; readonly value: unknown };
    return { side, value: converted(arms.get(side), inner) };
  };
}

/** Undefined if none changes. */
function resolveArms(
  stored: readonly ArmDescription[],
  declared: readonly ArmDescription[],
  path: string,
): ReadonlyMap<string, Convert> | undefined | Refusal {
  const changed = new Map<string, Convert>();
  for (const { name, type } of stored) {
    const now = declared.find((arm) => arm.name === name);
    if (now === undefined) {
      return new Refusal(
        path,
        `the arm ${JSON.stringify(name)} of the union is gone`,
        'Keep the arms of a union that may be stored; new ones may come.',
      );
    }
    const convert = resolve(type, now.type, fieldPath(path, name));
    if (convert instanceof Refusal) return convert;
    if (convert !== undefined) changed.set(name, convert);
  }
  return changed.size === 0 ? undefined : changed;
}

function converted(convert: Convert | undefined, value: unknown): unknown {
  return convert === undefined ? value : convert(value);
}
