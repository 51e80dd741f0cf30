// A source of few records, whose first version stays when it has given them.
import type { DataStream } from '../api/data-stream.ts';
import type { StreamEnvironment } from '../api/stream-environment.ts';
import { timestamp } from '../base/units.ts';
import type { Source, SourceMigrations } from '../functions/source.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { FIRST, LAST } from './evolving-values.test-kit.ts';

interface Split {
  readonly id: string;
  readonly item: any;
}

export interface OneSplit<T> {
  readonly produces: Schema<T>;
  /** What split and enumerator keep of the source. */
  readonly item: Schema<any>;
  readonly migrations?: SourceMigrations<any, any> | undefined;
  readonly first: any;
  /** Splits of the reader, the restored one among them. */
  readonly records: (splits: readonly Split[]) => readonly T[];
  readonly isLater: boolean;
  readonly onEnumerator?: ((restored: any) => void) | undefined;
  readonly onRead: () => void;
}

/** It gives one split, which its reader has from then on. */
function oneSplit<T>(options: OneSplit<T>): Source<T, Split, any> {
  const { produces, item, migrations, first, records, isLater, onEnumerator, onRead } = options;
  return {
    kind: 'source',
    name: 'numbers',
    ...{ produces, migrations, boundedness: 'bounded', parallelism: 1, timestamps: true },
    split: t.struct({ id: t.string, item }) as Schema<Split>,
    enumeratorState: item,
    createEnumerator(context, restored) {
      onEnumerator?.(restored);
      return {
        start: () => undefined,
        addReader(subtask) {
          if (restored === undefined) context.assign(subtask, [{ id: 'one', item: first }]);
        },
        handleSplitRequest: () => undefined,
        addSplitsBack: () => undefined,
        snapshot: () => restored ?? first,
        close: () => undefined,
      };
    },
    createReader(context) {
      const splits: Split[] = [];
      let isDone = false;
      return {
        start: () => undefined,
        addSplits(more) {
          splits.push(...more);
          context.available();
        },
        noMoreSplits: () => undefined,
        poll(output) {
          if (splits.length === 0) return 'nothing';
          if (!isDone) {
            isDone = true;
            for (const [i, record] of records(splits).entries()) {
              output.collect(record, timestamp((isLater ? LAST : i + 1) * 1000));
            }
            onRead();
          }
          return isLater ? 'end' : 'nothing';
        },
        snapshot: () => splits,
        close: () => undefined,
      };
    },
  };
}

export function numbersOf(
  env: StreamEnvironment,
  isLater: boolean,
  onRead: () => void,
): DataStream<number> {
  const records = (): readonly number[] => (isLater ? [LAST] : FIRST);
  return env.from(
    oneSplit({ produces: t.int32, item: t.int32, first: 0, records, isLater, onRead }),
  );
}

export { oneSplit };
