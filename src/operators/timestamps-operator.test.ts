// assignTimestamps under the product's driver: timestamps, watermarks by the clock, idleness, and
// what comes from before. Times are those of the harness, which begins at 0.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import { milliseconds, seconds, type Duration, type Timestamp } from '../base/units.ts';
import type { WatermarkGenerator, WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { ingestionTime, noWatermarks } from '../functions/watermark-strategy.ts';
import { OperatorHarness } from '../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../testing/operator-harness.ts';
import { verifyOperator } from '../testing/verify-operator.ts';
import { t } from '../types/index.ts';
import { TimestampsOperator } from './timestamps-operator.ts';

const INTERVAL = milliseconds(200);
const byValue: WatermarkStrategy<unknown> = { timestamp: (value) => value as number };

function record(value: unknown, timestamp?: number): OperatorStep {
  return { kind: 'record', value, timestamp };
}

function advance(millis: number): OperatorStep {
  return { kind: 'advance', by: milliseconds(millis) };
}

function stamped(value: unknown, timestamp: number): OperatorResult {
  return { kind: 'record', tag: undefined, value, timestamp };
}

function watermark(timestamp: number): OperatorResult {
  return { kind: 'watermark', timestamp };
}

function status(of: 'active' | 'idle'): OperatorResult {
  return { kind: 'status', status: of };
}

const END: readonly OperatorResult[] = [watermark(Infinity), { kind: 'end' }];

async function run(
  strategy: WatermarkStrategy<unknown>,
  steps: readonly OperatorStep[],
  interval: Duration = INTERVAL,
): Promise<readonly OperatorResult[]> {
  const operator = new TimestampsOperator(strategy, interval);
  const harness = new OperatorHarness({ operator, inputs: 1, output: t.float64 });
  await harness.open();
  for (const step of steps) harness.step(step);
  await harness.settle();
  if (harness.failure !== undefined) throw harness.failure;
  return harness.results;
}

test('the watermark is the greatest timestamp - outOfOrder - 1, every 200 ms by the clock', async () => {
  const results = await run({ ...byValue, outOfOrder: milliseconds(10) }, [
    record(100),
    record(150),
    record(120),
    advance(199),
    record(90),
    advance(1),
    record(155),
    advance(200),
    advance(1000),
    record(-7),
  ]);
  assert.deepEqual(results, [
    ...[stamped(100, 100), stamped(150, 150), stamped(120, 120), stamped(90, 90)],
    watermark(139),
    stamped(155, 155),
    watermark(144),
    stamped(-7, -7),
  ]);
});

test('A1: watermarks follow the records seen, and never go back, over any restores', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.integer({ min: -1000, max: 1000 }).map((value) => record(value)),
          fc.integer({ min: 1, max: 500 }).map(advance),
          fc.constant('restore' as const),
        ),
        { maxLength: 40 },
      ),
      fc.nat(50),
      async (steps, outOfOrder) => {
        const strategy = { ...byValue, outOfOrder: milliseconds(outOfOrder) };
        const create = (): OperatorHarness =>
          new OperatorHarness({
            operator: new TimestampsOperator(strategy, milliseconds(100)),
            inputs: 1,
            output: t.float64,
          });
        let harness = create();
        await harness.open();
        let last = -Infinity;
        let greatest = -Infinity;
        /** Everything that comes out, as it would reach a consumer. */
        const take = (): void => {
          for (const result of harness.results.splice(0)) {
            if (result.kind === 'record') greatest = Math.max(greatest, result.timestamp);
            if (result.kind !== 'watermark') continue;
            assert.ok(result.timestamp > last, `${result.timestamp} after ${last}`);
            assert.equal(result.timestamp, greatest - outOfOrder - 1);
            last = result.timestamp;
          }
        };
        for (const step of steps) {
          if (step !== 'restore') {
            harness.step(step);
            take();
            continue;
          }
          const snapshot = await harness.snapshot();
          await harness.close();
          harness = create();
          await harness.open(snapshot);
          await harness.settle();
          const again = harness.results.splice(0);
          assert.deepEqual(again, last === -Infinity ? [] : [watermark(last)]);
          greatest = last === -Infinity ? last : last + outOfOrder + 1;
        }
        harness.end();
        const reached = greatest - outOfOrder - 1;
        assert.deepEqual(harness.results, [
          ...(reached > last ? [watermark(reached)] : []),
          ...END,
        ]);
      },
    ),
    { seed: 11, numRuns: 200 },
  );
});

test('an interval of 0 sends no periodic watermarks', async () => {
  const results = await run(byValue, [record(5), advance(10_000)], milliseconds(0));
  assert.deepEqual(results, [stamped(5, 5)]);
});

