// Jobs for the tests of checkpoints on a mini cluster: totals by key, which a sink with a committer
// writes into files that nobody writes twice; what goes wrong on the way is a parameter.
import { mkdirSync, writeFileSync } from 'node:fs';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { param } from '../api/parameters.ts';
import { defineJob } from '../api/define-job.ts';
import { fileSink } from '../connectors/files/file-sink.ts';
import { text } from '../formats/text/text.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { Sink } from '../functions/sink.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';

const Lines = t.struct({ name: t.string, lines: t.array(t.string) });
type Lines = { readonly name: string; readonly lines: readonly string[] };

/** Lines come into a file of the folder when their checkpoint is complete, once. */
export function committedLines(folder: string, prefix: string): Sink<string, Lines> {
  return {
    kind: 'sink',
    name: 'committed lines',
    accepts: t.string,
    committable: Lines,
    createWriter({ subtask, attempt }) {
      let lines: string[] = [];
      let sequence = 0;
      return {
        write: (line) => void lines.push(line as string),
        flush: () => undefined,
        prepareCommit() {
          if (lines.length === 0) return [];
          const name = `${prefix}${subtask}-${attempt}-${sequence++}`;
          const prepared = [{ name, lines }];
          lines = [];
          return prepared;
        },
        close: () => undefined,
      };
    },
    createCommitter: () => ({
      commit(requests) {
        mkdirSync(folder, { recursive: true });
        for (const { committable } of requests) {
          writeFileSync(`${folder}/${committable.name}`, committable.lines.join('\n'));
        }
      },
      close: () => undefined,
    }),
  };
}

const Record = t.struct({ key: t.int32, value: t.int32 });

/** No commit of it succeeds; that it lasts is found after some retries. */
function uncommittableLines(folder: string, retries: number): Sink<string, Lines> {
  const parameters = { path: `${folder}/lines`, folder, reason: 'the test wants it' };
  return {
    ...committedLines(folder, ''),
    createCommitter: () => ({
      commit([request]) {
        throw request!.retries >= retries
          ? new EngineError('CONNECTOR_OUTPUT_LOST', parameters)
          : new EngineError('IO_NO_SPACE', { operation: 'commit', ...parameters });
      },
    }),
  };
}

/** A few numbers, which never become visible. */
export const uncommittable = defineJob({
  name: 'uncommittable',
  params: { folder: t.string, records: t.int32, retries: t.int32 },
  build(env, { folder, records, retries }) {
    env.enableCheckpointing(milliseconds(50));
    env
      .from(generator(t.string, String, { count: records, ratePerSecond: 1000 }))
      .sinkTo(uncommittableLines(folder, retries));
  },
});

/** `key/total/count` after every record; the totals of a key have no gap and none comes twice. */
export const totals = defineJob({
  name: 'totals',
  params: {
    folder: t.string,
    /** Of the names of files. */
    prefix: param(t.string, ''),
    records: param(t.int32, 4000),
    rate: param(t.int32, 4000),
    /** Records at which the first attempts fail, one each. */
    failAt: param(t.string, ''),
    interval: param(t.int32, 50),
    /** Written by the file sink, which is a part of the product. */
    fileSink: param(t.boolean, false),
  },
  build(env, { folder, prefix, records, rate, failAt, interval, fileSink: isFileSink }) {
    if (interval > 0) env.enableCheckpointing(milliseconds(interval));
    let attempt = 1;
    const failures = failAt === '' ? [] : failAt.split(',').map(Number);
    env
      .from(
        generator(Record, (index) => ({ key: index % 7, value: index }), {
          count: records,
          ratePerSecond: rate,
        }),
      )
      .uid('numbers')
      .process({
        emits: Record,
        open: (context) => {
          attempt = context.attempt;
        },
        onElement(record, context) {
          if (failures[attempt - 1] === record.value) throw new Error(`record ${record.value}`);
          context.emit(record);
        },
      })
      .uid('fails')
      .keyBy(({ key }) => key)
      .process({
        emits: t.string,
        state: { sum: state.value(t.float64), count: state.value(t.int32) },
        onElement({ key, value }, context) {
          const sum = (context.state.sum.get() ?? 0) + value;
          const count = (context.state.count.get() ?? 0) + 1;
          context.state.sum.set(sum);
          context.state.count.set(count);
          context.emit(`${key}/${count}/${sum}`);
        },
      })
      .uid('totals')
      .sinkTo(
        isFileSink ? fileSink({ path: folder, format: text() }) : committedLines(folder, prefix),
      )
      .uid('files');
  },
});
