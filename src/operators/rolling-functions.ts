/**
 * sum, min, max, minBy and maxBy as reductions. sum, min and max change one field and keep the first
 * record's other fields; minBy and maxBy keep the whole record, the first one of equals.
 */
import { EngineError } from '../base/errors.ts';
import type { RollingFunction } from '../graph/operator-spec.ts';

type Reduction = (accumulated: unknown, value: unknown) => unknown;
type Ordered = number | bigint | string;
type Fields = Readonly<Record<string, unknown>>;

/** `field` undefined: the values are themselves what is summed or compared. */
export function rollingReduction(rolling: RollingFunction, field: string | undefined): Reduction {
  switch (rolling) {
    case 'sum':
      return field === undefined ? sumOfValues : onField(field, sumOfValues);
    case 'min':
      return field === undefined ? smaller : onField(field, smaller);
    case 'max':
      return field === undefined ? larger : onField(field, larger);
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

function onField(field: string, combine: Reduction): Reduction {
  return (accumulated, value) => {
    const record = accumulated as Fields;
    const before = record[field];
    const after = combine(before, (value as Fields)[field]);
    return Object.is(before, after) ? record : { ...record, [field]: after };
  };
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