test('a punctuated generator: after the record, only upwards', async () => {
  await verifyOperator({
    create: () =>
      new TimestampsOperator(
        {
          ...byValue,
          generator: () => ({
            onEvent(value, timestamp, output) {
              if ((value as number) % 10 === 0) output.emitWatermark(timestamp);
            },
          }),
        },
        INTERVAL,
      ),
    output: t.float64,
    steps: [record(10), record(11), record(20), record(10), record(20), advance(500), record(30)],
    expected: [
      ...[stamped(10, 10), watermark(10), stamped(11, 11), stamped(20, 20), watermark(20)],
      ...[stamped(10, 10), stamped(20, 20), stamped(30, 30), watermark(30), ...END],
    ],
  });
});

test('a periodic generator of one`s own, one for each operator', async () => {
  let made = 0;
  const results = await run(
    {
      ...byValue,
      generator: () => {
        made += 1;
        let count = 0;
        return {
          onPeriodicEmit(output) {
            count += 1;
            output.emitWatermark((count * 100) as Timestamp);
          },
        };
      },
    },
    [record(1), advance(200), advance(200)],
  );
  assert.deepEqual(results, [stamped(1, 1), watermark(100), watermark(200)]);
  assert.equal(made, 1);
});

test('watermarks and idleness from before end here, but the last one', async () => {
  const results = await run(byValue, [
    record(1),
    { kind: 'watermark', timestamp: 700 },
    { kind: 'status', status: 'idle' },
    advance(200),
    { kind: 'status', status: 'active' },
    { kind: 'watermark', timestamp: Infinity },
  ]);
  assert.deepEqual(results, [stamped(1, 1), watermark(0), watermark(Infinity)]);
});

test('idle after idleAfter without records; it wakes before the record', async () => {
  const results = await run({ ...byValue, idleAfter: seconds(1) }, [
    record(10),
    ...Array.from({ length: 5 }, () => advance(200)),
  ]);
  assert.deepEqual(results, [stamped(10, 10), watermark(9)], 'not before its time');
  const later = await run({ ...byValue, idleAfter: seconds(1) }, [
    record(10),
    ...Array.from({ length: 12 }, () => advance(200)),
    record(20),
    advance(200),
  ]);
  assert.deepEqual(later, [
    ...[stamped(10, 10), watermark(9), status('idle'), status('active'), stamped(20, 20)],
    watermark(19),
  ]);
});

test('a stream that never had a record becomes idle, without periodic watermarks too', async () => {
  for (const interval of [200, 0]) {
    const results = await run(
      { ...byValue, idleAfter: seconds(1) },
      Array.from({ length: 7 }, () => advance(200)),
      milliseconds(interval),
    );
    assert.deepEqual(results, [status('idle')]);
  }
});

test('E4: after the end of event time nobody becomes idle', async () => {
  const operator = new TimestampsOperator({ ...byValue, idleAfter: seconds(1) }, INTERVAL);
  const harness = new OperatorHarness({ operator, inputs: 1, output: t.float64 });
  await harness.open();
  harness.step(record(10));
  harness.step({ kind: 'watermark', timestamp: Infinity });
  for (let i = 0; i < 20; i++) harness.step(advance(200));
  assert.deepEqual(harness.results, [stamped(10, 10), watermark(9), watermark(Infinity)]);
  await harness.close();
});

test('E5: before the end it is said how far event time was; by a generator of one`s own too', async () => {
  const end: OperatorStep = { kind: 'watermark', timestamp: Infinity };
  const delayed = { ...byValue, outOfOrder: milliseconds(4) };
  assert.deepEqual(await run(delayed, [record(20), advance(200), record(10), record(30), end]), [
    ...[stamped(20, 20), watermark(15), stamped(10, 10), stamped(30, 30)],
    ...[watermark(25), watermark(Infinity)],
  ]);
  assert.deepEqual(await run(delayed, [end]), [watermark(Infinity)]);
  const generator = (): WatermarkGenerator<unknown> => ({
    onPeriodicEmit: (output) => output.emitWatermark(7 as Timestamp),
  });
  assert.deepEqual(await run({ ...byValue, generator }, [record(20), end]), [
    ...[stamped(20, 20), watermark(7), watermark(Infinity)],
  ]);
});

test('time in which output is held is no idle time', async () => {
  const strategy = { ...byValue, idleAfter: seconds(1) };
  const operator = new TimestampsOperator(strategy, INTERVAL);
  const harness = new OperatorHarness({ operator, inputs: 1, output: t.float64 });
  await harness.open();
  harness.step(record(10));
  harness.step(advance(200));
  harness.hold();
  for (let i = 0; i < 50; i++) harness.step(advance(200));
  harness.release();
  for (let i = 0; i < 4; i++) harness.step(advance(200));
  assert.deepEqual(harness.results, [stamped(10, 10), watermark(9)]);
  for (let i = 0; i < 3; i++) harness.step(advance(200));
  assert.deepEqual(harness.results.at(-1), status('idle'));
  await harness.close();
});

