/**
 * sum, min, max, minBy and maxBy as reductions. sum, min and max change one field and keep the
 * first record's other fields; minBy and maxBy keep the whole record, the first one of equals.
 */
import { EngineError } from '../base/errors.ts';
import { compile, quote, quoteProperty } from '../base/generated-code.ts';
import type { RollingFunction } from '../graph/operator-spec.ts';
import type { Schema } from '../types/schema.ts';

type Reduction = (accumulated: unknown, value: unknown) => unknown;
type Ordered = number | bigint | string;
type Fields = Readonly<Record<string, unknown>>;

/**
 * `field` undefined: the values are themselves what is summed or compared. `value` is their schema.
 */
export function rollingReduction(
  rolling: RollingFunction,
  field: string | undefined,
  value: Schema<unknown>,
): Reduction {
  switch (rolling) {
    case 'sum':
      return field === undefined ? sumOfValues : onField(field, sumOfValues, value);
    case 'min':
      return field === undefined ? smaller : onField(field, smaller, value);
    case 'max':
      return field === undefined ? larger : onField(field, larger, value);
    case 'minBy':
      return by(field, (candidate, best) => candidate < best);
    case 'maxBy':
      return by(field, (candidate, best) => candidate > best);
  }
}

function sumOfValues(accumulated: unknown, value: unknown): unknown {
  if (typeof accumulated === 'number' && typeof value === 'number') return accumulated + value;
  if (typeof accumulated === 'bigint' && typeof value === 'bigint') return accumulated + value;
  throw new EngineError('DATA_NOT_SUMMABLE', { left: kindOf(accumulated), right: kindOf(value) });
}

function smaller(accumulated: unknown, value: unknown): unknown {
  return ordered(value, accumulated) < ordered(accumulated, value) ? value : accumulated;
}

function larger(accumulated: unknown, value: unknown): unknown {
  return ordered(value, accumulated) > ordered(accumulated, value) ? value : accumulated;
}

function onField(field: string, combine: Reduction, schema: Schema<unknown>): Reduction {
  const withField = fieldUpdate(field, schema);
  return (accumulated, value) => {
    const record = accumulated as Fields;
    const before = record[field];
    const after = combine(before, (value as Fields)[field]);
    return Object.is(before, after) ? record : withField(record, after);
  };
}

/**
 * A copy of a record with another value of one field. Where the schema names the fields the copy is
 * generated code with one hidden class; spreading costs several times as much per record.
 */
function fieldUpdate(
  field: string,
  schema: Schema<unknown>,
): (record: Fields, value: unknown) => Fields {
  const { description } = schema;
  if (description.kind !== 'struct') return (record, value) => ({ ...record, [field]: value });
  const properties = description.fields.map(({ name }) =>
    name === field ? `${quoteProperty(name)}: v` : `${quoteProperty(name)}: r[${quote(name)}]`,
  );
  return compile('rolling/field', ['r', 'v'], `return { ${properties.join(', ')} };`) as never;
}

function by(
  field: string | undefined,
  better: (candidate: Ordered, best: Ordered) => boolean,
): Reduction {
  const part = (record: unknown): unknown =>
    field === undefined ? record : (record as Fields)[field];
  return (accumulated, value) => {
    const best = part(accumulated);
    const candidate = part(value);
    return better(ordered(candidate, best), ordered(best, candidate)) ? value : accumulated;
  };
}

/** `value`, if it can be compared with `other`. */
function ordered(value: unknown, other: unknown): Ordered {
  const type = typeof value;
  if (type === typeof other && (type === 'number' || type === 'bigint' || type === 'string')) {
    return value as Ordered;
  }
  throw new EngineError('DATA_NOT_COMPARABLE', { left: kindOf(value), right: kindOf(other) });
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value;
}
