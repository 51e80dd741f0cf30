// Jobs for the tests of whole jobs: numbers without end, counted by key, in two regions; windows
// over event time; numbers that are taken slowly. They fail where a file says so.
import { existsSync, rmSync } from 'node:fs';
import { defineJob } from '../api/define-job.ts';
import { param } from '../api/parameters.ts';
import { milliseconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import { state } from '../functions/state.ts';
import { tumbling } from '../functions/window.ts';
import { t } from '../types/index.ts';
import { committedLines } from './checkpointed-jobs.test-kit.ts';

/** Throws once for each file that is written. */
function failIf(file: string): void {
  if (!existsSync(file)) return;
  rmSync(file);
  throw new Error(`the test wants it: ${file}`);
}

/** Its commit fails once for each file that is written. */
function failingLines(folder: string, prefix: string): ReturnType<typeof committedLines> {
  const sink = committedLines(folder, prefix);
  return {
    ...sink,
    createCommitter(context) {
      const committer = sink.createCommitter!(context);
      return {
        ...committer,
        commit(requests) {
          failIf(`${folder}-commit-fails`);
          return committer.commit(requests);
        },
      };
    },
  };
}

/** Two regions, whose lines `value/count of its key` come into folders of their own. */
export const regions = defineJob({
  name: 'regions',
  params: {
    ...{ folder: t.string, prefix: param(t.string, ''), rate: param(t.int32, 1000) },
    interval: param(t.int32, 50),
  },
  build(env, { folder, prefix, rate, interval }) {
    if (interval > 0) env.enableCheckpointing(milliseconds(interval));
    for (const region of ['first', 'second']) {
      env
        .from(generator(t.int32, (n) => n, { ratePerSecond: rate }))
        .uid(`numbers ${region}`)
        .slotSharingGroup(region)
        .map((n) => {
          if (region === 'first') failIf(`${folder}-fails`);
          return n;
        })
        .uid(`fails ${region}`)
        .keyBy((n) => n % 7)
        .process({
          emits: t.string,
          state: { count: state.value(t.int32) },
          onElement(n, context) {
            const count = (context.state.count.get() ?? 0) + 1;
            context.state.count.set(count);
            context.emit(`${n}/${count}`);
          },
        })
        .uid(`counts ${region}`)
        .sinkTo(failingLines(`${folder}/${region}`, prefix))
        .uid(`lines ${region}`);
    }
  },
});

/** Records of each window of the job below. */
export const WINDOW = 300;

/** Number and sum of the numbers of each window and key; their event time is the number itself. */
export const windows = defineJob({
  name: 'windows',
  params: { folder: t.string, prefix: param(t.string, ''), rate: param(t.int32, 2000) },
  build(env, { folder, prefix, rate }) {
    env.enableCheckpointing(milliseconds(50));
    env
      .from(
        generator(t.int32, (n) => n, { ratePerSecond: rate }),
        { timestamp: (n) => n },
      )
      .uid('numbers')
      .keyBy((n) => n % 7)
      .window(tumbling(milliseconds(WINDOW)))
      .process({
        emits: t.string,
        onWindow(all, context) {
          const numbers = [...all];
          const sum = numbers.reduce((left, right) => left + right, 0);
          context.emit(`${context.key}/${context.window.start}/${numbers.length}/${sum}`);
        },
      })
      .uid('windows')
      .sinkTo(committedLines(folder, prefix))
      .uid('lines');
  },
});
