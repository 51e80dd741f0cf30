/**
 * Why a value does not fit a schema, and where: the slow walk that explains what a generated
 * encoder has refused. It accepts exactly the values that the encoder accepts.
 */
import { isCalendarDate } from './calendar-date.ts';
import { decimalDigits } from './decimal.ts';
import { DYNAMIC_DEPTH_MAX } from './dynamic-codec.ts';
import { describeValue, fieldPath, itemPath, ROOT_PATH } from './path.ts';
import type { ArmDescription, FieldDescription, SchemaDescription } from './schema-description.ts';

export interface Problem {
  readonly path: string;
  /** Begins with "it is". */
  readonly reason: string;
}

/** The first problem in the order of the fields; undefined if the value fits. */
export function problemOf(
  description: SchemaDescription,
  value: unknown,
  path: string = ROOT_PATH,
): Problem | undefined {
  switch (description.kind) {
    case 'optional':
      return value === undefined ? undefined : problemOf(description.of, value, path);
    case 'nullable':
      return value === null ? undefined : problemOf(description.of, value, path);
    case 'array':
      return arrayProblem(description.of, value, path);
    case 'tuple':
      return tupleProblem(description.items, value, path);
    case 'map':
      return mapProblem(description.key, description.value, value, path);
    case 'struct':
      return isObject(value)
        ? fieldsProblem(description.fields, value, path)
        : not('an object', value, path);
    case 'union':
      return armProblem(description.arms, description.discriminator, value, path, (type, object) =>
        problemOf(type, object, path),
      );
    case 'oneOf':
      return armProblem(description.arms, 'side', value, path, (type, object) =>
        problemOf(type, object['value'], fieldPath(path, 'value')),
      );
    case 'any':
    case 'dynamic':
      return dynamicProblem(value, path, []);
    case 'json':
      return jsonProblem(value, path, []);
    default:
      return fits(description, value) ? undefined : not(nameOf(description), value, path);
  }
}

type Plain = Readonly<Record<string, unknown>>;
type Simple = Exclude<
  SchemaDescription,
  {
    readonly kind:
      | 'array'
      | 'optional'
      | 'nullable'
      | 'map'
      | 'tuple'
      | 'struct'
      | 'union'
      | 'oneOf';
  }
>;

function not(wanted: string, value: unknown, path: string): Problem {
  return { path, reason: `it is ${describeValue(value)}, not ${wanted}` };
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null;
}

function fits(description: Simple, value: unknown): boolean {
  switch (description.kind) {
    case 'string':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'int8':
      return within(value, -0x80, 0x7f);
    case 'int16':
      return within(value, -0x8000, 0x7fff);
    case 'int32':
      return within(value, -0x8000_0000, 0x7fff_ffff);
    case 'uint8':
      return within(value, 0, 0xff);
    case 'uint16':
      return within(value, 0, 0xffff);
    case 'uint32':
      return within(value, 0, 0xffff_ffff);
    case 'integer':
    case 'timestamp':
      return Number.isSafeInteger(value);
    case 'int64':
      return typeof value === 'bigint' && BigInt.asIntN(64, value) === value;
    case 'float32':
      return typeof value === 'number' && Object.is(Math.fround(value), value);
    case 'float64':
      return typeof value === 'number';
    case 'duration':
      return Number.isFinite(value);
    case 'date':
      return isCalendarDate(value);
    case 'decimal':
      return decimalDigits(value, description.precision, description.scale) !== undefined;
    case 'bytes':
      return value instanceof Uint8Array;
    case 'literal':
      return value === description.value;
    case 'enum':
      return typeof value === 'string' && description.values.includes(value);
    default:
      return false;
  }
}

