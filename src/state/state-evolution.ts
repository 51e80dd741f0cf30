/**
 * Whether a state that was stored can go on as the one that a program declares, and how: decided
 * from what both say of themselves, without their entries and without the program that stored them.
 * A restore does what was decided, and whoever starts a job can ask before anything is started.
 *
 * A migration that is declared from exactly the stored schema comes first, then what schemas allow
 * by themselves (`types/evolution.ts`), then the first migration to whose schema the stored one can
 * go on.
 */
import { EngineError, messageOf } from '../base/errors.ts';
import type { StateMigration } from '../functions/state.ts';
import { bareDescription, evolutionOf, keyEvolutionOf, schemaOf } from '../types/index.ts';
import type { Convert } from '../types/index.ts';
import { keyFamilyOfSchema } from '../types/key-schema.ts';
import type { KeyFamily } from '../types/key.ts';
import { itemPath } from '../types/path.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { Schema } from '../types/schema.ts';
import { valueCheckOf } from './heap/value-check.ts';
import { typeText } from './state-description.ts';
import type { StateDescription } from './state-description.ts';
import { refusePromise, valueInvalid } from './state-errors.ts';
import type { StateNames } from './state-errors.ts';

/** By which name what the enumerator of a source keeps is known. */
export const ENUMERATOR = 'enumerator';

/** What a program says of a state, as plain data. */
export interface DeclaredState {
  readonly description: StateDescription;
  /** The schemas from which migrations are declared. */
  readonly migrations: readonly SchemaDescription[];
}

export type StateEvolution =
  /** Both say the same. */
  | { readonly kind: 'same' }
  | (ValueEvolution & {
      /** Of the keys of a map. */
      readonly key: Convert | undefined;
      /** Of what it belongs to besides its key. */
      readonly namespace: NamespaceReading | undefined;
    })
  | ({ readonly kind: 'refused' } & StateRefusal);

/** How namespaces that were stored are those that are declared; undefined: as they are. */
export interface NamespaceReading {
  readonly stored: SchemaDescription;
  readonly convert: Convert | undefined;
}

interface ValueEvolution {
  readonly kind: 'possible';
  /** Of the value or element; undefined: it stays as it is. */
  readonly value: Convert | undefined;
  /** Which of the migrations takes what `value` gives. */
  readonly migration: number | undefined;
}

/** Why what was stored cannot go on. */
export interface StateRefusal {
  /** Which part of the values, or the state itself. */
  readonly field: string;
  readonly reason: string;
  readonly fix: string;
}

export function resolveEvolution(
  stored: StateDescription,
  { description: declared, migrations }: DeclaredState,
): StateEvolution {
  const texts = [typeText(stored), typeText(declared)];
  if (texts[0] === texts[1]) return { kind: 'same' };
  const other = otherThanSchemas(stored, declared);
  if (other !== undefined) return { kind: 'refused', field: 'the state', ...other };
  const key = keyEvolution(stored.key, declared.key);
  if (key.kind === 'refused') return { kind: 'refused', ...key.refusal };
  const namespace = namespaceEvolution(stored.namespace, declared.namespace);
  if (namespace.kind === 'refused') return { kind: 'refused', ...namespace.refusal };
  const value = valueEvolution(stored.value, declared.value, migrations);
  if (value.kind === 'refused') return value;
  return { ...value, key: key.convert, namespace: namespace.reading };
}

function namespaceEvolution(
  stored: SchemaDescription | undefined,
  declared: SchemaDescription | undefined,
):
  | Extract<ReturnType<typeof evolutionOf>, { readonly kind: 'refused' }>
  | { readonly kind: 'possible'; readonly reading: NamespaceReading | undefined } {
  if (stored === undefined || declared === undefined) {
    return { kind: 'possible', reading: undefined };
  }
  const [was, is] = [stored, declared].map((each) => JSON.stringify(bareDescription(each)));
  if (was === is) return { kind: 'possible', reading: undefined };
  const evolution = keyEvolutionOf(stored, declared, 'namespace');
  if (evolution.kind === 'refused') return evolution;
  return { kind: 'possible', reading: { stored, convert: evolution.convert } };
}

/** Of a value, element or accumulator, or of what else is stored by its schema alone. */
export function valueEvolution(
  stored: SchemaDescription,
  declared: SchemaDescription,
  migrations: readonly SchemaDescription[],
  path: string = 'value',
): ValueEvolution | ({ readonly kind: 'refused' } & StateRefusal) {
  const kind = 'possible';
  const storedText = JSON.stringify(bareDescription(stored));
  const exact = migrations.findIndex(
    (from) => JSON.stringify(bareDescription(from)) === storedText,
  );
  if (exact >= 0) return { kind, value: undefined, migration: exact };
  const direct = evolutionOf(stored, declared, path);
  if (direct.kind === 'possible') return { kind, value: direct.convert, migration: undefined };
  for (const [migration, from] of migrations.entries()) {
    const first = evolutionOf(stored, from, path);
    if (first.kind === 'possible') return { kind, value: first.convert, migration };
  }
  return { kind: 'refused', ...direct.refusal };
}

