/**
 * Takes values out of their JSON form (`to-json.ts`), as `JSON.parse` gives it. Fields that the
 * schema does not know are skipped; everything else must be there and of its type: nothing is
 * converted or guessed, so that malformed input is found where it comes in.
 */
import { EngineError } from '../base/errors.ts';
import { calendarDate } from './calendar-date.ts';
import { decimal, decimalDigits } from './decimal.ts';
import { literalObject } from './literal-object.ts';
import { describeValue, fieldPath, itemPath, ROOT_PATH } from './path.ts';
import { jsonProblem, nameOf, problemOf } from './problem.ts';
import type { ArmDescription, FieldDescription, SchemaDescription } from './schema-description.ts';
import { holdsNull } from './to-json.ts';

/** Where a value stands, for messages: a step from the place above it. */
export interface Place {
  readonly above: Place | undefined;
  readonly step: string | number | undefined;
}

/** Reads what is at `step` of the place `above`. */
export type FromJson = (json: unknown, above: Place | undefined, step: Place['step']) => unknown;

/**
 * The reader of a kind that a format takes in more forms than the one of `to-json.ts`, else
 * undefined.
 */
export type KindReader = (description: SchemaDescription) => FromJson | undefined;

const noOther: KindReader = () => undefined;

export function malformed(above: Place | undefined, step: Place['step'], reason: string): never {
  throw new EngineError('DATA_MALFORMED', { field: pathOf({ above, step }), reason });
}

function pathOf({ above, step }: Place): string {
  const path = above === undefined ? ROOT_PATH : pathOf(above);
  if (step === undefined) return path;
  return typeof step === 'number' ? itemPath(path, step) : fieldPath(path, step);
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(json: unknown): json is Plain {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export function wrong(json: unknown, wanted: string): string {
  return json === undefined ? 'it is missing' : `it is ${describeValue(json)}, not ${wanted}`;
}

export function fromJsonOf(description: SchemaDescription, other: KindReader = noOther): FromJson {
  return other(description) ?? readerOf(description, other);
}

function readerOf(description: SchemaDescription, other: KindReader): FromJson {
  switch (description.kind) {
    case 'int64':
      return int64FromJson;
    case 'float32':
    case 'float64':
    case 'duration':
      return numberFromJson(description);
    case 'date':
      return textFromJson('a date like 2001-01-31', calendarDate);
    case 'decimal':
      return decimalFromJson(description.precision, description.scale);
    case 'bytes':
      return textFromJson('bytes in base64', bytesFromBase64);
    case 'array':
      return arrayFromJson(fromJsonOf(description.of, other));
    case 'optional':
      return optionalFromJson(fromJsonOf(description.of, other), holdsNull(description.of));
    case 'nullable': {
      const { of } = description;
      const inner =
        of.kind === 'optional'
          ? optionalFromJson(fromJsonOf(of.of, other), true)
          : fromJsonOf(of, other);
      return (json, above, step) => (json === null ? null : inner(json, above, step));
    }
    case 'map':
      return mapFromJson(description.key, other, fromJsonOf(description.value, other));
    case 'tuple':
      return tupleFromJson(description.items.map((item) => fromJsonOf(item, other)));
    case 'struct':
      return structFromJson(description.fields, [], other);
    case 'union':
      return armsFromJson(description.discriminator, description.arms, (name, { fields }) =>
        structFromJson(fields, [[description.discriminator, name]], other),
      );
    case 'oneOf':
      return armsFromJson('side', description.arms, (name, type) =>
        oneOfArmFromJson(name, fromJsonOf(type, other)),
      );
    case 'any':
    case 'dynamic':
      return dynamicFromJson;
    case 'json':
      return jsonFromJson;
    default:
      return checked(description);
  }
}

/** Kinds whose JSON form is the value itself. */
function checked(description: SchemaDescription): FromJson {
  const wanted = nameOf(description);
  return (json, above, step) => {
    if (problemOf(description, json) !== undefined) malformed(above, step, wrong(json, wanted));
    return typeof json === 'number' ? json + 0 : json;
  };
}

const int64FromJson: FromJson = (json, above, step) => {
  if (typeof json === 'string' ? /^-?\d{1,20}$/.test(json) : Number.isSafeInteger(json)) {
    const value = BigInt(json as string | number);
    if (BigInt.asIntN(64, value) === value) return value;
  }
  return malformed(above, step, wrong(json, 'a whole number of 64 bits'));
};

const NUMBERS: ReadonlyMap<unknown, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
  ['-0', -0],
]);

