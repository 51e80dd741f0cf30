/**
 * Parameters of paths and queries: how their text becomes a value, as Flink reads them, and how the
 * OpenAPI document describes them.
 */
import { badParameter } from './rest-error.ts';
import { isHexId } from './shape.ts';
import type { JsonSchema } from './shape.ts';

export interface Parameter<T> {
  readonly description: string;
  readonly schema: JsonSchema;
  /** Undefined for a text that is no such value. */
  parse(text: string): T | undefined;
}

export type ParameterValues<P> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

/** Of a query every parameter may be missing, and may have several values. */
export type QueryValues<Q> = {
  readonly [K in keyof Q]: Q[K] extends Parameter<infer T> ? readonly T[] | undefined : never;
};

function id(description: string): Parameter<string> {
  return {
    description,
    schema: { type: 'string', pattern: '^[0-9a-fA-F]{32}$' },
    parse: (text) => (isHexId(text) ? text.toLowerCase() : undefined),
  };
}

export const jobId: Parameter<string> = id('The id of a job: 32 hexadecimal digits.');
export const applicationId: Parameter<string> = id('The id of an application.');
export const vertexId: Parameter<string> = id('The id of a vertex of the job.');
export const triggerId: Parameter<string> = id('The id that the trigger answered with.');
export const dataSetId: Parameter<string> = id('The id of a data set.');
export const operatorUid: Parameter<string> = text('The uid of an operator.');
export const rescaleId: Parameter<string> = text('The id of a rescale.');
export const taskManagerId: Parameter<string> = text('The id of a TaskManager.');
export const jarId: Parameter<string> = text('The id of an uploaded bundle, as its list shows it.');
export const fileName: Parameter<string> = text('The name of a file, as its list shows it.');
export const subtaskIndex: Parameter<number> = whole('The index of a subtask, from 0.');
export const attemptNumber: Parameter<number> = whole('The number of an attempt, from 0.');
export const checkpointId: Parameter<number> = whole('The id of a checkpoint.');

export function text(description: string): Parameter<string> {
  return { description, schema: { type: 'string' }, parse: (value) => value };
}

/** At least 0, at most Java's greatest int. */
export function whole(description: string): Parameter<number> {
  return integerFrom(0, description);
}

export function integerFrom(least: number, description: string): Parameter<number> {
  return {
    description,
    schema: { type: 'integer', minimum: least, maximum: 2_147_483_647 },
    parse(value) {
      if (!/^[+-]?\d{1,10}$/.test(value)) return undefined;
      const number = Number(value);
      return number >= least && number <= 2_147_483_647 ? number : undefined;
    },
  };
}

/** As Java reads a boolean: whatever is not "true" is false. */
export function flag(description: string): Parameter<boolean> {
  return {
    description,
    schema: { type: 'boolean' },
    parse: (value) => value.toLowerCase() === 'true',
  };
}

/** One of some words, in any case. */
export function word<const T extends string>(
  description: string,
  words: readonly T[],
): Parameter<T> {
  return {
    description,
    schema: { type: 'string', enum: words },
    parse: (value) => words.find((each) => each.toLowerCase() === value.toLowerCase()),
  };
}

/** @throws RestError 400 in Flink's words */
export function readPath<P extends Readonly<Record<string, Parameter<unknown>>>>(
  parameters: P,
  texts: Readonly<Record<string, string>>,
): ParameterValues<P> {
  const values = Object.entries(parameters).map(([name, parameter]) => {
    const given = texts[name]!;
    const value = parameter.parse(given);
    if (value === undefined) throw badParameter('path', name, given);
    return [name, value];
  });
  return Object.fromEntries(values) as ParameterValues<P>;
}

/** @throws RestError 400 in Flink's words */
export function readQuery<Q extends Readonly<Record<string, Parameter<unknown>>>>(
  parameters: Q,
  query: URLSearchParams,
): QueryValues<Q> {
  const values = Object.entries(parameters).flatMap(([name, parameter]) => {
    const given = query.getAll(name).join(',');
    if (given === '') return [];
    const items = given.split(',').map((item) => {
      const value = parameter.parse(item);
      if (value === undefined) throw badParameter('query', name, given);
      return value;
    });
    return [[name, items]];
  });
  return Object.fromEntries(values) as QueryValues<Q>;
}