/**
 * What a value that is stored by its schema alone is now; undefined: it is what it was.
 * @throws EngineError STATE_NOT_EVOLVABLE
 */
export function valueReading(
  stored: SchemaDescription,
  { names, schema, migrations }: Omit<EvolvingState, 'description'>,
): Convert | undefined {
  const [was, is] = [stored, schema.description].map((each) =>
    JSON.stringify(bareDescription(each)),
  );
  if (was === is) return undefined;
  const from = migrations.map((each) => each.from.description);
  const evolution = valueEvolution(stored, schema.description, from);
  if (evolution.kind === 'refused') throw notEvolvable(names, evolution);
  return convertOf(evolution, { names, schema, migrations });
}

/** The evolution and then the migration that were found. */
export function convertOf(
  { value, migration }: ValueEvolution,
  { names, schema, migrations }: Omit<EvolvingState, 'description'>,
): Convert | undefined {
  if (migration === undefined) return value;
  const migrate = migrations[migration]!.migrate as Convert;
  return (old) => migrated(names, schema, migrate, value === undefined ? old : value(old));
}

function keyEvolution(
  stored: SchemaDescription | undefined,
  declared: SchemaDescription | undefined,
): ReturnType<typeof evolutionOf> {
  if (stored === undefined || declared === undefined)
    return { kind: 'possible', convert: undefined };
  return keyEvolutionOf(stored, declared, 'key');
}

/** What no schema can make up for. */
function otherThanSchemas(
  stored: StateDescription,
  declared: StateDescription,
): { readonly reason: string; readonly fix: string } | undefined {
  const fix = 'Give the new state another name.';
  if (stored.kind !== declared.kind) {
    return { reason: `it was a ${stored.kind} state, and is a ${declared.kind} state`, fix };
  }
  const haveColumns = stored.value.kind === 'struct' && declared.value.kind === 'struct';
  if (stored.width !== declared.width && !haveColumns) {
    return { reason: 'its slots have another width', fix };
  }
  if ((stored.key === undefined) !== (declared.key === undefined)) {
    return { reason: 'the schema of its keys is known in one of them alone', fix };
  }
  if ((stored.sliced === true) !== (declared.sliced === true)) {
    return { reason: 'it belongs to slices of time in one of them alone', fix };
  }
  if ((stored.namespace === undefined) !== (declared.namespace === undefined)) {
    return { reason: 'it belongs to windows or other namespaces in one of them alone', fix };
  }
  return undefined;
}

/** How stored values and keys are read as those that are declared. */
export interface StateReading {
  readonly value: Convert | undefined;
  readonly key: Convert | undefined;
  readonly namespace: NamespaceReading | undefined;
}

/** What a state is restored with, where it is not what was stored. */
export interface EvolvingState {
  readonly names: StateNames;
  readonly description: StateDescription;
  readonly schema: Schema<unknown>;
  readonly migrations: readonly StateMigration<unknown>[];
}

/**
 * Undefined if nothing is to be done.
 * @throws EngineError STATE_NOT_EVOLVABLE
 */
export function readingOf(
  stored: StateDescription,
  state: EvolvingState,
): StateReading | undefined {
  const { names, description, migrations } = state;
  const from = migrations.map((migration) => migration.from.description);
  const evolution = resolveEvolution(stored, { description, migrations: from });
  if (evolution.kind === 'same') return undefined;
  if (evolution.kind === 'refused') throw notEvolvable(names, evolution);
  const { key, namespace } = evolution;
  return { key, namespace, value: convertOf(evolution, state) };
}

export function canEvolve(stored: StateDescription, state: EvolvingState): boolean {
  const migrations = state.migrations.map(({ from }) => from.description);
  return (
    resolveEvolution(stored, { description: state.description, migrations }).kind !== 'refused'
  );
}

/**
 * Whether state can go on under keys of another schema: only if all of them are found again, that
 * is if equal keys have equal bytes. Of keys without a schema the family is known if there were
 * any; where the program declares none, it is looked at when the first key comes.
 */
export function keyRefusal(
  stored: StoredKeys,
  { schema: declared, family }: DeclaredKeys,
): StateRefusal | undefined {
  const field = 'the key';
  if (stored.schema !== null && declared !== undefined) {
    const place = differentKeys(stored.schema, declared, field);
    return place && { field: place.field, reason: place.reason, fix: KEEP_KEYS };
  }
  const was = stored.schema === null ? stored.family : keyFamilyOfSchema(stored.schema);
  const is = declared === undefined ? family : keyFamilyOfSchema(declared);
  if (was === null || was === undefined || is === undefined || was === is) return undefined;
  return { field, reason: `it was a ${was}, and is a ${is}`, fix: KEEP_KEYS };
}

/** What a snapshot says of its keys. */
interface StoredKeys {
  readonly schema: SchemaDescription | null;
  /** That of the first key, if there was one. */
  readonly family: KeyFamily | null;
}

