/** Snapshots of jobs in a harness: any moment, any parallelism, everything that has a state. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import { defineJob } from '../api/define-job.ts';
import { milliseconds, seconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import { builtOnce } from './built-once.ts';
import { JobHarness } from './job-harness.ts';
import { manualSource } from './manual-source.ts';
import { harnessOf } from './stream-harness.ts';

const Add = t.struct({ key: t.string, n: t.int32 });

/** Sums by key behind two exchanges, and a count of all that every subtask keeps its part of. */
const sums = builtOnce(
  defineJob({
    name: 'sums',
    build(env) {
      env
        .from(manualSource('adds', Add))
        .rebalance()
        .map((add) => add)
        .keyBy(({ key }) => key)
        .process({
          emits: t.string,
          state: { sum: state.value(t.int32, { initial: 0 }), seen: state.map(t.int32, t.int32) },
          onElement({ n }, ctx) {
            const { sum, seen } = ctx.state;
            sum.set(sum.get() + n);
            seen.set(n, (seen.get(n) ?? 0) + 1);
            ctx.emit(`${ctx.key} ${sum.get()} ${seen.get(n)}`);
          },
        })
        .uid('sums')
        .print('out');
    },
  }),
);

describe('snapshots', () => {
  it('restored anywhere, at any parallelism, give what one run gives', async () => {
    const add = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), n: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(add, { maxLength: 30 }),
        fc.array(fc.tuple(fc.nat(30), fc.integer({ min: 1, max: 4 })), { maxLength: 3 }),
        async (adds, restores) => {
          const whole = await JobHarness.start(sums);
          whole.source('adds').emitAll(adds);
          await whole.end();
          let harness = await JobHarness.start(sums, { parallelism: 2 });
          const parts: unknown[] = [];
          for (const [index, each] of adds.entries()) {
            for (const [at, parallelism] of restores) {
              if (at !== index) continue;
              const snapshot = await harness.snapshot();
              parts.push(...harness.outputs('out'));
              await harness.close();
              harness = await JobHarness.restore(snapshot, { parallelism });
            }
            harness.source('adds').emit(each);
          }
          await harness.end();
          parts.push(...harness.outputs('out'));
          assert.deepEqual(parts, whole.outputs('out'));
        },
      ),
      { seed: 11, numRuns: 60 },
    );
  });

  it('hold the watermark and the idleness of sources that are fed', async () => {
    const build = { input: t.int32, parallelism: 2 };
    await using harness = await harnessOf((n) => n.keyBy((x) => x).sum(), build);
    const input = harness.job.source('input');
    input.subtask(0).watermark(100);
    input.subtask(1).watermark(50);
    const one = await harness.restored(await harness.snapshot(), { parallelism: 1 });
    assert.equal(one.job.watermarkOf('sum'), 50);
    assert.throws(
      () => one.job.source('input').watermark(49),
      (error) => isEngineError(error, 'API_INVALID_ARGUMENT'),
    );
    input.subtask(1).idle();
    const other = await harness.restored(await harness.snapshot());
    assert.equal(other.job.watermarkOf('sum'), 100);
    other.job.source('input').subtask(1).watermark(70);
    assert.equal(other.job.watermarkOf('sum'), 100);
    const three = await harness.restored(await harness.snapshot(), { parallelism: 3 });
    assert.equal(three.job.watermarkOf('sum'), 100);
    await Promise.all([one.close(), other.close(), three.close()]);
  });

  it('hold the watermark of strategies inside of the job', async () => {
    await using harness = await harnessOf(
      (n) => n.assignTimestamps({ timestamp: (x) => x, outOfOrder: milliseconds(10) }).rebalance(),
      { input: t.int32 },
    );
    harness.push(1000);
    await harness.advance(milliseconds(200));
    await using again = await harness.restored(await harness.snapshot());
    again.push(5);
    await again.advance(milliseconds(200));
    assert.equal(again.now, 400);
    assert.equal(again.job.watermarkOf('output'), 989);
  });

  it('hold the event time of each split of a source', async () => {
    const job = defineJob({
      name: 'splits',
      build(env) {
        env
          .from(manualSource('numbers', t.int32), {
            timestamp: (n) => n,
            outOfOrder: milliseconds(10),
          })
          .keyBy((n) => n % 3)
          .sum()
          .uid('sums')
          .print('out');
      },
    });
    for (const [before, after] of [
      [1, 1],
      [2, 2],
      [1, 2],
      [2, 1],
    ] as const) {
      await using harness = await JobHarness.start(job, { parallelism: before });
      const numbers = harness.source('numbers', t.int32);
      const splits = ['a', 'b', 'c'].map((id) => numbers.split(id));
      for (const [index, split] of splits.entries()) split.emit(1000 + index * 100);
      await harness.advance(milliseconds(200));
      assert.equal(harness.watermarkOf('sums'), 989);
      splits[0]!.end();
      assert.equal(harness.watermarkOf('sums'), 1089);
      const snapshot = await harness.snapshot();
      await using again = await JobHarness.restore(snapshot, { parallelism: after });
      const known = again.source('numbers', t.int32);
      assert.equal(again.watermarkOf('sums'), 1089);
      known.split('b').emit(5000);
      known.split('c').emit(6000);
      await again.advance(milliseconds(200));
      assert.equal(again.watermarkOf('sums'), 4989);
      known.split('b').idle();
      assert.equal(again.watermarkOf('sums'), 5989);
    }
  });

  it('hold records in flight, whatever the parallelism becomes', async () => {
    let answer: ((value: number) => void)[] = [];
    await using harness = await harnessOf(
      (n) =>
        n.asyncMap(async (x) => new Promise<number>((done) => answer.push(() => done(x))), {
          order: 'unordered',
          timeout: seconds(60),
        }),
      { input: t.int32, parallelism: 3 },
    );
    for (const n of [1, 2, 3, 4]) harness.push(n);
    const snapshot = await harness.snapshot();
    for (const parallelism of [1, 2, 3, 4]) {
      answer = [];
      await using again = await harness.restored(snapshot, { parallelism });
      assert.equal(answer.length, 4);
      for (const each of answer) each(0);
      await again.run();
      assert.deepEqual(
        again.output().toSorted((a, b) => a - b),
        [1, 2, 3, 4],
      );
    }
  });

  it('end again what had ended', async () => {
    const job = defineJob({
      name: 'two',
      build(env) {
        const left = env.from(manualSource('left', t.string)).uid('left');
        const right = env.fromElements('r1', 'r2');
        left
          .connect(right)
          .process({
            emits: t.string,
            onLeft: (value, ctx) => ctx.emit(value),
            onRight: (value, ctx) => ctx.emit(value),
            onInputEnd: (side, ctx) => ctx.emit(`${side} ended`),
          })
          .print('out');
      },
    });
    await using harness = await JobHarness.start(job);
    harness.source('left').emit('l1');
    assert.deepEqual(harness.outputs('out'), ['r1', 'r2', 'right ended', 'l1']);
    const again = await JobHarness.restore(await harness.snapshot());
    again.source('left').emit('l2');
    await again.end();
    assert.deepEqual(again.outputs('out'), ['right ended', 'l2', 'left ended']);
  });

  it('are refused where something is at its end or under way', async () => {
    await using ended = await harnessOf((n) => n.map((x) => x), { input: t.int32 });
    await ended.end();
    await assert.rejects(ended.snapshot(), /reached its end/);
    await using held = await harnessOf(
      (n) =>
        n.asyncMap(async () => new Promise<number>(() => undefined), {
          order: 'ordered',
          timeout: seconds(60),
          capacity: 1,
        }),
      { input: t.int32 },
    );
    held.push(1);
    await assert.rejects(held.snapshot(), /waits for asynchronous work/);
  });

  it('go to a later version of the job; state without a taker is refused', async () => {
    await using harness = await JobHarness.start(sums);
    harness.source('adds').emit({ key: 'a', n: 3 });
    const snapshot = await harness.snapshot();
    const later = (uid: string) =>
      defineJob({
        name: 'later',
        build(env) {
          env
            .from(manualSource('adds', Add))
            .keyBy(({ key }) => key)
            .process({
              emits: t.int32,
              state: { sum: state.value(t.int32, { initial: 0 }) },
              onElement: (_add, ctx) => ctx.emit(ctx.state.sum.get()),
            })
            .uid(uid)
            .print('out');
        },
      });
    const options = { parallelism: 2 };
    await using again = await JobHarness.restore(snapshot, { ...options, job: later('sums') });
    again.source('adds').emit({ key: 'a', n: 0 });
    assert.deepEqual(again.outputs('out'), [3]);
    await assert.rejects(
      JobHarness.restore(snapshot, { ...options, job: later('other') }),
      (error) => isEngineError(error, 'API_INVALID_ARGUMENT') && /"process"/.test(error.message),
    );
  });

  it('keep the number of key groups', async () => {
    const build = (n: number) => ({ configuration: { 'pipeline.max-parallelism': String(n) } });
    await using harness = await JobHarness.start(sums, build(10));
    harness.source('adds').emit({ key: 'a', n: 3 });
    const again = await JobHarness.restore(await harness.snapshot(), build(20));
    assert.deepEqual(again.state('sums', 'a')['sum'], 3);
    await again.close();
  });
});

