// A job whose sink commits as a table does: all that a checkpoint brings, of all subtasks, in one
// step. An entry of the ledger is a file, which nobody writes twice.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { milliseconds } from '../base/units.ts';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { Sink } from '../functions/sink.ts';
import { t } from '../types/index.ts';

/** What one subtask has written up to a checkpoint. */
const Page = t.struct({ of: t.string, subtask: t.int32, numbers: t.array(t.int32) });
export interface Page {
  /** The id of the checkpoint, or `end`. */
  readonly of: string;
  readonly subtask: number;
  readonly numbers: readonly number[];
}

function ledger(folder: string, failures: number): Sink<number, Page> {
  return {
    kind: 'sink',
    name: 'ledger',
    accepts: t.int32,
    committable: Page,
    createWriter({ subtask }) {
      let numbers: number[] = [];
      return {
        write: (number) => void numbers.push(number as number),
        flush: () => undefined,
        prepareCommit(checkpointId) {
          if (numbers.length === 0) return [];
          const page = { of: String(checkpointId ?? 'end'), subtask, numbers };
          numbers = [];
          return [page];
        },
        close: () => undefined,
      };
    },
    createGlobalCommitter: ({ parallelism }) => ({
      commit(requests) {
        mkdirSync(folder, { recursive: true });
        for (const request of requests) {
          const { committable, checkpointId, retries } = request;
          const path = `${folder}/${checkpointId ?? 'end'}`;
          const entry = JSON.stringify({ parallelism, pages: committable });
          if (existsSync(path)) {
            if (readFileSync(path, 'utf8') !== entry) throw new Error(`${path} is another one`);
            request.signalAlreadyCommitted();
          } else if (retries < failures) request.retryLater();
          else {
            writeFileSync(`${folder}/.writing`, entry);
            renameSync(`${folder}/.writing`, path);
          }
        }
      },
    }),
  };
}

export const ledgerJob = defineJob({
  name: 'ledger',
  params: {
    folder: t.string,
    records: t.int32,
    rate: param(t.int32, 2000),
    /** Numbers at which the first attempts fail, one each. */
    failAt: param(t.string, ''),
    /** 0: no checkpoints. */
    interval: param(t.int32, 50),
    unaligned: param(t.boolean, false),
    /** How often each commit is to be tried again. */
    retries: param(t.int32, 0),
  },
  build(env, { folder, records, rate, failAt, interval, unaligned, retries }) {
    if (interval > 0) env.enableCheckpointing(milliseconds(interval), { unaligned });
    const failures = failAt === '' ? [] : failAt.split(',').map(Number);
    let attempt = 1;
    env
      .from(generator(t.int32, (n) => n, { count: records, ratePerSecond: rate }))
      .uid('numbers')
      .rebalance()
      .process({
        emits: t.int32,
        open: (context) => {
          attempt = context.attempt;
        },
        onElement(n, context) {
          if (failures[attempt - 1] === n) throw new Error(`number ${n}`);
          context.emit(n);
        },
      })
      .uid('fails')
      .sinkTo(ledger(folder, retries))
      .uid('ledger');
  },
});
