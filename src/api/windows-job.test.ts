// Windows in whole jobs: by key and of all records, late records, what is left, and restores at
// another parallelism.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DataStream } from './data-stream.ts';
import type { StreamEnvironment } from './stream-environment.ts';
import { minutes, seconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import { count } from '../functions/aggregates.ts';
import { session, sliding, tumbling } from '../functions/window.ts';
import { JobHarness } from '../testing/job-harness.ts';
import { t } from '../types/index.ts';

const Click = t.struct({ user: t.string, n: t.float64 });
interface Click {
  readonly user: string;
  readonly n: number;
}

function clicks(env: StreamEnvironment): DataStream<Click> {
  // The tests feed it, with timestamps.
  const source = generator(Click, () => ({ user: '', n: 0 }));
  return env.from({ ...source, timestamps: undefined }).name('clicks');
}

function counts(env: StreamEnvironment): void {
  const byUser = clicks(env).keyBy((click) => click.user);
  const perMinute = byUser
    .window(tumbling(minutes(1)))
    .allowedLateness(seconds(10))
    .sum('n');
  perMinute
    .name('per minute')
    .map(({ key, window, value }) => `${key} ${window.start} ${value.n}`)
    .print('sums');
  perMinute.side.late.map(({ user }) => user).print('late');
  byUser
    .window(session(seconds(20)))
    .process({
      emits: t.string,
      onWindow(all, ctx) {
        const sorted = [...all].map(({ n }) => n).toSorted((a, b) => a - b);
        ctx.emit(`${ctx.key} ${ctx.window.start}-${ctx.window.end} ${sorted.join('+')}`);
      },
    })
    .print('sessions');
  clicks(env)
    .name('all clicks')
    .windowAll(sliding(minutes(2), minutes(1)))
    .aggregate(count())
    .map(({ window, value }) => `${window.end} ${value}`)
    .print('all');
}

/** What a sink has got, in no order: it may have come over several channels. */
function texts(harness: JobHarness<void>, sink: string): readonly string[] {
  return harness.outputs<string>(sink).toSorted();
}

describe('jobs with windows', () => {
  it('by key, with late records, and of all', async () => {
    await using harness = await JobHarness.start(counts, { parallelism: 2 });
    const source = harness.source('clicks', Click);
    source.emit({ user: 'ada', n: 1 }, 1_000);
    source.emit({ user: 'bob', n: 2 }, 2_000);
    source.emit({ user: 'ada', n: 3 }, 59_999);
    harness.source('all clicks', Click).emit({ user: 'eve', n: 1 }, 61_000);
    harness.watermark(59_999);
    assert.deepEqual(texts(harness, 'sums'), ['ada 0 4', 'bob 0 2']);
    source.emit({ user: 'bob', n: 5 }, 30_000);
    assert.deepEqual(harness.outputs('sums').slice(2), ['bob 0 7']);
    harness.watermark(70_000);
    source.emit({ user: 'late', n: 1 }, 5_000);
    await harness.end();
    assert.deepEqual(harness.outputs('late'), ['late']);
    assert.deepEqual(texts(harness, 'all'), ['120000 1', '180000 1']);
    assert.equal(harness.counter('per minute', 'numLateRecordsDropped'), 0);
    assert.equal(harness.counter('window.process', 'numLateRecordsDropped'), 2);
    assert.deepEqual(texts(harness, 'sessions'), [
      'ada 1000-21000 1',
      'ada 59999-79999 3',
      'bob 2000-22000 2',
    ]);
  });

  it('say what is left when the input has ended', async () => {
    const left = (env: StreamEnvironment): void => {
      clicks(env)
        .keyBy((click) => click.user)
        .countWindow(3)
        .aggregate(count())
        .name('threes')
        .print('out');
    };
    await using harness = await JobHarness.start(left, { parallelism: 2 });
    const source = harness.source('clicks', Click);
    for (const user of ['a', 'a', 'b', 'a', 'a', 'c']) source.emit({ user, n: 1 });
    await harness.end();
    assert.equal(harness.outputs('out').length, 1);
    assert.equal(harness.counter('threes', 'numElementsUnfired'), 3);
    const warnings = harness.log.filter(({ message }) => message.includes('records were left'));
    assert.ok(warnings.length > 0);
  });

  it('go on at another parallelism as if nothing had happened', async () => {
    const users = ['ada', 'bob', 'cy', 'dot', 'eve', 'fay'];
    const feed = (harness: JobHarness<void>, from: number, to: number): void => {
      for (let i = from; i < to; i += 1) {
        const at = ((i * 7919) % 300) * 1_000;
        harness.source('clicks', Click).emit({ user: users[i % 6]!, n: i }, at);
        harness.source('all clicks', Click).emit({ user: 'x', n: i }, at);
        if (i % 10 === 9) harness.watermark(i * 1_500);
      }
    };
    const outputs = (harness: JobHarness<void>): Record<string, readonly unknown[]> => ({
      sums: harness.outputs('sums'),
      late: harness.outputs('late'),
      sessions: harness.outputs('sessions'),
      all: harness.outputs('all'),
    });
    const whole = await JobHarness.start(counts, { parallelism: 1 });
    feed(whole, 0, 120);
    await whole.end();

    const parts: Record<string, unknown[]> = { sums: [], late: [], sessions: [], all: [] };
    let harness = await JobHarness.start(counts, { parallelism: 2 });
    for (const [part, parallelism] of [3, 1, 4].entries()) {
      feed(harness, part * 30, (part + 1) * 30);
      const snapshot = await harness.snapshot();
      for (const [name, out] of Object.entries(outputs(harness))) parts[name]!.push(...out);
      await harness.close();
      harness = await JobHarness.restore(snapshot, { parallelism });
    }
    feed(harness, 90, 120);
    await harness.end();
    for (const [name, out] of Object.entries(outputs(harness))) {
      parts[name]!.push(...out);
      assert.deepEqual(
        parts[name]!.map(String).toSorted(),
        outputs(whole)[name]!.map(String).toSorted(),
        name,
      );
    }
    assert.ok(parts['sums']!.length > 20);
    assert.ok(parts['late']!.length > 3);
  });
});
