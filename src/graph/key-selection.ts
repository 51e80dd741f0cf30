/**
 * What a key selector takes of a record, as far as its text tells: a later version of the program
 * is held against it, as state of one key is of no use to another. Selectors that give fields of
 * their record, or a tuple of fields, are understood; of all others only whether they are the same
 * text is known.
 */
import { murmur128 } from '../base/murmur128.ts';
import { formerNamesOf } from '../types/index.ts';
import { keyFamilyOfSchema } from '../types/key-schema.ts';
import type { KeyFamily } from '../types/key.ts';
import type { SchemaDescription, StructDescription } from '../types/schema-description.ts';
import type { KeySelector, OperatorSpec } from './operator-spec.ts';

/** Plain JSON, as a part of the graph. */
export interface KeySelection {
  /**
   * `.user`, `.address.city`, `[.user, .item]`, `.` for the record itself; `#` and a hash of its
   * text for a selector that is not understood.
   */
  readonly by: string;
  /** The same under names that its fields had before. */
  readonly formerly?: readonly string[] | undefined;
  /** Of what it gives, where the schema of the record says so. */
  readonly family?: KeyFamily | undefined;
}

/** Of windows over all records. */
const NO_KEY: KeySelection = { by: '()' };
/** So many combinations of former names are looked at. */
const NAMES_MAX = 64;

/** By input; undefined for an operator without keys. `records`: what each input gets. */
export function selectionsOf(
  spec: OperatorSpec,
  records: readonly (SchemaDescription | undefined)[],
): readonly KeySelection[] | undefined {
  if (spec.kind === 'window' && !spec.keyed) return [NO_KEY];
  if ('key' in spec) return [selectionOf(spec.key, records[0])];
  if (!('leftKey' in spec)) return undefined;
  return [selectionOf(spec.leftKey, records[0]), selectionOf(spec.rightKey, records[1])];
}

export function selectionOf(
  { select, schema }: KeySelector,
  record: SchemaDescription | undefined,
): KeySelection {
  const text = String(select);
  const paths = pathsOf(text);
  if (paths === undefined) return { by: `#${murmur128(text)}` };
  const by = textOf(paths);
  const former = namesOf(paths, record);
  if (schema !== undefined) former.push(...formerNamesOf(schema).map((name) => `.${name}`));
  const formerly = [...new Set(former)].filter((name) => name !== by);
  const family = familyOf(paths, schema?.description, record);
  return {
    by,
    ...(formerly.length === 0 ? undefined : { formerly }),
    ...(family === undefined ? undefined : { family }),
  };
}

function familyOf(
  { isTuple, paths }: Paths,
  schema: SchemaDescription | undefined,
  record: SchemaDescription | undefined,
): KeyFamily | undefined {
  if (schema !== undefined) return keyFamilyOfSchema(schema);
  if (isTuple) return 'tuple';
  let type = present(record);
  for (const name of paths[0]!) {
    type = present(structOf(type)?.fields.find((each) => each.name === name)?.type);
  }
  return type && keyFamilyOfSchema(type);
}

/** Whether both are known to be of different parts of the record. */
export function isOtherKey(stored: string, now: KeySelection): boolean {
  if (isUnknown(stored) || isUnknown(now.by)) return false;
  return stored !== now.by && now.formerly?.includes(stored) !== true;
}

/** Whether nobody can tell if the keys are the same. */
export function isPerhapsOtherKey(stored: string, now: KeySelection): boolean {
  return stored !== now.by && (isUnknown(stored) || isUnknown(now.by));
}

/** For messages. */
export function keyPlaceText(by: string): string {
  if (by === '()') return 'the same for all records';
  if (by === '.') return 'the record itself';
  if (by.startsWith('[')) return `[${by.slice(1, -1).split(', ').map(keyPlaceText).join(', ')}]`;
  return by.slice(1);
}

function isUnknown(by: string): boolean {
  return by.startsWith('#');
}

type Path = readonly string[];

interface Paths {
  readonly isTuple: boolean;
  readonly paths: readonly Path[];
}

function textOf({ isTuple, paths }: Paths): string {
  const texts = paths.map((path) => (path.length === 0 ? '.' : `.${path.join('.')}`));
  return isTuple ? `[${texts.join(', ')}]` : texts[0]!;
}

