/** The source of records that a function makes of their index, with a rate limit if asked. */
import { EngineError } from '../../base/errors.ts';
import type { Source } from '../../functions/source.ts';
import type { Schema } from '../../types/schema.ts';
import {
  IndexRangeEnumerator,
  IndexRangeReader,
  IndexRangeSchema,
  IndexRangesSchema,
  rangesForReaders,
  type EmitRange,
  type IndexRange,
} from './index-ranges.ts';

export interface GeneratorOptions {
  /** How many records in all; undefined: without end. */
  readonly count?: number | undefined;
  /** Of all subtasks together; undefined: as fast as it goes. */
  readonly ratePerSecond?: number | undefined;
}

/**
 * Records made by `generate` from indices 0, 1, 2 ... The function must give the same record
 * whenever it is called with an index, because a restarted job makes them again.
 * @example
 * env.from(generator(t.struct({ n: t.int32 }), (index) => ({ n: index }), { ratePerSecond: 50 }))
 */
export function generator<T>(
  schema: Schema<T>,
  generate: (index: number) => NoInfer<T>,
  options: GeneratorOptions = {},
): Source<T, IndexRange, readonly IndexRange[]> {
  const { count, ratePerSecond } = options;
  if (count !== undefined && (!Number.isSafeInteger(count) || count < 0)) {
    refuse(`count is a whole number of at least 0, not ${String(count)}`);
  }
  if (ratePerSecond !== undefined && !(ratePerSecond > 0 && Number.isFinite(ratePerSecond))) {
    refuse(`ratePerSecond is a number above 0, not ${String(ratePerSecond)}`);
  }
  return {
    kind: 'source',
    name: 'generator',
    produces: schema,
    boundedness: count === undefined ? 'unbounded' : 'bounded',
    timestamps: false,
    split: IndexRangeSchema,
    enumeratorState: IndexRangesSchema,
    createEnumerator: (context, restored) =>
      new IndexRangeEnumerator(
        context,
        restored ?? rangesForReaders(0, count, context.parallelism),
      ),
    createReader: (context) =>
      new IndexRangeReader(context, {
        emit: emitGenerated(generate),
        ratePerSecond:
          ratePerSecond === undefined ? undefined : ratePerSecond / context.parallelism,
      }),
  };
}

function emitGenerated<T>(generate: (index: number) => T): EmitRange<T> {
  return (output, first, end, step, budget) => {
    const stop = Math.min(end, first + budget * step);
    let index = first;
    while (index < stop && !output.full) {
      output.collect(generate(index));
      index += step;
    }
    return index;
  };
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'generator', reason });
}
