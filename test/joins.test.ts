/** Joins in whole jobs: at any parallelism, restored at any moment at any other one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  defineJob,
  hours,
  milliseconds,
  minutes,
  seconds,
  sliding,
  t,
  timestamp,
  tumbling,
  type StreamEnvironment,
} from 'millrace';
import { builtOnce, JobHarness } from 'millrace/testing';
import {
  broadcastJoinOf,
  intervalJoinOf,
  isDeletion,
  TemporalJoin,
  WindowJoin,
} from '../src/operators/joins/join-definitions.test-kit.ts';
import { events, Item } from '../src/operators/joins/join.test-kit.ts';
import type { Event } from '../src/operators/joins/join.test-kit.ts';
import { manualSource } from '../src/testing/manual-source.ts';

const BOUNDS = { lower: -2, upper: 5 };
const WINDOWS = { size: 8, slide: 4, lateness: 2, type: 'full' } as const;

function build(env: StreamEnvironment): void {
  const lefts = env.from(manualSource('left', Item));
  const rights = env.from(manualSource('right', Item));
  const near = lefts
    .keyBy((item) => item.key)
    .intervalJoin(rights.keyBy((item) => item.key))
    .between(milliseconds(BOUNDS.lower), milliseconds(BOUNDS.upper))
    .inner((left, right) => [left.id, right.id] as const);
  near.print('near');
  near.side.lateLeft.print('near late left');
  near.side.lateRight.print('near late right');
  const valid = lefts
    .temporalJoin(rights, { isDeletion })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .left((left, right) => [left.id, right?.id ?? null] as const);
  valid.print('valid');
  valid.side.lateLeft.print('valid late left');
  lefts
    .broadcastJoin(rights, { isDeletion })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .left((left, right) => [left.id, right?.id ?? null] as const)
    .print('latest');
  lefts
    .broadcastJoin(rights, { isDeletion, holdUntilEnd: true })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .inner((left, right) => [left.id, right.id] as const)
    .print('complete');
  const paired = lefts
    .join(rights)
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .window(sliding(milliseconds(WINDOWS.size), milliseconds(WINDOWS.slide)))
    .allowedLateness(milliseconds(WINDOWS.lateness))
    .full((left, right) => [left?.id ?? null, right?.id ?? null] as const);
  paired.print('paired');
  paired.side.late.print('paired late');
}

const job = builtOnce(defineJob({ name: 'joins', build }));

const SINKS = [
  'near',
  'near late left',
  'near late right',
  'valid',
  'valid late left',
  'latest',
  'complete',
  'paired',
  'paired late',
] as const;

interface Restore {
  readonly at: number;
  readonly parallelism: number;
}

async function outputsOf(
  list: readonly Event[],
  parallelism: number,
  restores: readonly Restore[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  let harness = await JobHarness.start(job, { parallelism });
  const outputs: Record<string, string[]> = {};
  for (const sink of SINKS) outputs[sink] = [];
  const take = (): void => {
    for (const sink of SINKS) {
      for (const { value, timestamp } of harness.records(sink)) {
        outputs[sink]!.push(`${JSON.stringify(value)} @${String(timestamp)}`);
      }
    }
  };
  for (const [index, event] of list.entries()) {
    for (const restore of restores) {
      if (restore.at !== index) continue;
      const snapshot = await harness.snapshot();
      take();
      await harness.close();
      harness = await JobHarness.restore(snapshot, { parallelism: restore.parallelism });
    }
    if (event.kind === 'watermark') harness.watermark(event.at);
    else harness.source(event.side, Item).emit(event.item, event.item.at);
  }
  await harness.end();
  take();
  for (const of of Object.values(outputs)) of.sort();
  return outputs;
}

const parallelism = fc.integer({ min: 1, max: 4 });
const restores = fc.array(fc.record({ at: fc.nat(24), parallelism }), { maxLength: 2 });

describe('joins', () => {
  it('are what their definitions say, whatever the parallelism and the restores', async () => {
    const property = fc.asyncProperty(
      events({ maxLength: 24 }),
      parallelism,
      restores,
      async (list, initial, again) => {
        const outputs = await outputsOf(list, initial, again);
        const near = intervalJoinOf(list, BOUNDS);
        const valid = new TemporalJoin(list, 'left');
        const paired = new WindowJoin(list, WINDOWS);
        assert.deepEqual(outputs, {
          near: near.pairs,
          'near late left': near.left,
          'near late right': near.right,
          valid: valid.joined.toSorted(),
          'valid late left': valid.late.left.toSorted(),
          latest: broadcastJoinOf(list, { type: 'left', holdUntilEnd: false }),
          complete: broadcastJoinOf(list, { type: 'inner', holdUntilEnd: true }),
          paired: paired.pairs.toSorted(),
          'paired late': paired.late.toSorted(),
        });
      },
    );
    await fc.assert(property, { numRuns: 1500 });
  });

  it('held records leave when the other side has ended, restored before that or after', async () => {
    const item = (id: number, key: string): Item => ({ key, id, at: id });
    for (const moment of ['before', 'after'] as const) {
      let harness = await JobHarness.start(job, { parallelism: 2 });
      const restore = async (parallelism: number): Promise<void> => {
        const snapshot = await harness.snapshot();
        await harness.close();
        harness = await JobHarness.restore(snapshot, { parallelism });
      };
      const complete = (): readonly string[] =>
        harness
          .outputs('complete')
          .map((pair) => JSON.stringify(pair))
          .toSorted();
      harness.source('right', Item).emit(item(0, 'a'), 0);
      for (const one of [item(1, 'a'), item(2, 'b'), item(4, 'a')]) {
        harness.source('left', Item).emit(one, one.at);
      }
      assert.deepEqual(complete(), []);
      if (moment === 'before') await restore(3);
      harness.source('right').end();
      const expected = ['[1,0]', '[4,0]'];
      assert.deepEqual(complete(), expected);
      if (moment === 'after') await restore(3);
      harness.source('left', Item).emit(item(5, 'a'), 5);
      assert.deepEqual(complete(), moment === 'before' ? [...expected, '[5,0]'] : ['[5,0]']);
      await harness.close();
    }
  });

  it('count late records that nobody reads', async () => {
    await using harness = await JobHarness.start(unread, { parallelism: 2 });
    const left = harness.source('left', Item);
    const right = harness.source('right', Item);
    const item = (id: number, at: number): Item => ({ key: 'a', id, at });
    right.emit(item(0, 1), 1);
    right.emit(item(1, 12), 12);
    harness.watermark(20);
    left.emit(item(2, 5), 5);
    right.emit(item(4, 19), 19);
    left.emit(item(5, 19), 19);
    const late = (operator: string): number => harness.counter(operator, 'numLateRecordsDropped');
    assert.equal(late('intervalJoin'), 3);
    // A late version counts from now on, and a late record is joined where its version is known.
    assert.equal(late('temporalJoin'), 1);
    assert.equal(late('coGroup'), 3);
    await harness.end();
    assert.deepEqual(harness.outputs('valid'), ['5 4']);
  });

  it('within windows, with late records to their own output', async () => {
    await using harness = await JobHarness.start(paidOrders);
    const orders = harness.source('orders', Order);
    const payments = harness.source('payments', Payment);
    const at = (minute: number) => timestamp(minute * 60_000);
    orders.emit({ id: 'a', user: 'ada', amount: 3, at: at(5) });
    payments.emit({ orderId: 'b', paidAt: at(6) });
    payments.emit({ orderId: 'a', paidAt: at(59) });
    payments.emit({ orderId: 'a', paidAt: at(61) });
    assert.deepEqual(harness.outputs('paid'), []);
    orders.emit({ id: 'c', user: 'bob', amount: 1, at: at(66) });
    payments.emit({ orderId: 'c', paidAt: at(67) });
    await harness.advance(seconds(1));
    assert.deepEqual(harness.outputs('paid'), [{ id: 'a', amount: 3, delay: 54 * 60_000 }]);
    // Late, but not too late: the window fires again.
    orders.emit({ id: 'b', user: 'eve', amount: 2, at: at(2) });
    assert.deepEqual(harness.outputs('paid').slice(1), [{ id: 'b', amount: 2, delay: 240_000 }]);
    orders.emit({ id: 'c', user: 'bob', amount: 1, at: at(75) });
    payments.emit({ orderId: 'd', paidAt: at(75) });
    await harness.advance(seconds(1));
    payments.emit({ orderId: 'a', paidAt: at(7) });
    orders.emit({ id: 'e', user: 'eve', amount: 2, at: at(8) });
    assert.deepEqual(harness.outputs('late'), ['a', 'e']);
    await harness.end();
    assert.equal(harness.outputs('paid').length, 4);
    assert.equal(harness.counter(undefined, 'numLateRecordsDropped'), 0);
  });
});

function unread(env: StreamEnvironment): void {
  const lefts = env.from(manualSource('left', Item));
  const rights = env.from(manualSource('right', Item));
  const key = (item: Item): string => item.key;
  lefts
    .keyBy(key)
    .intervalJoin(rights.keyBy(key))
    .between(milliseconds(0), milliseconds(9))
    .inner((left, right) => `${left.id} ${right.id}`)
    .print('near');
  lefts
    .temporalJoin(rights)
    .on(key, key)
    .inner((left, right) => `${left.id} ${right.id}`)
    .print('valid');
  lefts
    .coGroup(rights)
    .on(key, key)
    .window(tumbling(milliseconds(10)))
    .apply({ emits: t.integer, onGroups: (some, _, ctx) => ctx.emit(some.length) })
    .print('groups');
}

const Order = t.struct({ id: t.string, user: t.string, amount: t.float64, at: t.timestamp });
const Payment = t.struct({ orderId: t.string, paidAt: t.timestamp });

const paidOrders = defineJob({
  name: 'paid-orders',
  build(env) {
    const orders = env
      .from(manualSource('orders', Order))
      .assignTimestamps({ timestamp: (o) => o.at, outOfOrder: seconds(10) });
    const payments = env
      .from(manualSource('payments', Payment))
      .assignTimestamps({ timestamp: (p) => p.paidAt, outOfOrder: seconds(10) });

    const paid = orders
      .join(payments)
      .on(
        (o) => o.id,
        (p) => p.orderId,
      )
      .window(tumbling(hours(1)))
      .allowedLateness(minutes(10))
      .inner((o, p) => ({ id: o.id, amount: o.amount, delay: p.paidAt - o.at }));

    paid.collect('paid');
    paid.side.late
      .map((late) => (late.side === 'left' ? late.value.id : late.value.orderId))
      .collect('late');
  },
});
