/** Every operator held to the operator contract, and what users' mistakes in them say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { meanOf } from '../functions/aggregates.ts';
import { state } from '../functions/state.ts';
import { OperatorHarness } from '../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../testing/operator-harness.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { dynamic, t } from '../types/index.ts';
import { AggregateOperator } from './aggregate-operator.ts';
import {
  BroadcastProcessOperator,
  KeyedBroadcastProcessOperator,
} from './broadcast-process-operator.ts';
import { CoFlatMapOperator, CoMapOperator } from './co-map-operators.ts';
import { CoProcessOperator, KeyedCoProcessOperator } from './co-process-operator.ts';
import { FilterOperator } from './filter-operator.ts';
import { FlatMapOperator } from './flat-map-operator.ts';
import { MapOperator } from './map-operator.ts';
import type { Operator } from './operator.ts';
import { KeyedProcessOperator, ProcessOperator } from './process-operator.ts';
import { ReduceOperator } from './reduce-operator.ts';
import { rollingReduction } from './rolling-functions.ts';

const records = (...values: unknown[]): OperatorStep[] =>
  values.map((value) => ({ kind: 'record', value }));
const valuesOf = (results: readonly OperatorResult[], tag?: string): unknown[] =>
  results.flatMap((result) =>
    result.kind === 'record' && result.tag === tag ? [result.value] : [],
  );

interface Sale {
  readonly shop: string;
  readonly amount: number;
}
const Sale = t.struct({ shop: t.string, amount: t.float64 });
const byShop = { select: (sale: Sale) => sale.shop, schema: undefined };
const sales: Sale[] = [
  { shop: 'a', amount: 3 },
  { shop: 'b', amount: 5 },
  { shop: 'a', amount: 4 },
  { shop: 'b', amount: 1 },
  { shop: 'a', amount: 4 },
];

/** Waits like a promise, and is none. */
class Thenable {
  // oxlint-disable-next-line unicorn/no-thenable
  readonly then = (): void => {};
}

/** What running the operator over the values fails with. */
async function failure(
  create: () => Operator,
  ...values: unknown[]
): Promise<{ code: string; message: string }> {
  const harness = new OperatorHarness({ operator: create(), inputs: 1, output: dynamic });
  await harness.open();
  for (const step of records(...values)) harness.step(step);
  await harness.settle();
  return harness.failure as { code: string; message: string };
}

describe('stateless operators', () => {
  it('map keeps order, timestamps and control', async () => {
    const results = await verifyOperator({
      create: () => new MapOperator((n) => (n as number) * 2),
      output: t.float64,
      steps: [
        { kind: 'record', value: 1, timestamp: 10 },
        { kind: 'watermark', timestamp: 10 },
        { kind: 'epoch', id: 1 },
        { kind: 'record', value: 2, timestamp: 20 },
      ],
    });
    assert.deepEqual(results, [
      { kind: 'record', tag: undefined, value: 2, timestamp: 10 },
      { kind: 'watermark', timestamp: 10 },
      { kind: 'epoch', id: 1 },
      { kind: 'record', tag: undefined, value: 4, timestamp: 20 },
      { kind: 'watermark', timestamp: Number.POSITIVE_INFINITY },
      { kind: 'end' },
    ]);
  });

  it('filter and flatMap', async () => {
    const odd = await verifyOperator({
      create: () => new FilterOperator((n) => (n as number) % 2 === 1),
      output: t.float64,
      steps: records(1, 2, 3),
    });
    assert.deepEqual(valuesOf(odd), [1, 3]);
    const words = await verifyOperator({
      create: () => new FlatMapOperator((line) => (line as string).split(' ')),
      output: t.string,
      steps: records('to be', '', 'or'),
    });
    assert.deepEqual(valuesOf(words), ['to', 'be', '', 'or']);
    const drawn = await verifyOperator({
      create: () =>
        new FlatMapOperator(function* count(n) {
          for (let i = 0; i < (n as number); i += 1) yield i;
        }),
      output: t.float64,
      steps: records(2, 0, 3),
    });
    assert.deepEqual(valuesOf(drawn), [0, 1, 0, 1, 2]);
  });

  it('coMap and coFlatMap tell their sides apart', async () => {
    const steps: OperatorStep[] = [
      { kind: 'record', value: 1, input: 0 },
      { kind: 'record', value: 2, input: 1 },
    ];
    const mapped = await verifyOperator({
      create: () =>
        new CoMapOperator(
          (n) => `left ${String(n)}`,
          (n) => `right ${String(n)}`,
        ),
      inputs: 2,
      output: t.string,
      steps,
    });
    assert.deepEqual(valuesOf(mapped), ['left 1', 'right 2']);
    const flat = await verifyOperator({
      create: () =>
        new CoFlatMapOperator(
          (n) => [n, n],
          () => [],
        ),
      inputs: 2,
      output: t.float64,
      steps,
    });
    assert.deepEqual(valuesOf(flat), [1, 1]);
  });

  it('name the function, the operator and the fix when a user is mistaken', async () => {
    const thrown = await failure(() => new MapOperator(() => JSON.parse('{')), 1);
    assert.equal(thrown.code, 'USER_CODE_FAILED');
    assert.match(thrown.message, /map function of "operator" threw/);
    assert.equal((await failure(() => new MapOperator(async () => 1), 1)).code, 'USER_CODE_ASYNC');
    assert.equal(
      (await failure(() => new MapOperator(() => new Thenable()), 1)).code,
      'USER_CODE_ASYNC',
    );
    const filtered = await failure(() => new FilterOperator((() => 1) as never), 1);
    assert.equal(filtered.code, 'USER_CODE_NOT_BOOLEAN');
    assert.equal(
      (await failure(() => new FlatMapOperator((() => 5) as never), 1)).code,
      'USER_CODE_NOT_ITERABLE',
    );
    assert.equal(
      (await failure(() => new FlatMapOperator(() => 'ab'), 1)).code,
      'USER_CODE_NOT_ITERABLE',
    );
    const mutated = await failure(
      () =>
        new MapOperator((value) => {
          (value as { n: number }).n += 1;
          return value;
        }),
      { n: 1 },
    );
    assert.equal(mutated.code, 'USER_CODE_MUTATION');
    assert.match(mutated.message, /\bn\b/);
  });
});