describe('a harness', () => {
  it('says what there is, where something is asked for that is not', async () => {
    const build = { feed: ['numbers'] };
    await using harness = await JobHarness.start(
      (env) =>
        env
          .from(generator(t.int32, (n) => n))
          .name('numbers')
          .print('n'),
      build,
    );
    assert.throws(() => harness.source('nombers'), /Did you mean "numbers"\? It has "numbers"/);
    assert.throws(() => harness.outputs('x'), /none called "x"/);
    assert.throws(() => harness.state('numbers', 1), /declares no state/);
    await assert.rejects(
      JobHarness.start((env) => env.sequence(1, 2).print(), { feed: ['that'] }),
      /none called "that"/,
    );
  });

  it('reads side outputs that the job does not, in one and in many subtasks', async () => {
    const job = defineJob({
      name: 'sides',
      build(env) {
        env
          .from(manualSource('numbers', t.int32))
          .process({
            emits: t.int32,
            outputs: { odd: t.int32, even: t.int32 },
            onElement: (n, ctx) => ctx.emitTo(n % 2 === 0 ? 'even' : 'odd', n),
          })
          .uid('parity')
          .print('out');
      },
    });
    for (const parallelism of [1, 3]) {
      const options = { parallelism, sides: { parity: ['odd'] } };
      await using harness = await JobHarness.start(job, options);
      harness.source('numbers').emitAll([1, 2, 3, 4, 5]);
      const odd = harness.side('parity', 'odd', t.int32);
      assert.deepEqual(
        odd.toSorted((a, b) => a - b),
        [1, 3, 5],
      );
      assert.throws(() => harness.side('parity', 'even'), /sides: \{ "parity": \['even'\] \}/);
      assert.deepEqual(harness.outputs('out'), []);
    }
    await assert.rejects(
      JobHarness.start(job, { sides: { parity: ['od'] } }),
      /Did you mean "odd"/,
    );
  });

  it('finds a source without end that gives records without any time passing', async () => {
    await assert.rejects(
      JobHarness.start((env) => env.from(generator(t.int32, (n) => n)).print(), { feed: [] }),
      (error) => isEngineError(error, 'API_INVALID_ARGUMENT') && /has no end/.test(error.message),
    );
  });

  it('lets records lie ready together, and time at which nothing is due pass', async () => {
    await using harness = await harnessOf((n) => n.keyBy((x) => x % 2).sum(), {
      input: t.int32,
      parallelism: 2,
    });
    harness.job.atOnce(() => {
      for (let n = 0; n < 10; n += 1) harness.push(n);
      assert.deepEqual(harness.job.outputs('output'), []);
    });
    assert.equal(harness.output().length, 10);
    assert.deepEqual(
      harness
        .output()
        .toSorted((a, b) => a - b)
        .slice(-2),
      [20, 25],
    );
    await harness.advance(seconds(5));
    assert.equal(harness.now, 5000);
  });
});
