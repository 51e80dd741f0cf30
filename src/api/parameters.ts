/**
 * The parameters of a job: declared with schemas, given as text on the command line or as values by
 * a program, resolved once and kept in the JobGraph as JSON.
 */
import { didYouMean } from '../base/did-you-mean.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import { formatSchema } from '../graph/explain/format-schema.ts';
import type { Infer, Schema } from '../types/schema.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import { fromText } from './parameter-text.ts';

/** A parameter with more than a schema. */
export interface JobParameter<T, Default = T | undefined> {
  readonly kind: 'parameter';
  readonly schema: Schema<T>;
  readonly defaultValue: Default;
  /** Shown by `millrace info`. */
  readonly description: string | undefined;
}

export type ParameterSpec = Readonly<
  Record<string, Schema<unknown> | JobParameter<unknown, unknown>>
>;

/** The values that `build` gets. */
export type Parameters<P extends ParameterSpec> = {
  readonly [N in keyof P]: P[N] extends JobParameter<infer T, infer _Default> ? T : Infer<P[N]>;
};

/** The values that a program may give: those with a default, and optional ones, may be left out. */
export type ParameterValues<P extends ParameterSpec> = {
  readonly [N in keyof P as IsOptional<P[N]> extends true ? never : N]: ValueOf<P[N]>;
} & {
  readonly [N in keyof P as IsOptional<P[N]> extends true ? N : never]?: ValueOf<P[N]> | undefined;
};

type ValueOf<P> = P extends JobParameter<infer T, infer _Default> ? T : Infer<P>;
type IsOptional<P> =
  P extends JobParameter<infer _T, infer _Default>
    ? true
    : undefined extends Infer<P>
      ? true
      : false;

/**
 * A parameter with a default.
 * @example params: { out: param(t.string, 'out/flight-delays'), day: t.timestamp }
 */
export function param<T>(
  schema: Schema<T>,
  defaultValue: NoInfer<T>,
  description?: string,
): JobParameter<T, T> {
  return { kind: 'parameter', schema, defaultValue, description };
}

export interface ResolvedParameters {
  /** For `build`. */
  readonly values: Readonly<Record<string, unknown>>;
  /** For the JobGraph. */
  readonly json: Readonly<Record<string, unknown>>;
}

/**
 * @throws EngineError CONFIG_UNKNOWN_PARAMETER, CONFIG_MISSING_PARAMETER, CONFIG_INVALID_PARAMETER
 */
export function resolveParameters(
  job: string,
  spec: ParameterSpec,
  given: Readonly<Record<string, unknown>>,
): ResolvedParameters {
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(spec, name)) continue;
    const names = Object.keys(spec);
    throw new EngineError('CONFIG_UNKNOWN_PARAMETER', {
      job,
      name,
      suggestion: didYouMean(name, names),
      known: names.length === 0 ? 'no parameters' : names.join(', '),
    });
  }
  const values = new Map<string, unknown>();
  const json = new Map<string, unknown>();
  const missing: string[] = [];
  for (const [name, declared] of Object.entries(spec)) {
    const { schema, defaultValue } = partsOf(declared);
    const value = Object.hasOwn(given, name)
      ? readValue(job, name, schema, given[name])
      : defaultValue;
    if (value === undefined && schema.kind !== 'optional') {
      missing.push(name);
      continue;
    }
    values.set(name, value);
    if (value !== undefined) json.set(name, toJson(job, name, schema, value));
  }
  if (missing.length > 0) {
    const names = missing.map((name) => `"${name}"`).join(', ');
    throw new EngineError('CONFIG_MISSING_PARAMETER', { job, names, first: missing[0]! });
  }
  return { values: Object.freeze(Object.fromEntries(values)), json: Object.fromEntries(json) };
}

function partsOf(declared: Schema<unknown> | JobParameter<unknown, unknown>): {
  readonly schema: Schema<unknown>;
  readonly defaultValue: unknown;
} {
  return 'schema' in declared ? declared : { schema: declared, defaultValue: undefined };
}

/** A text is read as on the command line, anything else is the value itself or its JSON form. */
function readValue(job: string, name: string, schema: Schema<unknown>, given: unknown): unknown {
  if (given === undefined) return undefined;
  try {
    if (typeof given === 'string') return fromText(given, schema);
    return isJsonForm(given, schema.description) ? schema.codec.fromJson(given) : given;
  } catch (thrown) {
    if (!isEngineError(thrown)) throw thrown;
    throw invalid(job, name, schema, given);
  }
}

/** Values that JSON has no form for are taken as they are, and checked when they are encoded. */
function isJsonForm(given: unknown, description: SchemaDescription): boolean {
  if (typeof given === 'bigint' || given instanceof Uint8Array || given instanceof Map)
    return false;
  return description.kind !== 'dynamic' && description.kind !== 'any';
}

function toJson(job: string, name: string, schema: Schema<unknown>, value: unknown): unknown {
  try {
    const json = schema.codec.toJson(value);
    schema.codec.fromJson(json);
    return json;
  } catch (thrown) {
    if (!isEngineError(thrown)) throw thrown;
    throw invalid(job, name, schema, value);
  }
}

function invalid(job: string, name: string, schema: Schema<unknown>, given: unknown): EngineError {
  return new EngineError('CONFIG_INVALID_PARAMETER', {
    job,
    name,
    value: typeof given === 'string' ? JSON.stringify(given) : String(given),
    expected: formatSchema(schema.description),
  });
}