describe('keyed operators', () => {
  it('reduce emits the running value of each key', async () => {
    const results = await verifyOperator({
      create: () =>
        new ReduceOperator({
          key: byShop,
          reduce: (sum, sale) => ({
            ...(sum as Sale),
            amount: (sum as Sale).amount + (sale as Sale).amount,
          }),
          value: Sale,
          role: 'reduce',
        }),
      keys: [byShop],
      output: Sale,
      steps: records(...sales),
    });
    assert.deepEqual(
      (valuesOf(results) as Sale[]).map(({ amount }) => amount),
      [3, 5, 7, 6, 11],
    );
  });

  it('sum, min and max keep the first record; minBy and maxBy the best one, the first of equals', async () => {
    const tagged = sales.map((sale, index) => ({ ...sale, index }));
    const Tagged = t.struct({ shop: t.string, amount: t.float64, index: t.float64 });
    const expected = {
      sum: [3, 0, 7, 0, 11, 0],
      min: [3, 0, 3, 0, 3, 0],
      max: [3, 0, 4, 0, 4, 0],
      minBy: [3, 0, 3, 0, 3, 0],
      maxBy: [3, 0, 4, 2, 4, 2],
    } as const;
    for (const rolling of ['sum', 'min', 'max', 'minBy', 'maxBy'] as const) {
      const results = await verifyOperator({
        create: () =>
          new ReduceOperator({
            key: byShop,
            reduce: rollingReduction(rolling, 'amount', Tagged),
            value: Tagged,
            role: rolling,
          }),
        keys: [byShop],
        output: Tagged,
        steps: records(...tagged),
      });
      const ofA = (valuesOf(results) as (Sale & { index: number })[]).filter(
        ({ shop }) => shop === 'a',
      );
      assert.deepEqual(
        ofA.flatMap(({ amount, index }) => [amount, index]),
        expected[rolling],
        rolling,
      );
    }
    assert.equal(rollingReduction('sum', undefined, dynamic)(2n, 3n), 5n);
    assert.throws(() => rollingReduction('sum', undefined, dynamic)(2, 'a'), {
      code: 'DATA_NOT_SUMMABLE',
    });
    assert.throws(() => rollingReduction('min', undefined, dynamic)({}, {}), {
      code: 'DATA_NOT_COMPARABLE',
    });
  });

  it('aggregate emits key and result', async () => {
    const results = await verifyOperator({
      create: () =>
        new AggregateOperator(byShop, {
          accumulator: t.struct({ sum: t.float64, count: t.float64 }),
          create: () => ({ sum: 0, count: 0 }),
          add: (acc, sale) => {
            const { sum, count } = acc as { sum: number; count: number };
            return { sum: sum + (sale as Sale).amount, count: count + 1 };
          },
          merge: (left) => left,
          result: (acc) => (acc as { sum: number }).sum / (acc as { count: number }).count,
        }),
      keys: [byShop],
      output: t.struct({ key: t.string, value: t.float64 }),
      steps: records(...sales),
    });
    assert.deepEqual(valuesOf(results).at(-1), { key: 'a', value: 11 / 3 });
  });

  it('process functions with state of every kind, side outputs and onEnd', async () => {
    const spec = {
      count: state.value(t.int32, { initial: 0 }),
      seen: state.list(t.float64),
      perAmount: state.map(t.float64, t.int32),
      largest: state.reducing(t.float64, (a, b) => Math.max(a, b)),
      mean: state.aggregating(meanOf((sale: Sale) => sale.amount)),
    };
    const results = await verifyOperator({
      create: () =>
        new KeyedProcessOperator(byShop, {
          emits: t.string,
          state: spec,
          outputs: { audit: t.string },
          onElement(sale: Sale, context: any) {
            context.state.count.set(context.state.count.get() + 1);
            context.state.seen.add(sale.amount);
            context.state.perAmount.set(
              sale.amount,
              (context.state.perAmount.get(sale.amount) ?? 0) + 1,
            );
            context.state.largest.add(sale.amount);
            context.state.mean.add(sale);
            context.emitTo('audit', `${context.key} ${sale.amount}`);
          },
          onEnd(context: any) {
            const lines: string[] = [];
            context.forEachKey('count', (key: string) => {
              const { count, seen, perAmount, largest, mean } = context.state;
              const amounts = [...perAmount.entries()].join(';');
              const all = [...seen.values()].join();
              lines.push(
                `${key} ${count.get()} [${all}] {${amounts}} ${largest.get()} ${mean.get()}`,
              );
            });
            for (const line of lines.toSorted()) context.emit(line);
          },
        }),
      keys: [byShop],
      output: t.string,
      sideOutputs: { audit: t.string },
      steps: records(...sales),
    });
    assert.deepEqual(valuesOf(results), [
      `a 3 [3,4,4] {3,1;4,2} 4 ${11 / 3}`,
      'b 2 [5,1] {5,1;1,1} 5 3',
    ]);
    assert.equal(valuesOf(results, 'audit').length, 5);
  });

  it('methods taken out of a context work, and throw outside of a call all the same', async () => {
    let kept: ((value: string) => void) | undefined;
    const results = await verifyOperator({
      create: () =>
        new KeyedProcessOperator(byShop, {
          emits: t.string,
          outputs: { audit: t.string },
          state: { count: state.value(t.int32, { initial: 0 }) },
          onElement(_sale: Sale, { emit, emitTo, state: { count }, key }: any) {
            count.set(count.get() + 1);
            emit(`${key} ${count.get()}`);
            emitTo('audit', key);
            kept = emit;
          },
          onEnd({ emit, forEachKey }: any) {
            forEachKey('count', (key: string) => emit(`end of ${key}`));
          },
        }),
      keys: [byShop],
      output: t.string,
      sideOutputs: { audit: t.string },
      steps: records(...sales.slice(0, 2)),
    });
    const keys = sales.slice(0, 2).map(({ shop }) => shop);
    assert.deepEqual(valuesOf(results, 'audit'), keys);
    assert.equal(valuesOf(results).length, 2 + new Set(keys).size);
    assert.throws(() => kept!('late'), { code: 'USER_CODE_OUTSIDE_CALL' });
  });

  it('handles and contexts throw outside of a call', async () => {
    let kept: any;
    const operator = new KeyedProcessOperator(byShop, {
      emits: t.string,
      state: { count: state.value(t.int32, { initial: 0 }) },
      onElement(_sale: Sale, context: any) {
        kept = { context, count: context.state.count };
      },
    });
    const harness = new OperatorHarness({ operator, inputs: 1, keys: [byShop], output: t.string });
    await harness.open();
    harness.step({ kind: 'record', value: sales[0] });
    assert.throws(() => kept.context.emit('x'), { code: 'USER_CODE_OUTSIDE_CALL' });
    assert.throws(() => kept.context.key, { code: 'USER_CODE_OUTSIDE_CALL' });
    assert.throws(() => kept.count.get(), { code: 'USER_CODE_OUTSIDE_CALL' });
    await harness.close();
  });
});