/** What a program says of its keys. */
interface DeclaredKeys {
  readonly schema: SchemaDescription | undefined;
  /** Where there is no schema: that of the field of the record that the key is. */
  readonly family?: KeyFamily | undefined;
}

const KEEP_KEYS =
  'Keep the type of the keys, or give the operator another uid: then it begins with empty state, ' +
  'and what was stored is left behind with --allowNonRestoredState.';

type KeyDifference = Pick<StateRefusal, 'field' | 'reason'>;

function differentKeys(
  stored: SchemaDescription,
  declared: SchemaDescription,
  field: string,
): KeyDifference | undefined {
  const different = (was: string, is: string): KeyDifference => ({
    field,
    reason: `it was ${was}, and is ${is}`,
  });
  if (isList(stored) && isList(declared)) {
    const lengths = [lengthOf(stored), lengthOf(declared)];
    if (lengths[0] !== undefined && lengths[1] !== undefined && lengths[0] !== lengths[1]) {
      return different(`a tuple of ${lengths[0]}`, `one of ${lengths[1]}`);
    }
    const count = lengths[0] ?? lengths[1] ?? 1;
    for (let at = 0; at < count; at++) {
      const place = itemPath(field, at);
      const found = differentKeys(itemOf(stored, at), itemOf(declared, at), place);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const isSame =
    keyFamilyOfSchema(stored) === keyFamilyOfSchema(declared) &&
    unitOf(stored, declared) === unitOf(declared, stored);
  if (!isSame) return different(keyText(stored), keyText(declared));
  if (!canBeNarrower(stored, declared)) return undefined;
  const evolution = evolutionOf(stored, declared, field);
  return evolution.kind === 'refused' ? evolution.refusal : undefined;
}

/**
 * Whether keys may have been stored that no record has any more, and that functions cannot take.
 */
function canBeNarrower(stored: SchemaDescription, declared: SchemaDescription): boolean {
  if (TIMES.has(stored.kind) || TIMES.has(declared.kind)) return false;
  if (declared.kind === 'string' || stored.kind === 'literal') return false;
  return keyFamilyOfSchema(stored) !== 'boolean' || declared.kind === 'literal';
}

type ListDescription = SchemaDescription & { readonly kind: 'tuple' | 'array' };

function isList(schema: SchemaDescription): schema is ListDescription {
  return schema.kind === 'tuple' || schema.kind === 'array';
}

function lengthOf(list: ListDescription): number | undefined {
  return list.kind === 'tuple' ? list.items.length : undefined;
}

function itemOf(list: ListDescription, at: number): SchemaDescription {
  return list.kind === 'array' ? list.of : list.items[at]!;
}

/** What equal values of one family mean, where both schemas say so. */
function unitOf(schema: SchemaDescription, other: SchemaDescription): string {
  if (schema.kind === 'decimal' && other.kind === 'decimal') return `scale ${schema.scale}`;
  return TIMES.has(schema.kind) && TIMES.has(other.kind) ? schema.kind : '';
}

const TIMES: ReadonlySet<string> = new Set(['timestamp', 'duration', 'date']);

function keyText(schema: SchemaDescription): string {
  if (schema.kind !== 'decimal') return schema.kind;
  return `a decimal with ${schema.scale} digits after the point`;
}

/** All state of an operator is under its keys. */
export function keysNotEvolvable(
  operator: string,
  stored: readonly StateDescription[],
  refusal: StateRefusal,
): EngineError {
  const state = stored.map(({ name }) => name).join('", "');
  return notEvolvable({ operator, state }, refusal);
}

export function notEvolvable(names: StateNames, refusal: StateRefusal): EngineError {
  const { field, reason, fix } = refusal;
  return new EngineError('STATE_NOT_EVOLVABLE', { ...names, field, reason, fix });
}

function migrated(
  names: StateNames,
  schema: Schema<unknown>,
  migrate: Convert,
  old: unknown,
): unknown {
  let now: unknown;
  try {
    now = migrate(old);
  } catch (error) {
    const reason = messageOf(error);
    throw new EngineError('STATE_MIGRATION_FAILED', { ...names, reason }, { cause: error });
  }
  if (typeof now === 'object' && now !== null) refusePromise(now, 'migrate', names.operator);
  if (now === undefined || !valueCheckOf(schema)(now)) throw valueInvalid(names, now, schema.kind);
  return now;
}

/** How what was stored with other schemas is read. */
export interface StoredParts {
  readonly codecs: ReturnType<typeof storedCodecs>;
  readonly reading: StateReading;
}

/** Reads values, elements or keys as they were stored. */
export function storedCodecs(stored: StateDescription): {
  readonly value: Schema<unknown>['codec'];
  readonly key: Schema<unknown>['codec'] | undefined;
} {
  const { value, key } = stored;
  return { value: schemaOf(value).codec, key: key && schemaOf(key).codec };
}
