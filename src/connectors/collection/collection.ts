/**
 * The source of values that stand in the program. The values are in the job's module on every
 * worker, so a split holds indices only.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import { EngineError, isEngineError, messageOf } from '../../base/errors.ts';
import type { Source } from '../../functions/source.ts';
import type { Schema } from '../../types/schema.ts';
import { dynamic, t } from '../../types/t.ts';
import {
  IndexRangeEnumerator,
  IndexRangeReader,
  IndexRangeSchema,
  IndexRangesSchema,
  splitIndices,
  type IndexRange,
} from '../generator/index-ranges.ts';

/** Values beyond these are checked when they are sent, not when the job is built. */
const CHECKED_MAX = 1000;

/**
 * The values in their order, in one subtask unless the job says otherwise. Without a schema it is
 * that of their common primitive type, else plain data with its types beside it.
 * @throws EngineError API_INVALID_ARGUMENT for a value that does not fit the schema.
 * @example env.from(collection(['to be', 'or not to be'], t.string))
 */
export function collection<T>(
  values: Iterable<T>,
  schema?: Schema<T>,
): Source<T, IndexRange, readonly IndexRange[]> {
  const items = [...values];
  const produces = schema ?? (schemaOfValues(items) as Schema<T>);
  checkValues(items, produces);
  return {
    kind: 'source',
    name: `collection(${items.length})`,
    produces,
    boundedness: 'bounded',
    parallelism: 1,
    timestamps: false,
    split: IndexRangeSchema,
    enumeratorState: IndexRangesSchema,
    createEnumerator: (context, restored) =>
      new IndexRangeEnumerator(
        context,
        restored ?? splitIndices(0, items.length, context.parallelism),
      ),
    createReader: (context) =>
      new IndexRangeReader<T>(context, {
        ratePerSecond: undefined,
        emit: (output, first, end) => {
          let index = first;
          while (index < end && !output.full) output.collect(items[index++] as T);
          return index;
        },
      }),
  };
}

const PRIMITIVES: Readonly<Record<string, Schema<unknown>>> = {
  string: t.string,
  number: t.float64,
  boolean: t.boolean,
};

function schemaOfValues(values: readonly unknown[]): Schema<unknown> {
  const first = typeof values[0];
  const alike = values.every((value) => typeof value === first);
  return (alike ? PRIMITIVES[first] : undefined) ?? dynamic;
}

function checkValues(values: readonly unknown[], schema: Schema<unknown>): void {
  const out = new ByteWriter();
  for (const [index, value] of values.slice(0, CHECKED_MAX).entries()) {
    out.reset();
    try {
      schema.codec.encode(value, out);
    } catch (thrown) {
      const reason = isEngineError(thrown) ? thrown.message : messageOf(thrown);
      throw new EngineError(
        'API_INVALID_ARGUMENT',
        { call: 'fromElements', reason: `value ${index} does not fit its schema: ${reason}` },
        { cause: thrown },
      );
    }
  }
}