describe('process functions without keys', () => {
  it('emit at any point of a call and at the end', async () => {
    const results = await verifyOperator({
      create: () =>
        new ProcessOperator({
          emits: t.float64,
          onElement(n: number, context: any) {
            for (let i = 0; i < n; i += 1) context.emit(n);
          },
          onEnd: (context: any) => context.emit(-1),
        }),
      output: t.float64,
      steps: records(2, 0, 1),
    });
    assert.deepEqual(valuesOf(results), [2, 2, 1, -1]);
  });

  it('co-process: both sides, the end of each, and shared keyed state', async () => {
    const steps: OperatorStep[] = [
      { kind: 'record', value: { shop: 'a', amount: 1 }, input: 0 },
      { kind: 'record', value: { shop: 'a', amount: 10 }, input: 1 },
      { kind: 'record', value: { shop: 'b', amount: 100 }, input: 1 },
    ];
    const plain = await verifyOperator({
      create: () =>
        new CoProcessOperator({
          emits: t.string,
          onLeft: (sale: Sale, context: any) => context.emit(`left ${sale.amount}`),
          onRight: (sale: Sale, context: any) => context.emit(`right ${sale.amount}`),
          onInputEnd: (side, context: any) => context.emit(`end of ${side}`),
          onEnd: (context: any) => context.emit('end'),
        }),
      inputs: 2,
      output: t.string,
      steps,
    });
    assert.deepEqual(valuesOf(plain), [
      'left 1',
      'right 10',
      'right 100',
      'end of left',
      'end of right',
      'end',
    ]);
    const keyed = await verifyOperator({
      create: () =>
        new KeyedCoProcessOperator(byShop, byShop, {
          emits: t.string,
          state: { sum: state.value(t.float64, { initial: 0 }) },
          onLeft: (sale: Sale, context: any) =>
            context.state.sum.set(context.state.sum.get() + sale.amount),
          onRight(sale: Sale, context: any) {
            context.state.sum.set(context.state.sum.get() + sale.amount);
            context.emit(`${context.key} ${context.state.sum.get()}`);
          },
        }),
      inputs: 2,
      keys: [byShop, byShop],
      output: t.string,
      steps,
    });
    assert.deepEqual(valuesOf(keyed), ['a 11', 'b 100']);
  });

  it('broadcast: one side writes, the other only reads', async () => {
    const names = state.broadcast('names', t.string, t.string);
    const steps: OperatorStep[] = [
      { kind: 'record', value: 'a', input: 0 },
      { kind: 'record', value: ['a', 'Ada'], input: 1 },
      { kind: 'record', value: 'a', input: 0 },
    ];
    const create = (): BroadcastProcessOperator =>
      new BroadcastProcessOperator([names], {
        emits: t.string,
        onElement: (key: string, context: any) =>
          context.emit(context.broadcast(names).get(key) ?? 'unknown'),
        onBroadcast: ([key, name]: [string, string], context: any) =>
          context.broadcast(names).set(key, name),
        onInputEnd: (side, context: any) =>
          context.emit(`end of ${side}: ${context.broadcast(names).size}`),
      });
    const results = await verifyOperator({ create, inputs: 2, output: t.string, steps });
    assert.deepEqual(valuesOf(results), [
      'unknown',
      'Ada',
      'end of elements: 1',
      'end of broadcast: 1',
    ]);
    const keyed = await verifyOperator({
      create: () =>
        new KeyedBroadcastProcessOperator(byShop, [names], {
          emits: t.string,
          state: { count: state.value(t.int32, { initial: 0 }) },
          onElement(_sale: Sale, context: any) {
            context.state.count.set(context.state.count.get() + 1);
          },
          onBroadcast(_value: unknown, context: any) {
            const lines: string[] = [];
            context.forEachKey('count', (key: string) =>
              lines.push(`${key} ${context.state.count.get()}`),
            );
            context.emit(lines.toSorted().join());
          },
        }),
      inputs: 2,
      keys: [byShop, undefined],
      output: t.string,
      steps: [...records(...sales), { kind: 'record', value: 1, input: 1 }],
    });
    assert.deepEqual(valuesOf(keyed), ['a 3,b 2']);
  });

  it('a broadcast state cannot be written from the elements, even by a cast', async () => {
    const names = state.broadcast('names', t.string, t.string);
    const operator = new BroadcastProcessOperator([names], {
      emits: t.string,
      onElement: (key: string, context: any) => context.broadcast(names).set(key, 'x'),
      onBroadcast: () => undefined,
    });
    const harness = new OperatorHarness({ operator, inputs: 2, output: t.string });
    await harness.open();
    harness.step({ kind: 'record', value: 'a', input: 0 });
    await harness.settle();
    assert.equal((harness.failure as { code: string }).code, 'USER_CODE_FAILED');
  });
});

describe('verifyOperator', () => {
  it('finds an operator that keeps something a snapshot does not hold', async () => {
    const forgetful = (): Operator => {
      let count = 0;
      return new MapOperator(() => (count += 1));
    };
    await assert.rejects(
      verifyOperator({ create: forgetful, output: t.float64, steps: records(1, 2, 3) }),
      /snapshot and restore/,
    );
  });

  it('finds an operator that emits what its schema cannot hold', async () => {
    const wrong = (): Operator => new MapOperator(() => 'text');
    await assert.rejects(verifyOperator({ create: wrong, output: t.float64, steps: records(1) }), {
      code: 'DATA_NOT_SERIALIZABLE',
    });
  });
});
