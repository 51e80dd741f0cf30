/**
 * Standard Schema objects (zod, valibot, arktype and others) as validators of what comes in at a
 * source. They know no binary form, so that each is paired with a schema that does: the result of
 * the validation must fit it. Only synchronous validation is possible, as everything between two
 * records is.
 */
import { EngineError } from '../base/errors.ts';
import { fieldPath, itemPath, ROOT_PATH } from './path.ts';
import { problemOf } from './problem.ts';
import type { Codec, Schema } from './schema.ts';
import { dynamic } from './t.ts';

/**
 * The part of the Standard Schema interface (version 1) that is used; see
 * https://standardschema.dev.
 */
export interface StandardSchema<out Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => ValidationResult<Output> | Promise<ValidationResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type ValidationResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly Issue[] };

interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

const validator: unique symbol = Symbol.for('millrace.validator');

/** A schema whose values have been validated where they come in: `codec.fromJson` validates. */
export interface ValidatedSchema<out T> extends Schema<T> {
  readonly [validator]: (input: unknown) => T;
}

/**
 * Validates by `standard`; `as` says how the validated values are stored and sent.
 * @example
 * const Order = fromStandard(z.object({ id: z.uuid() }), t.struct({ id: t.string }));
 */
export function fromStandard<Output>(standard: StandardSchema<Output>): ValidatedSchema<Output>;
export function fromStandard<T, Output extends T>(
  standard: StandardSchema<Output>,
  as: Schema<T>,
): ValidatedSchema<T>;
export function fromStandard(
  standard: StandardSchema,
  as: Schema<unknown> = dynamic,
): ValidatedSchema<unknown> {
  const validate = (input: unknown): unknown => validated(standard, as, input);
  return Object.freeze({
    kind: as.kind,
    description: as.description,
    [validator]: validate,
    get codec(): Codec<unknown> {
      const inner = as.codec;
      return {
        encode: (value, out) => inner.encode(value, out),
        encodeRecords: (records, range, out) => inner.encodeRecords(records, range, out),
        decode: (input) => inner.decode(input),
        decodeRecords: (input, count, into) => inner.decodeRecords(input, count, into),
        equals: (left, right) => inner.equals(left, right),
        toJson: (value) => inner.toJson(value),
        fromJson: validate,
      };
    },
  });
}

/**
 * The validation of a schema made by `fromStandard`: takes parsed input (what `JSON.parse` gives)
 * and returns the value. Undefined for other schemas, whose parsers may go by the description.
 */
export function validatorOf<T>(schema: Schema<T>): ((input: unknown) => T) | undefined {
  return (schema as Partial<ValidatedSchema<T>>)[validator];
}

function validated(standard: StandardSchema, as: Schema<unknown>, input: unknown): unknown {
  const { vendor, validate } = standard['~standard'];
  const result = validate(input);
  if (isThenable(result)) {
    throw new EngineError('USER_CODE_ASYNC', { role: 'validation', operator: `${vendor} schema` });
  }
  if (result.issues !== undefined) {
    const [issue] = result.issues;
    throw new EngineError('DATA_MALFORMED', {
      field: issue === undefined ? ROOT_PATH : pathOf(issue),
      reason: issue?.message ?? `${vendor} refuses it`,
    });
  }
  const problem = problemOf(as.description, result.value);
  if (problem === undefined) return result.value;
  throw new EngineError('DATA_MALFORMED', {
    field: problem.path,
    reason: `${vendor} accepts it, but for the schema beside it ${problem.reason}`,
  });
}

function isThenable<T>(result: T | Promise<T>): result is Promise<T> {
  return typeof (result as { readonly then?: unknown }).then === 'function';
}

function pathOf({ path = [] }: Issue): string {
  return path.reduce<string>((place, segment) => {
    const key = typeof segment === 'object' ? segment.key : segment;
    return typeof key === 'number' ? itemPath(place, key) : fieldPath(place, String(key));
  }, ROOT_PATH);
}
