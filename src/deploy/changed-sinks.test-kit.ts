// A job whose sink is another in each version of the program, with output of the first one that is
// prepared and never committed by it.
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { EngineError } from '../base/errors.ts';
import { generator } from '../connectors/generator/generator.ts';
import { writeAheadSink } from '../connectors/sinks/write-ahead-sink.ts';
import type { AnySink } from '../functions/sink.ts';
import { t } from '../types/index.ts';
import type { Schema } from '../types/schema.ts';
import { committedLines } from './checkpointed-jobs.test-kit.ts';

export type SinkVersion = 'first' | 'evolved' | 'type' | 'other';

type Row = { readonly n: number | string; readonly from?: string };

const ROWS: Readonly<Record<Exclude<SinkVersion, 'other'>, Schema<Row>>> = {
  first: t.struct({ n: t.int32 }),
  evolved: t.struct({ n: t.integer, from: t.field(t.string, { default: 'former' }) }),
  type: t.struct({ n: t.string }),
};

/** A file for every batch, with a line for every record. */
function ledger(schema: Schema<Row>, folder: string, stuck: boolean): AnySink<Row> {
  const fileOf = (batchId: string): string => `${folder}/${batchId.replaceAll('/', '-')}`;
  return writeAheadSink<Row>({
    name: 'ledger',
    schema,
    batchBytes: 256,
    write(records, batchId) {
      if (stuck) {
        const reason = 'the test wants it';
        throw new EngineError('IO_NO_SPACE', { operation: 'write', path: folder, reason });
      }
      mkdirSync(folder, { recursive: true });
      const lines = records.map(({ n, from }) => `${n}/${from ?? ''}`);
      writeFileSync(fileOf(batchId), lines.join('\n'), { flag: 'wx' });
    },
    createCommitter: () => ({ isCommitted: () => false }),
  });
}

export const changing = defineJob({
  name: 'changing',
  params: {
    version: t.enum('first', 'evolved', 'type', 'other'),
    folder: t.string,
    marks: t.string,
    records: t.int32,
    rate: t.int32,
    /** No batch can be written. */
    stuck: param(t.boolean, false),
  },
  build(env, { version, folder, marks, records, rate, stuck }) {
    appendFileSync(marks, 'built\n');
    const numbers = env
      .from(generator(t.int32, (n) => n, { count: records, ratePerSecond: rate }))
      .uid('numbers');
    if (version === 'other') numbers.map(String).sinkTo(committedLines(folder, '')).uid('out');
    else {
      numbers
        .map((n): Row => ({ n: version === 'type' ? String(n) : n, from: 'now' }))
        .sinkTo(ledger(ROWS[version], folder, stuck))
        .uid('out');
    }
  },
});
