// Jobs without end for the tests of how checkpoints are configured. Files tell them what to do
// while they run: where `FOLDER-holds` is, they hold a barrier back; where `FOLDER-fails` is, they
// fail once.
import { appendFileSync, existsSync, rmSync } from 'node:fs';
import type { DataStream } from '../../src/api/data-stream.ts';
import { defineJob } from '../../src/api/define-job.ts';
import { param } from '../../src/api/parameters.ts';
import { milliseconds } from '../../src/base/units.ts';
import { generator } from '../../src/connectors/generator/generator.ts';
import type { Sink } from '../../src/functions/sink.ts';
import { state } from '../../src/functions/state.ts';
import { t } from '../../src/types/index.ts';
import { committedLines } from '../../src/deploy/checkpointed-jobs.test-kit.ts';

const holds = (folder: string): boolean => existsSync(`${folder}-holds`);

/** Throws once for each file that is written. */
function failIf(folder: string): void {
  const file = `${folder}-fails`;
  if (!existsSync(file)) return;
  rmSync(file);
  throw new Error(`the test wants it: ${file}`);
}

const RATE = 500;

type LinesSink = ReturnType<typeof committedLines>;
type Committable = LinesSink extends Sink<string, infer C> ? C : never;

/** What comes to it at a barrier takes so long, and as long as it is told to hold. */
function slowlyFlushed(folder: string, prefix: string, flushMillis: number): LinesSink {
  const sink: Sink<string, Committable> = committedLines(folder, prefix);
  return {
    ...sink,
    createWriter(context, restored) {
      const writer = sink.createWriter(context, restored);
      const pause = (millis: number): Promise<void> =>
        new Promise((resolve) => context.env.clock.after(milliseconds(millis), resolve));
      return {
        ...writer,
        async flush(endOfInput) {
          if (endOfInput) return;
          if (flushMillis > 0) await pause(flushMillis);
          while (holds(folder)) await pause(5);
        },
      };
    },
  };
}

const Record = t.struct({ key: t.int32, value: t.int32 });

/** `key/count/sum` after every record; barriers are held in the sink. */
export const heldInSink = defineJob({
  name: 'held in its sink',
  params: {
    folder: t.string,
    prefix: param(t.string, ''),
    interval: param(t.int32, 50),
    flushMillis: param(t.int32, 0),
  },
  build(env, { folder, prefix, interval, flushMillis }) {
    env.enableCheckpointing(milliseconds(interval));
    env
      .from(generator(Record, (value) => ({ key: value % 7, value }), { ratePerSecond: RATE }))
      .setParallelism(1)
      .uid('numbers')
      .keyBy(({ key }) => key)
      .process({
        emits: t.string,
        state: { sum: state.value(t.float64), count: state.value(t.int32) },
        onElement({ key, value }, context) {
          failIf(folder);
          const sum = (context.state.sum.get() ?? 0) + value;
          const count = (context.state.count.get() ?? 0) + 1;
          context.state.sum.set(sum);
          context.state.count.set(count);
          context.emit(`${key}/${count}/${sum}`);
        },
      })
      .uid('totals')
      .sinkTo(slowlyFlushed(folder, prefix, flushMillis))
      .uid('lines');
  },
});

/**
 * `value/count of its key`, and a byte in `FOLDER-seen`, for each number of two sources, of which
 * one gives the even numbers and the other the odd ones; barriers are held in the odd one, with all
 * that runs in its slot. No checkpoint comes by itself.
 */
export const twoSources = defineJob({
  name: 'two sources',
  params: {
    folder: t.string,
    prefix: param(t.string, ''),
    /** How many odd ones there are; 0: no end of them. */
    odd: param(t.int32, 0),
  },
  build(env, { folder, prefix, odd }) {
    const source = (rest: 0 | 1, count: number): DataStream<number> => {
      const limit = count === 0 ? {} : { count };
      return env.from(generator(t.int32, (n) => 2 * n + rest, { ...limit, ratePerSecond: RATE }));
    };
    const cell = new Int32Array(new SharedArrayBuffer(4));
    env.setParallelism(1);
    const odds = source(1, odd)
      .uid('odd')
      .slotSharingGroup('odd')
      .map((value) => {
        while (holds(folder)) Atomics.wait(cell, 0, 0, 1);
        return value;
      })
      .uid('held')
      .slotSharingGroup('odd');
    source(0, 0)
      .uid('even')
      .union(odds)
      .keyBy((value) => value % 7)
      .process({
        emits: t.string,
        state: { count: state.value(t.int32) },
        onElement(value, context) {
          failIf(folder);
          const count = (context.state.count.get() ?? 0) + 1;
          context.state.count.set(count);
          context.emit(`${value}/${count}`);
          appendFileSync(`${folder}-seen`, '.');
        },
      })
      .uid('counts')
      .sinkTo(committedLines(folder, prefix))
      .uid('lines');
  },
});