test('K1: a watermark that was due while output was held comes as soon as it is free', async () => {
  const operator = new TimestampsOperator(byValue, INTERVAL);
  const harness = new OperatorHarness({ operator, inputs: 1, output: t.float64 });
  await harness.open();
  for (let i = 0; i < 5; i++) {
    // Held at every tick, and free for a moment in between.
    harness.step(record(i));
    harness.hold();
    harness.step(advance(200));
    harness.release();
  }
  assert.deepEqual(
    harness.results,
    [0, 1, 2, 3, 4].flatMap((i) => [stamped(i, i), watermark(i - 1)]),
  );
  await harness.close();
});

test('ingestion time: the clock, which moves on without records', async () => {
  const results = await run(ingestionTime(), [
    advance(50),
    record(1),
    record(2),
    advance(150),
    advance(200),
  ]);
  assert.deepEqual(results, [stamped(1, 50), stamped(2, 50), watermark(199), watermark(399)]);
});

test('noWatermarks: timestamps stay as they are, also where there are none', async () => {
  const results = await run(noWatermarks(), [record(1, 70), record(2), advance(5000)]);
  assert.deepEqual(results, [stamped(1, 70), stamped(2, -Infinity)]);
});

test('the timestamp of the source, which the function sees or which stays', async () => {
  const strategy: WatermarkStrategy<unknown> = {
    timestamp: (_value, current) => (current === undefined ? 7 : current + 1),
  };
  assert.deepEqual(await run(strategy, [record(1, 70), record(2)]), [
    stamped(1, 71),
    stamped(2, 7),
  ]);
  assert.deepEqual(await run({}, [record(1, 70)]), [stamped(1, 70)]);
  await assert.rejects(run({}, [record(1)]), (error) => {
    assert.ok(isEngineError(error, 'DATA_NO_TIMESTAMP'));
    assert.match(error.message, /"operator" needs event time, and this record has none: 1\./);
    return true;
  });
});

test('dates and instants are timestamps; what is none is refused with operator and record', async () => {
  const of = (value: unknown): WatermarkStrategy<unknown> => ({ timestamp: () => value as never });
  assert.deepEqual(await run(of(new Date(5)), [record(1)]), [stamped(1, 5)]);
  assert.deepEqual(await run(of({ epochMilliseconds: -5 }), [record(1)]), [stamped(1, -5)]);
  const wrong: readonly (readonly [unknown, string])[] = [
    [undefined, 'undefined'],
    [null, 'null'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [1.5, '1.5'],
    ['2001-01-01', '"2001-01-01"'],
    [2n, '2n'],
    [new Date('no date'), 'an invalid Date'],
    [2 ** 60, '1152921504606847000'],
  ];
  for (const [value, text] of wrong) {
    await assert.rejects(run(of(value), [record(1)]), (error) => {
      assert.ok(isEngineError(error, 'DATA_INVALID_TIMESTAMP'), String(error));
      assert.equal(
        error.message,
        `${text} is not a timestamp, which "operator" got for the record 1.`,
      );
      return true;
    });
  }
});

test('failures of the strategy`s functions are the user`s', async () => {
  const fails = (): never => {
    throw new Error('no');
  };
  const cases: readonly (readonly [WatermarkStrategy<unknown>, string, string])[] = [
    [{ timestamp: fails }, 'USER_CODE_FAILED', 'timestamp'],
    [{ timestamp: async () => 1 } as never, 'USER_CODE_ASYNC', 'timestamp'],
    [{ ...byValue, generator: fails }, 'USER_CODE_FAILED', 'watermark generator'],
    [
      { ...byValue, generator: () => ({ onEvent: fails }) },
      'USER_CODE_FAILED',
      'watermark generator',
    ],
    [
      { ...byValue, generator: () => ({ onPeriodicEmit: fails }) },
      'USER_CODE_FAILED',
      'watermark generator',
    ],
    [
      { ...byValue, generator: () => ({ onEvent: () => Promise.resolve() as never }) },
      'USER_CODE_ASYNC',
      'watermark generator',
    ],
    ...[undefined, null, 7, () => undefined, { onEvent: 7 }].map(
      (made): readonly [WatermarkStrategy<unknown>, string, string] => [
        { ...byValue, generator: () => made as never },
        'USER_CODE_BAD_GENERATOR',
        'The generator function of the watermark strategy of "operator" returned ',
      ],
    ),
    [
      { ...byValue, generator: (async () => ({})) as never },
      'USER_CODE_ASYNC',
      'watermark generator',
    ],
    [
      {
        ...byValue,
        generator: () => ({ onEvent: (_v, _t, out) => out.emitWatermark(0.5 as never) }),
      },
      'DATA_INVALID_TIMESTAMP',
      'watermark of "operator"',
    ],
  ];
  for (const [strategy, code, text] of cases) {
    await assert.rejects(run(strategy, [record(1), advance(200)]), (error) => {
      assert.ok(isEngineError(error), String(error));
      assert.equal(error.code, code);
      assert.ok(error.message.includes(text), error.message);
      return true;
    });
  }
});