function numberFromJson(description: SchemaDescription): FromJson {
  const wanted = nameOf(description);
  return (json, above, step) => {
    const value = typeof json === 'number' ? json : NUMBERS.get(json);
    if (value === undefined || problemOf(description, value) !== undefined) {
      malformed(above, step, wrong(json, wanted));
    }
    return value;
  };
}

/** `parse` throws or returns undefined for text that is none. */
function textFromJson(wanted: string, parse: (text: string) => unknown): FromJson {
  return (json, above, step) => {
    const value = typeof json === 'string' ? attempt(parse, json) : undefined;
    return value ?? malformed(above, step, wrong(json, wanted));
  };
}

function attempt(parse: (text: string) => unknown, text: string): unknown {
  try {
    return parse(text);
  } catch {
    // The caller reports it with the place.
    return undefined;
  }
}

function bytesFromBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64.
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

function decimalFromJson(precision: number, scale: number): FromJson {
  const wanted = nameOf({ kind: 'decimal', precision, scale });
  return (json, above, step) => {
    const value =
      typeof json === 'string' || typeof json === 'number'
        ? attempt((text) => decimal(text, scale), String(json))
        : undefined;
    if (decimalDigits(value, precision, scale) === undefined) {
      malformed(above, step, wrong(json, wanted));
    }
    return value;
  };
}

function arrayFromJson(item: FromJson): FromJson {
  return (json, above, step) => {
    if (!Array.isArray(json)) malformed(above, step, wrong(json, 'an array'));
    const place = { above, step };
    return json.map((element, i) => item(element, place, i));
  };
}

function optionalFromJson(inner: FromJson, marked: boolean): FromJson {
  return (json, above, step) => {
    const empty = marked ? isMarked(json, '$undefined') : json === null;
    return empty || json === undefined ? undefined : inner(json, above, step);
  };
}

function mapFromJson(key: SchemaDescription, other: KindReader, item: FromJson): FromJson {
  const keyFromJson = fromJsonOf(key, other);
  return (json, above, step) => {
    const place = { above, step };
    const named = isPlain(json) && key.kind === 'string';
    const pairs = named ? Object.entries(json) : pairsOf(json, above, step);
    const map = new Map<unknown, unknown>();
    for (const [i, [k, x]] of pairs.entries()) {
      const pair = named ? place : { above: place, step: i };
      map.set(
        keyFromJson(k, pair, named ? (k as string) : 0),
        item(x, pair, named ? (k as string) : 1),
      );
    }
    if (map.size !== pairs.length) malformed(above, step, 'a key stands there twice');
    return map;
  };
}

function pairsOf(
  json: unknown,
  above: Place | undefined,
  step: Place['step'],
): readonly (readonly [unknown, unknown])[] {
  const fine =
    Array.isArray(json) && json.every((pair) => Array.isArray(pair) && pair.length === 2);
  return fine ? json : malformed(above, step, wrong(json, 'a list of pairs'));
}

function tupleFromJson(items: readonly FromJson[]): FromJson {
  return (json, above, step) => {
    if (!Array.isArray(json) || json.length !== items.length) {
      malformed(above, step, wrong(json, `a list of ${items.length}`));
    }
    const place = { above, step };
    return items.map((item, i) => item(json[i], place, i));
  };
}

/** `first` are properties that are known already. */
function structFromJson(
  fields: readonly FieldDescription[],
  first: readonly (readonly [string, unknown])[],
  other: KindReader,
): FromJson {
  const make = literalObject([...first.map(([name]) => name), ...fields.map(({ name }) => name)]);
  const known = first.map(([, value]) => value);
  const readers = fields.map(({ name, type }) => ({
    name,
    read: fromJsonOf(type.kind === 'optional' ? type.of : type, other),
    optional: type.kind === 'optional',
  }));
  return (json, above, step) => {
    if (!isPlain(json)) malformed(above, step, wrong(json, 'an object'));
    const place = { above, step };
    const values = [...known];
    for (const { name, read, optional } of readers) {
      const field = Object.hasOwn(json, name) ? json[name] : undefined;
      values.push(optional && field === undefined ? undefined : read(field, place, name));
    }
    return make(values);
  };
}

