/** Functions in a harness of their own; and the mistakes that it finds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Timestamp } from '../base/units.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import { harnessOf } from './stream-harness.ts';

const Order = t.struct({ user: t.string, amount: t.float64 });
const Payment = t.struct({ user: t.string, paid: t.float64 });
const HIGHEST = { highest: state.value(t.float64, { initial: 0 }) };

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => isEngineError(error, wanted);
}

describe('harnessOf', () => {
  for (const parallelism of [1, 3]) {
    it(`types flow: outputs, sides, state; parallelism ${parallelism}`, async () => {
      await using harness = await harnessOf(
        (orders) =>
          orders
            .keyBy((order) => order.user)
            .process({
              emits: t.string,
              state: HIGHEST,
              outputs: { audit: t.float64 },
              onElement(order, ctx) {
                ctx.emitTo('audit', order.amount);
                if (order.amount <= ctx.state.highest.get()) return;
                ctx.state.highest.set(order.amount);
                ctx.emit(`${ctx.key}: ${order.amount}`);
              },
            }),
        { input: Order, parallelism },
      );
      harness.push({ user: 'ada', amount: 3 }, 1000);
      harness.push({ user: 'ada', amount: 2 }, 2000);
      harness.push({ user: 'bob', amount: 1 });
      const output: readonly string[] = harness.output();
      const audit: readonly number[] = harness.side('audit');
      const { highest }: { readonly highest: number } = harness.state('ada', HIGHEST);
      assert.deepEqual(output, ['ada: 3', 'bob: 1']);
      assert.deepEqual(audit, [3, 2, 1]);
      assert.equal(highest, 3);
      assert.deepEqual(
        harness.records().map(({ timestamp }) => timestamp),
        [1000, undefined],
      );
      // @ts-expect-error there is no such side output
      assert.throws(() => harness.side('other'), code('API_INVALID_ARGUMENT'));
      // @ts-expect-error not an order
      assert.throws(() => harness.push({ user: 3 }), code('DATA_NOT_SERIALIZABLE'));
    });
  }

  it('goes on from a snapshot, at another parallelism too', async () => {
    await using harness = await harnessOf((numbers) => numbers.keyBy((n) => n % 5).sum(), {
      input: t.int32,
    });
    for (let n = 0; n < 20; n += 1) harness.push(n);
    await using again = await harness.restored(await harness.snapshot(), { parallelism: 4 });
    assert.deepEqual(again.output(), []);
    again.push(100);
    assert.deepEqual(again.output(), [0 + 5 + 10 + 15 + 100]);
  });

  it('has two inputs, each with its own event time', async () => {
    await using harness = await harnessOf(
      (orders, payments) =>
        orders
          .connect(payments)
          .keyBy(
            (order) => order.user,
            (payment) => payment.user,
          )
          .process({
            emits: t.string,
            state: { due: state.value(t.float64, { initial: 0 }) },
            onLeft: (order, ctx) => ctx.state.due.set(ctx.state.due.get() + order.amount),
            onRight: (payment, ctx) => {
              ctx.state.due.set(ctx.state.due.get() - payment.paid);
              ctx.emit(`${ctx.key} ${ctx.state.due.get()} at ${ctx.watermark}`);
            },
          }),
      { left: Order, right: Payment },
    );
    harness.pushLeft({ user: 'ada', amount: 5 });
    harness.left.watermark(7);
    harness.pushRight({ user: 'ada', paid: 3 });
    harness.right.watermark(6);
    harness.pushRight({ user: 'ada', paid: 1 });
    harness.right.idle();
    harness.pushRight({ user: 'ada', paid: 1 });
    assert.deepEqual(harness.output(), ['ada 2 at -Infinity', 'ada 1 at 6', 'ada 0 at 7']);
    assert.deepEqual(harness.state('ada'), { due: 0 });
  });

  it('waits for promises without any sleeping', async () => {
    const answers: ((answer: string) => void)[] = [];
    await using harness = await harnessOf(
      (words) =>
        words.asyncMap(async () => new Promise<string>((resolve) => answers.push(resolve)), {
          order: 'ordered',
          timeout: seconds(10),
        }),
      { input: t.string },
    );
    harness.push('a');
    harness.push('b');
    answers[1]!('B');
    await harness.run();
    assert.deepEqual(harness.output(), []);
    answers[0]!('A');
    await harness.run();
    assert.deepEqual(harness.output(), ['A', 'B']);
    harness.push('c');
    await harness.advance(milliseconds(9_999));
    assert.deepEqual(harness.output(), ['A', 'B']);
    await assert.rejects(harness.advance(milliseconds(1)), code('USER_CODE_TIMED_OUT'));
  });
});

describe('what the kit finds', () => {
  it('a function that changes the record it was given', async () => {
    await using harness = await harnessOf(
      (orders) =>
        orders.map((order) => {
          (order as { amount: number }).amount = 0;
          return order;
        }),
      { input: Order },
    );
    const push = (): void => harness.push({ user: 'ada', amount: 3 });
    assert.throws(push, code('USER_CODE_MUTATION'));
  });

  it('a function that changes what it has emitted', async () => {
    await using harness = await harnessOf(
      (orders) => {
        const last = { users: [] as string[] };
        return orders.map((order) => {
          last.users.push(order.user);
          return last;
        });
      },
      { input: Order },
    );
    harness.push({ user: 'ada', amount: 3 });
    const again = (): void => harness.push({ user: 'bob', amount: 3 });
    assert.throws(again, code('USER_CODE_MUTATION'));
  });

  it('a function whose results cannot be sent to another slot', async () => {
    await using harness = await harnessOf(
      (orders) => orders.map((order) => ({ order, log: () => undefined })).rebalance(),
      { input: Order },
    );
    const push = (): void => harness.push({ user: 'ada', amount: 3 });
    assert.throws(push, code('DATA_NOT_SERIALIZABLE'));
  });

  const CLOCKS: Readonly<Record<string, () => unknown>> = {
    'Date.now': () => Date['now'](),
    'new Date': () => Reflect.construct(Date, []),
    'performance.now': () => Reflect.get(globalThis, 'performance').now(),
  };
  for (const [name, read] of Object.entries(CLOCKS)) {
    it(`a function that reads the machine's clock: ${name}`, async () => {
      const before = read();
      const map = (amount: number): number => amount + Number(read() !== before);
      await using harness = await harnessOf((numbers) => numbers.map(map), { input: t.float64 });
      assert.throws(() => harness.push(1), code('USER_CODE_WALL_CLOCK'));
      assert.doesNotThrow(read);
      const options = { input: t.float64, wallClock: 'allowed' } as const;
      await using free = await harnessOf((numbers) => numbers.map(map), options);
      free.push(1);
      assert.equal(free.output().length, 1);
    });
  }

  it('dates of a given time are no clock', async () => {
    await using harness = await harnessOf((at) => at.map((n) => new Date(n).toISOString()), {
      input: t.float64,
    });
    harness.push(0);
    assert.deepEqual(harness.output(), ['1970-01-01T00:00:00.000Z']);
  });

  it('state that is kept in the function in place of its state', async () => {
    const forgetful = (numbers: import('../api/data-stream.ts').DataStream<number>) => {
      let sum = 0;
      return numbers
        .keyBy((n) => n % 2)
        .process({
          emits: t.float64,
          open: () => void (sum = 0),
          onElement(n, ctx) {
            sum += n;
            ctx.emit(sum);
          },
        });
    };
    await using harness = await harnessOf(forgetful, { input: t.float64 });
    harness.push(1);
    harness.push(3);
    await using again = await harness.restored(await harness.snapshot());
    again.push(5);
    assert.deepEqual([...harness.output(), ...again.output()], [1, 4, 5]);
  });

  it('a result that does not fit its schema, with the operator that emitted it', async () => {
    for (const chained of [true, false]) {
      await using harness = await harnessOf(
        (n) => {
          const wrong = n
            .map((x) => (x === 1 ? x : ('text' as never)))
            .returns(t.float64)
            .name('halve');
          return chained
            ? wrong
            : wrong
                .rebalance()
                .filter(() => true)
                .name('all');
        },
        { input: t.float64 },
      );
      harness.push(1);
      assert.throws(
        () => harness.push(2),
        (error) => {
          assert.ok(isEngineError(error, 'DATA_NOT_SERIALIZABLE'), String(error));
          assert.match(error.message, /of the edge after "halve" cannot be sent/);
          return true;
        },
      );
    }
  });

  it('a timestamp that is none, with its input and record', async () => {
    await using harness = await harnessOf((n) => n.map((x) => x), { input: t.float64 });
    const wrong: readonly (readonly [unknown, string])[] = [
      [Number.NaN, 'NaN'],
      [Infinity, 'Infinity'],
      [1.5, '1.5'],
      ['5', '"5"'],
      [new Date(Number.NaN), 'an invalid Date'],
    ];
    for (const [at, text] of wrong) {
      const said = `${text} is not a timestamp, which "input" gave to the record 1.`;
      const input = harness.job.source<number>('input');
      for (const push of [
        () => harness.push(1, at as Timestamp),
        () => input.split('a').emit(1, at as Timestamp),
      ]) {
        assert.throws(push, (error) => {
          assert.ok(isEngineError(error, 'DATA_INVALID_TIMESTAMP'), String(error));
          assert.equal(error.message, said);
          return true;
        });
      }
    }
    harness.push(2, new Date(5));
    assert.deepEqual(harness.records(), [{ value: 2, timestamp: 5, subtask: 0 }]);
  });

  it('a watermark that goes back, and an input after its end', async () => {
    await using harness = await harnessOf((n) => n.map((x) => x), { input: t.float64 });
    const input = harness.job.source('input');
    input.watermark(5);
    input.watermark(5);
    assert.throws(() => input.watermark(4), code('API_INVALID_ARGUMENT'));
    assert.throws(() => input.watermark(Number.NaN), code('DATA_INVALID_TIMESTAMP'));
    harness.watermark(3);
    harness.watermark(Number.POSITIVE_INFINITY);
    assert.equal(harness.job.watermarkOf('input'), Number.POSITIVE_INFINITY);
    await harness.end();
    assert.throws(() => harness.push(1), code('API_INVALID_ARGUMENT'));
  });
});
