// A job with an edge on which records wait for a slow consumer, which is another edge in each
// version of the program.
import { appendFileSync } from 'node:fs';
import type { DataStream } from '../api/data-stream.ts';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { milliseconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import { t } from '../types/index.ts';
import { committedLines } from './checkpointed-jobs.test-kit.ts';

export type EdgeVersion = 'keyed' | 'selector' | 'rebalance' | 'record';

/** Nobody waits in earnest: the consumer is busy. */
function spend(steps: number): number {
  let drawn = 1;
  for (let i = 0; i < steps; i += 1) drawn = Math.imul(drawn, 48_271) ^ i;
  return drawn;
}

export const changingEdge = defineJob({
  name: 'changing edge',
  params: {
    version: t.enum('keyed', 'selector', 'rebalance', 'record'),
    folder: t.string,
    prefix: t.string,
    marks: t.string,
    records: t.int32,
    rate: param(t.int32, 100_000),
    /** Steps that the consumer takes for a record, about a nanosecond each. */
    slow: param(t.int32, 0),
  },
  build(env, { version, folder, prefix, marks, records, rate, slow }) {
    appendFileSync(marks, 'built\n');
    env.enableCheckpointing(milliseconds(200), { unaligned: true });
    const options = { count: records, ratePerSecond: rate };
    const consumer = {
      emits: t.string,
      onElement(n: number | string, context: { emit(line: string): void }): void {
        context.emit(spend(slow) === 0 ? '' : String(n));
      },
    };
    const consumed = (): DataStream<string> => {
      if (version === 'record') {
        const texts = env.from(generator(t.string, String, options)).uid('numbers');
        return texts.keyBy((text) => Number(text) % 7).process(consumer);
      }
      const numbers = env.from(generator(t.int32, (n) => n, options)).uid('numbers');
      if (version === 'rebalance') return numbers.rebalance().process(consumer);
      return numbers.keyBy((n) => n % (version === 'selector' ? 5 : 7)).process(consumer);
    };
    consumed().uid('consumer').sinkTo(committedLines(folder, prefix)).uid('out');
  },
});
