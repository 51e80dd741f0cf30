/** The source of all whole numbers of a range. */
import { EngineError } from '../../base/errors.ts';
import type { Source, SplitOutput } from '../../functions/source.ts';
import { t } from '../../types/t.ts';
import {
  IndexRangeEnumerator,
  IndexRangeReader,
  IndexRangeSchema,
  IndexRangesSchema,
  rangesForReaders,
  type IndexRange,
} from './index-ranges.ts';

/**
 * The numbers from `from` to `to`, both included, in ascending order within each subtask.
 * @example env.from(sequence(1, 1_000_000))
 */
export function sequence(
  from: number,
  to: number,
): Source<number, IndexRange, readonly IndexRange[]> {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to >= Number.MAX_SAFE_INTEGER) {
    const reason = `it takes two safe integers, not ${from} and ${to}`;
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'sequence', reason });
  }
  return {
    kind: 'source',
    name: `sequence(${from}, ${to})`,
    produces: t.integer,
    boundedness: 'bounded',
    timestamps: false,
    split: IndexRangeSchema,
    enumeratorState: IndexRangesSchema,
    createEnumerator: (context, restored) =>
      new IndexRangeEnumerator(
        context,
        restored ?? rangesForReaders(from, to + 1, context.parallelism),
      ),
    createReader: (context) =>
      new IndexRangeReader(context, { emit: emitIndices, ratePerSecond: undefined }),
  };
}

function emitIndices(
  output: SplitOutput<number>,
  first: number,
  end: number,
  step: number,
  budget: number,
): number {
  const stop = Math.min(end, first + budget * step);
  let index = first;
  while (index < stop && !output.full) {
    output.collect(index);
    index += step;
  }
  return index;
}
