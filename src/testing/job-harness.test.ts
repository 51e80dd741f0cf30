/** Whole jobs in a harness: what goes in, what comes out, time, state, failures. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StreamEnvironment } from '../api/stream-environment.ts';
import { defineJob } from '../api/define-job.ts';
import { isEngineError } from '../base/errors.ts';
import { count } from '../functions/aggregates.ts';
import { tumbling } from '../functions/window.ts';
import { minutes, seconds, timestamp } from '../base/units.ts';
import type { Sink } from '../functions/sink.ts';
import { state } from '../functions/state.ts';
import { generator } from '../connectors/generator/generator.ts';
import { t } from '../types/index.ts';
import { JobHarness } from './job-harness.ts';
import { manualSource } from './manual-source.ts';

const Order = t.struct({ user: t.string, amount: t.float64 });
const COUNT = { total: state.value(t.float64, { initial: 0 }), all: state.list(t.float64) };

function totals(env: StreamEnvironment): void {
  const totalled = env
    .from(generator(Order, () => ({ user: '', amount: 0 })))
    .name('orders')
    .keyBy((order) => order.user)
    .process({
      emits: t.struct({ user: t.string, total: t.float64 }),
      state: COUNT,
      outputs: { refused: t.string },
      onElement(order, ctx) {
        if (order.amount < 0) return ctx.emitTo('refused', ctx.key);
        ctx.state.total.set(ctx.state.total.get() + order.amount);
        ctx.state.all.add(order.amount);
        ctx.emit({ user: ctx.key, total: ctx.state.total.get() });
      },
    })
    .uid('totals');
  totalled.map(({ user, total }) => `${user} ${total}`).print('totals');
  totalled.side.refused.print('refused');
}

describe('JobHarness', () => {
  for (const parallelism of [1, 2, 3]) {
    it(`feeds, captures, shows state; parallelism ${parallelism}`, async () => {
      await using harness = await JobHarness.start(totals, { parallelism });
      const orders = harness.source('orders', Order);
      orders.emit({ user: 'ada', amount: 3 }, 1000);
      orders.emit({ user: 'bob', amount: 4 }, 2000);
      orders.emit({ user: 'ada', amount: 5 }, 3000);
      orders.emit({ user: 'eve', amount: -1 });
      assert.deepEqual(harness.outputs('totals'), ['ada 3', 'bob 4', 'ada 8']);
      assert.deepEqual(harness.outputs('refused'), ['eve']);
      assert.deepEqual(
        harness.records('totals').map(({ timestamp }) => timestamp),
        [1000, 2000, 3000],
      );
      assert.deepEqual(harness.state('totals', 'ada', COUNT), { total: 8, all: [3, 5] });
      assert.deepEqual(harness.state('totals', 'nobody'), { total: 0, all: [] });
      harness.watermark(5000);
      assert.equal(harness.watermarkOf('totals'), 5000);
      await harness.end();
      assert.equal(harness.watermarkOf('totals'), Infinity);
    });
  }

  it('goes on from a snapshot at any parallelism', async () => {
    for (const [before, after] of [
      [1, 3],
      [3, 2],
      [2, 4],
      [2, 2],
    ] as const) {
      const first = await JobHarness.start(totals, { parallelism: before });
      const users = ['ada', 'bob', 'eve', 'joe', 'kim'];
      for (const user of users) first.source('orders').emit({ user, amount: 1 });
      first.watermark(77);
      const snapshot = await first.snapshot();
      await first.close();
      await using second = await JobHarness.restore(snapshot, { parallelism: after });
      assert.equal(second.watermarkOf('totals'), 77);
      for (const user of users) second.source('orders').emit({ user, amount: 2 });
      assert.deepEqual(
        second.outputs('totals'),
        users.map((user) => `${user} 3`),
      );
      await second.end();
    }
  });

  it('gives what the build returned, and drives bounded sources', async () => {
    const job = defineJob({
      name: 'squares',
      build: (env) => ({
        squares: env
          .sequence(1, 4)
          .map((n) => n * n)
          .collect('squares'),
        words: env.fromElements('a', 'b').collect('words'),
      }),
    });
    const harness = await JobHarness.start(job, { parallelism: 1 });
    await harness.end();
    const results: { readonly squares: readonly number[]; readonly words: readonly string[] } =
      harness.results();
    assert.deepEqual(results, { squares: [1, 4, 9, 16], words: ['a', 'b'] });
  });

  it('a finished source is at +infinity: beside an idle one all windows fire', async () => {
    await using harness = await JobHarness.start((env) => {
      const strategy = { timestamp: (at: number) => timestamp(at), outOfOrder: seconds(1) };
      const [a, b] = ['a', 'b'].map((name) => env.from(manualSource(name, t.int32), strategy));
      const counts = a!
        .union(b!)
        .keyBy(() => 'all')
        .window(tumbling(seconds(1)));
      counts.aggregate(count()).name('windows').collect('counts');
    });
    const [a, b] = [harness.source<number>('a'), harness.source<number>('b')];
    for (let at = 0; at < 5000; at += 500) a.emit(at);
    b.idle();
    a.end();
    assert.equal(harness.watermarkOf('windows'), Infinity);
    assert.deepEqual(
      harness.outputs<{ value: number }>('counts').map(({ value }) => value),
      [2, 2, 2, 2, 2],
    );
    b.emit(4000);
    await harness.end();
    assert.equal(harness.counter('windows', 'numLateRecordsDropped'), 1);
  });

  it('a timer set after the early end of event time fires when the input ends', async () => {
    await using harness = await JobHarness.start((env) => {
      const [a, b] = ['a', 'b'].map((name) => env.from(manualSource(name, t.int32)));
      a!
        .union(b!)
        .keyBy(() => 'all')
        .process({
          emits: t.string,
          onElement(value, ctx) {
            ctx.timers.onEventTime(timestamp(value));
            ctx.emit(`record ${value}`);
          },
          onTimer: (at, ctx) => ctx.emit(`timer ${at}`),
        })
        .collect('said');
    });
    const [a, b] = [harness.source<number>('a'), harness.source<number>('b')];
    a.emit(1, 1);
    b.idle();
    a.end();
    assert.deepEqual(harness.outputs('said'), ['record 1', 'timer 1']);
    b.emit(2, 2);
    assert.deepEqual(harness.outputs('said'), ['record 1', 'timer 1', 'record 2']);
    await harness.end();
    assert.deepEqual(harness.outputs('said'), ['record 1', 'timer 1', 'record 2', 'timer 2']);
  });

  it('lets time pass for sources with a rate', async () => {
    const harness = await JobHarness.start((env) =>
      env.from(generator(t.int32, (n) => n, { count: 1000, ratePerSecond: 1 })).print('n'),
    );
    await harness.advance(seconds(10));
    assert.equal(harness.outputs('n').length, 11);
    const snapshot = await harness.snapshot();
    await harness.close();
    const again = await JobHarness.restore(snapshot, { parallelism: 2 });
    await again.advance(minutes(1));
    const numbers = again.outputs<number>('n');
    assert.ok(numbers.length > 20 && numbers.length < 130, `${numbers.length}`);
    assert.equal(Math.min(...numbers), 11);
    assert.equal(new Set(numbers).size, numbers.length);
    await again.close();
  });

  it('shows what operators keep beside keys, by subtask', async () => {
    const limits = state.broadcast('limits', t.string, t.int32);
    const harness = await JobHarness.start(
      (env) => {
        const changes = env
          .from(generator(t.string, () => ''))
          .name('changes')
          .broadcast(limits);
        env
          .from(generator(t.string, () => ''))
          .name('words')
          .process({
            emits: t.string,
            operatorState: { seen: state.split(t.string) },
            onElement(word, ctx) {
              ctx.operatorState.seen.add(word);
              ctx.emit(word);
            },
          })
          .uid('seen')
          .connect(changes)
          .process({
            emits: t.string,
            onElement: (word, ctx) => ctx.emit(`${word} ${ctx.broadcast(limits).get(word)}`),
            onBroadcast: (change, ctx) => ctx.broadcast(limits).set(change, change.length),
          })
          .uid('limited')
          .print('out');
      },
      { parallelism: 2 },
    );
    harness.source('changes').emit('three');
    for (const word of ['one', 'two', 'three']) harness.source('words').emit(word);
    assert.deepEqual(harness.operatorState('seen'), { seen: [['one', 'three'], ['two']] });
    const limit = new Map([['three', 5]]);
    assert.deepEqual(harness.broadcastState('limited', limits), [limit, limit]);
    assert.ok(harness.outputs('out').includes('three 5'));
    const again = await JobHarness.restore(await harness.snapshot(), { parallelism: 3 });
    assert.deepEqual(again.operatorState('seen'), { seen: [['one'], ['three'], ['two']] });
    assert.deepEqual(again.broadcastState('limited', limits), [limit, limit, limit]);
    await Promise.all([harness.close(), again.close()]);
  });

  it('lets sinks write for real where it is told to, and commits once at the end', async () => {
    const committed: string[] = [];
    const sink: Sink<number, string> = {
      kind: 'sink',
      name: 'ledger',
      accepts: t.float64,
      committable: t.string,
      createWriter({ subtask }) {
        const written: unknown[] = [];
        return {
          write: (value) => void written.push(value),
          flush: () => Promise.resolve(),
          prepareCommit: () => [`${subtask}: ${written.join()}`],
          close: () => undefined,
        };
      },
      createCommitter: () => ({
        commit: (all) => void committed.push(...all.map(({ committable }) => committable)),
      }),
    };
    const harness = await JobHarness.start(
      (env) =>
        env
          .from(generator(t.float64, (n) => n))
          .name('numbers')
          .sinkTo(sink),
      { write: ['ledger'], parallelism: 2 },
    );
    harness.source('numbers').emitAll([1, 2, 3]);
    assert.throws(() => harness.outputs('ledger'), /none called "ledger"/);
    assert.deepEqual(committed, []);
    await harness.end();
    assert.deepEqual(new Set(committed), new Set(['0: 1,3', '1: 2']));
    assert.equal(committed.length, 2);
  });

  it('keeps what is logged, and draws chance from a seed', async () => {
    const build = (env: StreamEnvironment): unknown =>
      env
        .from(generator(t.int32, (n) => n))
        .name('numbers')
        .shuffle()
        .process({
          emits: t.int32,
          open: ({ logger, subtask }) => logger.info(`open ${subtask}`),
          onElement: (n, ctx) => ctx.emit(n),
        })
        .name('passes')
        .print('out');
    const subtasksOf = async (seed: number): Promise<readonly number[]> => {
      await using harness = await JobHarness.start((env) => void build(env), {
        parallelism: 3,
        seed,
      });
      assert.deepEqual(
        harness.log
          .map(({ level, message, fields }) => `${level} ${message} ${fields['operator']}`)
          .toSorted(),
        [0, 1, 2].map((subtask) => `info open ${subtask} passes`),
      );
      for (let n = 0; n < 20; n += 1) harness.source('numbers').emit(n);
      return harness.records('out').map(({ subtask }) => subtask);
    };
    const [one, again, other] = [await subtasksOf(1), await subtasksOf(1), await subtasksOf(2)];
    assert.deepEqual(one, again);
    assert.notDeepEqual(one, other);
    assert.equal(new Set(one).size, 3);
  });

  it('closes what was opened where a function cannot be opened', async () => {
    const said: string[] = [];
    const named = (name: string, fails: boolean) => ({
      emits: t.int32,
      open() {
        said.push(`open ${name}`);
        if (fails) throw new Error('no');
      },
      close: () => void said.push(`close ${name}`),
      onElement: () => undefined,
    });
    const start = JobHarness.start((env) => {
      const numbers = env.from(generator(t.int32, (n) => n)).name('numbers');
      numbers.process(named('good', false)).print('a');
      numbers.rebalance().process(named('bad', true)).print('b');
    });
    await assert.rejects(start, (error) => isEngineError(error, 'USER_CODE_FAILED'));
    assert.deepEqual(said.toSorted(), ['close bad', 'close good', 'open bad', 'open good']);
  });

  it('throws the failure of a task at once, and again', async () => {
    const harness = await JobHarness.start((env) =>
      env
        .from(generator(t.int32, (n) => n))
        .name('numbers')
        .map((n) => {
          if (n === 3) throw new Error('three');
          return n;
        })
        .name('mapped')
        .print(),
    );
    harness.source('numbers').emit(1);
    const failed = (error: unknown): boolean =>
      isEngineError(error, 'USER_CODE_FAILED') && error.parameters['operator'] === 'mapped';
    assert.throws(() => harness.source('numbers').emit(3), failed);
    assert.throws(() => harness.outputs('print'), failed);
    await assert.rejects(harness.end(), failed);
    await harness.close();
  });
});