function armsFromJson<D extends SchemaDescription>(
  discriminator: string,
  arms: readonly ArmDescription<D>[],
  make: (name: string, type: D) => FromJson,
): FromJson {
  const byName = new Map<unknown, FromJson>(arms.map(({ name, type }) => [name, make(name, type)]));
  const wanted = `one of ${[...byName.keys()]
    .slice(0, 8)
    .map((name) => JSON.stringify(name))
    .join(', ')}`;
  return (json, above, step) => {
    if (!isPlain(json)) malformed(above, step, wrong(json, 'an object'));
    const arm = byName.get(json[discriminator]);
    if (arm !== undefined) return arm(json, above, step);
    return malformed({ above, step }, discriminator, wrong(json[discriminator], wanted));
  };
}

function oneOfArmFromJson(name: string, read: FromJson): FromJson {
  const make = literalObject(['side', 'value']);
  return (json, above, step) =>
    make([name, read((json as Plain)['value'], { above, step }, 'value')]);
}

const jsonFromJson: FromJson = (json, above, step) => {
  if (json === undefined) return malformed(above, step, 'it is missing');
  const problem = jsonProblem(json, pathOf({ above, step }));
  if (problem === undefined) return json;
  throw new EngineError('DATA_MALFORMED', { field: problem.path, reason: problem.reason });
};

function isMarked(json: unknown, mark: string): json is Plain {
  return isPlain(json) && Object.hasOwn(json, mark);
}

const dynamicFromJson: FromJson = (json, above, step) => {
  if (Array.isArray(json)) {
    const place = { above, step };
    return json.map((item, i) => dynamicFromJson(item, place, i));
  }
  if (!isPlain(json)) {
    if (jsonProblem(json) === undefined) return json;
    return malformed(above, step, wrong(json, 'JSON'));
  }
  const names = Object.keys(json);
  const mark = names.length === 1 && names[0]!.startsWith('$') ? names[0]! : undefined;
  if (mark !== undefined) return markedFromJson(mark, json[mark], above, step);
  if (names.some((name) => name.startsWith('$'))) {
    malformed(above, step, 'a name begins with $, which is for marks');
  }
  const place = { above, step };
  return Object.fromEntries(names.map((name) => [name, dynamicFromJson(json[name], place, name)]));
};

const markedDate = (json: unknown, place: Place): unknown => {
  const time = dynamicFromJson(json, place, undefined);
  const date = typeof time === 'number' ? new Date(time) : undefined;
  return date !== undefined && Object.is(date.getTime(), time) ? date : undefined;
};

function markedFromJson(
  mark: string,
  json: unknown,
  above: Place | undefined,
  step: Place['step'],
): unknown {
  const place = { above, step };
  const pairs = (): [unknown, unknown][] =>
    pairsOf(json, place, mark).map(([k, x]) => [
      dynamicFromJson(k, place, mark),
      dynamicFromJson(x, place, mark),
    ]);
  switch (mark) {
    case '$undefined':
      return undefined;
    case '$number':
      return NUMBERS.get(json) ?? malformed(place, mark, wrong(json, 'NaN, Infinity or -0'));
    case '$bigint':
      if (typeof json === 'string' && /^-?\d+$/.test(json)) return BigInt(json);
      return malformed(place, mark, wrong(json, 'digits'));
    case '$bytes':
      return (
        (typeof json === 'string' ? bytesFromBase64(json) : undefined) ??
        malformed(place, mark, wrong(json, 'bytes in base64'))
      );
    case '$date':
      return markedDate(json, place) ?? malformed(place, mark, wrong(json, 'a time'));
    case '$map':
      return new Map(pairs());
    case '$set':
      if (!Array.isArray(json)) return malformed(place, mark, wrong(json, 'an array'));
      return new Set(json.map((item, i) => dynamicFromJson(item, place, i)));
    case '$object':
      return Object.fromEntries(pairs() as [string, unknown][]);
    case '$plain':
      return Object.setPrototypeOf(Object.fromEntries(pairs() as [string, unknown][]), null);
    default:
      return malformed(above, step, `${JSON.stringify(mark)} is no mark`);
  }
}
