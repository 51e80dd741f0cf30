/**
 * What requests and answers look like: from one declaration come the TypeScript type of a handler's
 * body, the check of what a client sent, and the schema in the OpenAPI document.
 */

/** JSON Schema, as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Under this name it stands among the components of the OpenAPI document. */
  readonly name?: string | undefined;
  /** What of `value` is not so, e.g. `parallelism: a whole number is wanted`. */
  problem(value: unknown, path: string): string | undefined;
  /** Only for the compiler. */
  readonly type?: T | undefined;
}

/** A field that may be missing. */
export interface OptionalShape<T> extends Shape<T> {
  readonly optional: true;
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<any>>>;
type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends OptionalShape<any> ? K : never;
}[keyof F];
type ObjectOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: TypeOf<F[K]>;
} & { readonly [K in OptionalKeys<F>]?: TypeOf<F[K]> | undefined };

function primitive<T>(
  schema: JsonSchema,
  expected: string,
  holds: (value: unknown) => boolean,
): Shape<T> {
  return {
    schema,
    problem: (value, path) => (holds(value) ? undefined : `${path}: ${expected} is wanted`),
  };
}

export const text: Shape<string> = primitive(
  { type: 'string' },
  'a text',
  (value) => typeof value === 'string',
);

export const boolean: Shape<boolean> = primitive(
  { type: 'boolean' },
  'true or false',
  (value) => typeof value === 'boolean',
);

/** A bigint is for what Java calls a long and JavaScript cannot hold as a number. */
export const integer: Shape<number | bigint> = primitive(
  { type: 'integer', format: 'int64' },
  'a whole number',
  (value) => Number.isSafeInteger(value) || typeof value === 'bigint',
);

/** NaN is written as the text "NaN", as Flink does. */
export const number: Shape<number> = primitive(
  { type: ['number', 'string'], description: 'A number, or the text "NaN".' },
  'a number',
  (value) => typeof value === 'number' || value === 'NaN',
);

/** Anything that JSON can say. */
export const anything: Shape<unknown> = primitive({}, 'anything', (value) => value !== undefined);

export function choice<const T extends string>(words: readonly T[]): Shape<T> {
  const expected = `one of ${words.join(', ')}`;
  return primitive({ type: 'string', enum: words }, expected, (value) =>
    (words as readonly unknown[]).includes(value),
  );
}

/** 32 hexadecimal digits. */
export const hexId: Shape<string> = primitive(
  { type: 'string', pattern: '^[0-9a-fA-F]{32}$' },
  '32 hexadecimal digits',
  (value) => typeof value === 'string' && isHexId(value),
);

export function isHexId(value: string): boolean {
  return /^[0-9a-fA-F]{32}$/.test(value);
}

export function optional<T>(of: Shape<T>): OptionalShape<T> {
  return {
    ...of,
    optional: true,
    problem: (value, path) => (value === undefined ? undefined : of.problem(value, path)),
  };
}

/** A field that a client may leave out or set to null, which means the same. */
export function absent<T>(of: Shape<T>): OptionalShape<T | null> {
  return optional(nullable(of));
}

export function nullable<T>(of: Shape<T>): Shape<T | null> {
  return {
    schema: { anyOf: [referenceTo(of), { type: 'null' }] },
    problem: (value, path) => (value === null ? undefined : of.problem(value, path)),
  };
}

export function list<T>(of: Shape<T>): Shape<readonly T[]> {
  return {
    schema: { type: 'array', items: referenceTo(of) },
    problem(value, path) {
      if (!Array.isArray(value)) return `${path}: a list is wanted`;
      return firstOf(value.entries(), ([index, each]) => of.problem(each, `${path}[${index}]`));
    },
  };
}

/** An object with any keys. */
export function record<T>(of: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    schema: { type: 'object', additionalProperties: referenceTo(of) },
    problem(value, path) {
      if (!isObject(value)) return `${path}: an object is wanted`;
      return firstOf(Object.entries(value), ([key, each]) => of.problem(each, `${path}.${key}`));
    },
  };
}

/** An object with these fields and no others. */
export function object<const F extends Fields>(fields: F): Shape<ObjectOf<F>> {
  const required = Object.keys(fields).filter((name) => !('optional' in fields[name]!));
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(
        Object.entries(fields).map(([name, of]) => [name, referenceTo(of)]),
      ),
      required,
      additionalProperties: false,
    },
    problem(value, path) {
      if (!isObject(value)) return `${path}: an object is wanted`;
      const unknown = Object.keys(value).find((name) => !Object.hasOwn(fields, name));
      if (unknown !== undefined) return `${path}: there is no field ${JSON.stringify(unknown)}`;
      return firstOf(Object.entries(fields), ([name, of]) =>
        of.problem(Object.hasOwn(value, name) ? value[name] : undefined, `${path}.${name}`),
      );
    },
  };
}

/** One of several; the first that fits. */
export function either<A, B>(left: Shape<A>, right: Shape<B>): Shape<A | B> {
  return {
    schema: { anyOf: [referenceTo(left), referenceTo(right)] },
    problem(value, path) {
      const problem = left.problem(value, path);
      return problem === undefined ? undefined : right.problem(value, path) && problem;
    },
  };
}

/** The same, with a name of its own in the OpenAPI document. */
export function named<T>(name: string, of: Shape<T>): Shape<T> {
  return { ...of, name };
}

/** Where the schema of a named shape stands, that of any other itself. */
export function referenceTo(shape: Shape<unknown>): JsonSchema {
  if (shape.name === undefined) return shape.schema;
  return { $ref: `#/components/schemas/${shape.name}`, ...holder(shape) };
}

/**
 * A reference carries its shape along, out of sight of JSON, so that the document can gather what
 * is referred to.
 */
export const referred: unique symbol = Symbol('referred');

function holder(shape: Shape<unknown>): { readonly [referred]: Shape<unknown> } {
  return { [referred]: shape };
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function firstOf<T>(
  entries: Iterable<T>,
  problem: (entry: T) => string | undefined,
): string | undefined {
  for (const entry of entries) {
    const found = problem(entry);
    if (found !== undefined) return found;
  }
  return undefined;
}