const NAME = String.raw`[\p{ID_Start}$_][\p{ID_Continue}$]*`;
/** A name, or a pattern without defaults. */
const PARAMETER = String.raw`(?:(${NAME})|\{([^{}()=.]*)\})\s*,?\s*`;
const ARROW = new RegExp(String.raw`^(?:\(\s*${PARAMETER}\)|(${NAME}))\s*=>(.*)$`, 'su');
const FUNCTION = new RegExp(
  String.raw`^function\b\s*(?:${NAME})?\s*\(\s*${PARAMETER}\)\s*(\{.*\})$`,
  'su',
);
const BLOCK = /^\{\s*return\b([^;{}]*);?\s*\}$/s;
const PATH = new RegExp(String.raw`^(${NAME})((?:\s*\.\s*${NAME})*)$`, 'su');
const BINDING = new RegExp(String.raw`^(${NAME})(?:\s*:\s*(${NAME}))?$`, 'su');

/** Undefined: it is not understood. */
function pathsOf(text: string): Paths | undefined {
  const found = ARROW.exec(text) ?? FUNCTION.exec(text);
  if (found === null) return undefined;
  const isArrow = found.length === 5;
  const record = found[1] ?? (isArrow ? found[3] : undefined);
  const bindings = found[2] === undefined ? new Map<string, Path>() : bindingsOf(found[2]);
  if (bindings === undefined) return undefined;
  if (record !== undefined) bindings.set(record, []);
  const body = (isArrow ? found[4] : found[3])!.trim();
  const expression = body.startsWith('{') ? BLOCK.exec(body)?.[1] : body;
  return expression === undefined ? undefined : expressionOf(expression.trim(), bindings);
}

/** The names that a pattern such as `{ user, item: key }` gives to fields of the record. */
function bindingsOf(pattern: string): Map<string, Path> | undefined {
  const bindings = new Map<string, Path>();
  for (const part of pattern.split(',').map((each) => each.trim())) {
    if (part === '') continue;
    const found = BINDING.exec(part);
    if (found === null) return undefined;
    bindings.set(found[2] ?? found[1]!, [found[1]!]);
  }
  return bindings;
}

function expressionOf(text: string, bindings: ReadonlyMap<string, Path>): Paths | undefined {
  if (text.startsWith('(') && text.endsWith(')')) {
    return expressionOf(text.slice(1, -1).trim(), bindings);
  }
  const isTuple = text.startsWith('[') && text.endsWith(']');
  const parts = isTuple ? text.slice(1, -1).split(',') : [text];
  // A comma behind the last element.
  if (isTuple && parts.length > 1 && parts.at(-1)!.trim() === '') parts.pop();
  const paths: Path[] = [];
  for (const part of parts) {
    const found = PATH.exec(part.trim());
    const begin = found === null ? undefined : bindings.get(found[1]!);
    if (begin === undefined) return undefined;
    const names = found![2]!.split('.').map((name) => name.trim());
    paths.push([...begin, ...names.filter(Boolean)]);
  }
  return { isTuple, paths };
}

/** The texts of the same selection by all names that its fields have had. */
function namesOf({ isTuple, paths }: Paths, record: SchemaDescription | undefined): string[] {
  let all: Path[][] = [[]];
  for (const path of paths) {
    const names = formerPaths(path, record);
    all = all.flatMap((before) => names.map((each) => [...before, each])).slice(0, NAMES_MAX);
  }
  return all.map((each) => textOf({ isTuple, paths: each }));
}

function formerPaths(path: Path, record: SchemaDescription | undefined): Path[] {
  const [name, ...rest] = path;
  if (name === undefined) return [[]];
  const struct = structOf(record);
  const field = struct?.fields.find((each) => each.name === name);
  // A former name that is a field of its own now does not mean this one.
  const isTaken = (alias: string): boolean => struct!.fields.some((each) => each.name === alias);
  const names = [name, ...(field?.aliases ?? []).filter((alias) => !isTaken(alias))];
  const below = formerPaths(rest, field?.type);
  return names.flatMap((each) => below.map((more) => [each, ...more])).slice(0, NAMES_MAX);
}

function structOf(description: SchemaDescription | undefined): StructDescription | undefined {
  const found = present(description);
  return found?.kind === 'struct' ? found : undefined;
}

function present(description: SchemaDescription | undefined): SchemaDescription | undefined {
  return description?.kind === 'optional' || description?.kind === 'nullable'
    ? present(description.of)
    : description;
}