function within(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** What the schema wants, for a sentence. */
export function nameOf(description: SchemaDescription): string {
  switch (description.kind) {
    case 'integer':
      return 'a whole number between -2^53 and 2^53';
    case 'int64':
      return 'a bigint of 64 bits';
    case 'float32':
      return 'a number of 32 bits (see Math.fround)';
    case 'timestamp':
      return 'a timestamp in whole milliseconds';
    case 'date':
      return 'a date (see calendarDate)';
    case 'bytes':
      return 'a Uint8Array';
    case 'decimal':
      return decimalName(description.precision, description.scale);
    case 'literal':
      return JSON.stringify(description.value);
    case 'enum': {
      const shown = description.values.slice(0, 8).map((value) => JSON.stringify(value));
      return `one of ${shown.join(', ')}${description.values.length > 8 ? ', ...' : ''}`;
    }
    default:
      return `${/^[aeiou]/.test(description.kind) ? 'an' : 'a'} ${description.kind}`;
  }
}

function decimalName(precision: number, scale: number): string {
  return `a decimal of ${precision} digits, ${scale} after the point (see decimal)`;
}

function fieldsProblem(
  fields: readonly FieldDescription[],
  value: Plain,
  path: string,
): Problem | undefined {
  for (const { name, type } of fields) {
    const problem = problemOf(type, value[name], fieldPath(path, name));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function arrayProblem(of: SchemaDescription, value: unknown, path: string): Problem | undefined {
  if (!Array.isArray(value)) return not('an array', value, path);
  for (let i = 0; i < value.length; i++) {
    const problem = i in value ? problemOf(of, value[i], itemPath(path, i)) : hole(path, i);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function hole(path: string, index: number): Problem {
  return { path: itemPath(path, index), reason: 'it is a hole in an array' };
}

function tupleProblem(
  items: readonly SchemaDescription[],
  value: unknown,
  path: string,
): Problem | undefined {
  if (!Array.isArray(value) || value.length !== items.length) {
    return not(`a tuple of ${items.length}`, value, path);
  }
  for (const [i, item] of items.entries()) {
    const problem = problemOf(item, value[i], itemPath(path, i));
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function mapProblem(
  key: SchemaDescription,
  item: SchemaDescription,
  value: unknown,
  path: string,
): Problem | undefined {
  if (!(value instanceof Map)) return not('a Map', value, path);
  for (const [k, x] of value) {
    const at = `${path}.get(${describeValue(k).replace(/^the \w+ /, '')})`;
    const problem = problemOf(key, k, `${path}.keys()`) ?? problemOf(item, x, at);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function armProblem<D extends SchemaDescription>(
  arms: readonly ArmDescription<D>[],
  discriminator: string,
  value: unknown,
  path: string,
  within: (type: D, object: Plain) => Problem | undefined,
): Problem | undefined {
  if (!isObject(value)) return not('an object', value, path);
  const arm = arms.find(({ name }) => name === value[discriminator]);
  if (arm !== undefined) return within(arm.type, value);
  const names = arms.slice(0, 8).map(({ name }) => JSON.stringify(name));
  return not(`one of ${names.join(', ')}`, value[discriminator], fieldPath(path, discriminator));
}

/** `above` holds the objects on the way here, so that a cycle is named as one. */
function dynamicProblem(
  value: unknown,
  path: string,
  above: readonly object[],
): Problem | undefined {
  if (typeof value === 'function' || typeof value === 'symbol') {
    return { path, reason: `it is ${describeValue(value)}, which is not plain data` };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const deeper = nested(value, path, above);
  if ('reason' in deeper) return deeper;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (value instanceof Uint8Array || prototype === Date.prototype) return undefined;
  if (prototype === Array.prototype) {
    return first(value as unknown[], (i) =>
      i in value
        ? dynamicProblem((value as unknown[])[i], itemPath(path, i), deeper)
        : hole(path, i),
    );
  }
  if (prototype === Map.prototype) {
    const entries = [...(value as Map<unknown, unknown>)].flat();
    return first(entries, (i) =>
      dynamicProblem(entries[i], `${path}.${i % 2 === 0 ? 'keys' : 'values'}()`, deeper),
    );
  }
  if (prototype === Set.prototype) {
    const members = [...(value as Set<unknown>)];
    return first(members, (i) => dynamicProblem(members[i], `${path}.values()`, deeper));
  }
  if (prototype === Object.prototype || prototype === null) {
    const entries = Object.entries(value);
    return first(entries, (i) =>
      dynamicProblem(entries[i]![1], fieldPath(path, entries[i]![0]), deeper),
    );
  }
  return { path, reason: `it is ${describeValue(value)}, which is not plain data` };
}

/** The objects above the parts of `value`, or what forbids to go on. */
function nested(
  value: object,
  path: string,
  above: readonly object[],
): readonly object[] | Problem {
  if (above.includes(value)) return { path, reason: 'it is an object that contains itself' };
  if (above.length >= DYNAMIC_DEPTH_MAX) {
    return {
      path: `${path.slice(0, 80)}...`,
      reason: `it is nested more than ${DYNAMIC_DEPTH_MAX} deep`,
    };
  }
  return [...above, value];
}

function first(
  list: readonly unknown[],
  problem: (index: number) => Problem | undefined,
): Problem | undefined {
  for (let i = 0; i < list.length; i++) {
    const found = problem(i);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function jsonProblem(
  value: unknown,
  path: string = ROOT_PATH,
  above: readonly object[] = [],
): Problem | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return undefined;
  if (typeof value !== 'object') return not('JSON', value, path);
  const deeper = nested(value, path, above);
  if ('reason' in deeper) return deeper;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Array.prototype) {
    return first(value as unknown[], (i) =>
      i in value ? jsonProblem((value as unknown[])[i], itemPath(path, i), deeper) : hole(path, i),
    );
  }
  if (prototype !== Object.prototype) return not('JSON', value, path);
  const entries = Object.entries(value);
  return first(entries, (i) =>
    jsonProblem(entries[i]![1], fieldPath(path, entries[i]![0]), deeper),
  );
}
