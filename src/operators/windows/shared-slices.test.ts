/**
 * What windows that overlap share: explicit triggers, early firings and late ones must give the
 * same over slices as over windows one by one, at a cost that does not grow with size / slide.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Prng } from '../../base/prng.ts';
import type { Duration } from '../../base/units.ts';
import type { AggregateFunction } from '../../functions/aggregate-function.ts';
import { state, type ValueState } from '../../functions/state.ts';
import { trigger } from '../../functions/trigger.ts';
import type { Trigger } from '../../functions/trigger.ts';
import { cumulating, sliding } from '../../functions/window.ts';
import type { WindowAssigner } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorResult, OperatorStep } from '../../testing/operator-harness.ts';
import { dynamic, t } from '../../types/t.ts';
import type { KeyedOperator } from '../operator.ts';
import { createWindowOperator } from './create-window-operator.ts';
import { RangeWindowOperator } from './ranges/range-window-operator.ts';
import { SliceWindowOperator } from './slice-window-operator.ts';
import { countSpec, Subtask } from './subtask.test-kit.ts';
import { WindowOperator } from './window-operator.ts';
import { resultsOf, Row, windowsOf } from './windows.test-kit.ts';

const ms = (of: number): Duration => of as Duration;
type Create = (spec: WindowSpec) => KeyedOperator;
const general: Create = (spec) => new WindowOperator(spec);
/** The one that is chosen, which must be that over slices. */
const sliced: Create = (spec) => {
  const operator = createWindowOperator(spec);
  assert.ok(operator instanceof SliceWindowOperator);
  return operator;
};

/** Calls of the aggregate since it was made. */
class Counted implements AggregateFunction<Row, number, number> {
  readonly accumulator = t.float64;
  calls = 0;
  /** Of records, among them. */
  adds = 0;
  create(): number {
    return 0;
  }
  add(sum: number, { n }: Row): number {
    this.calls += 1;
    this.adds += 1;
    return sum + n;
  }
  merge(left: number, right: number): number {
    this.calls += 1;
    return left + right;
  }
  result(sum: number): number {
    return sum;
  }
}

interface Windows {
  readonly assigner: WindowAssigner<Row>;
  readonly trigger: Trigger<Row> | undefined;
  readonly lateness: number;
}

function specOf({ assigner, trigger: by, lateness }: Windows, aggregate: Counted): WindowSpec {
  return windowsOf(assigner, {
    trigger: by,
    allowedLateness: ms(lateness),
    contents: { kind: 'aggregate', aggregate },
  });
}

function harnessOf(spec: WindowSpec, create: Create): OperatorHarness {
  return new OperatorHarness({
    operator: create(spec),
    inputs: 1,
    keys: [spec.key],
    output: dynamic,
    sideOutputs: { late: Row },
  });
}

function shown(result: OperatorResult): readonly string[] {
  if (result.kind !== 'record') return [];
  const { tag, value, timestamp } = result;
  if (tag !== undefined) return [`late ${(value as Row).n}`];
  const {
    key,
    window,
    value: sum,
  } = value as {
    readonly key: string;
    readonly window: { readonly start: number; readonly end: number };
    readonly value: number;
  };
  return [`${key} [${window.start}, ${window.end}) ${sum} @${timestamp}`];
}

/** What came out after each step, and at the end; with a restore before one of the steps. */
async function outputs(
  spec: WindowSpec,
  create: Create,
  steps: readonly OperatorStep[],
  restoreAt: number,
): Promise<readonly (readonly string[])[]> {
  const out: (readonly string[])[] = [];
  let harness = harnessOf(spec, create);
  await harness.open();
  let before = 0;
  const take = (): void => {
    if (harness.failure !== undefined) throw harness.failure;
    out.push(harness.results.slice(before).flatMap(shown).toSorted());
    before = harness.results.length;
  };
  for (const [index, step] of steps.entries()) {
    if (index === restoreAt) {
      const snapshot = await harness.snapshot();
      await harness.close();
      harness = harnessOf(spec, create);
      await harness.open(snapshot);
      before = harness.results.length;
    }
    harness.step(step);
    take();
  }
  harness.end();
  await harness.settle();
  take();
  return out;
}

/** Dense enough that windows have many slices: times go up by about one at each record. */
function denseSteps(random: Prng): readonly OperatorStep[] {
  const steps: OperatorStep[] = [];
  let watermark = -1000;
  const jitter = 1 + random.below(60);
  for (let time = -120; time < 120; time += random.below(3)) {
    const draw = random.below(12);
    if (draw === 0) {
      watermark = Math.max(watermark, time - random.below(90));
      steps.push({ kind: 'watermark', timestamp: watermark });
    } else if (draw === 1) steps.push({ kind: 'advance', by: ms(random.below(40)) });
    else {
      const value = { key: 'ab'[random.below(2)]!, n: 1 + random.below(99) };
      steps.push({ kind: 'record', value, timestamp: time - random.below(jitter) });
    }
  }
  return steps;
}

function drawWindows(random: Prng): Windows {
  const size = 60 + random.below(120);
  const slide = 1 + random.below(3);
  const offset = ms(random.below(slide));
  const early = ms(1 + random.below(60));
  const late = ms(1 + random.below(60));
  const triggers = [
    trigger.eventTime(),
    trigger.eventTime({ early }),
    trigger.eventTime({ late }),
    trigger.eventTime({ early, late }),
  ];
  return {
    assigner:
      random.below(4) === 0
        ? cumulating(ms(size * slide), ms(slide), { offset })
        : sliding(ms(size), ms(slide), { offset }),
    trigger: triggers[random.below(triggers.length)],
    lateness: random.below(3) === 0 ? 0 : 1 + random.below(90),
  };
}

describe('windows that overlap, over slices', () => {
  it('give what they give one by one: any trigger of event time, many slices', async () => {
    let calls = 0;
    let callsOneByOne = 0;
    for (let seed = 0; seed < 16; seed++) {
      const random = Prng.of(seed);
      const windows = drawWindows(random);
      const steps = denseSteps(random);
      const restoreAt = random.below(steps.length);
      const [over, one] = [new Counted(), new Counted()];
      const actual = await outputs(specOf(windows, over), sliced, steps, restoreAt);
      const expected = await outputs(specOf(windows, one), general, steps, restoreAt);
      for (const [index, step] of [...steps, 'the end'].entries()) {
        const where = `seed ${seed}, step ${index}: ${JSON.stringify([step, windows])}`;
        assert.deepEqual(actual[index], expected[index], where);
      }
      calls += over.calls;
      callsOneByOne += one.calls;
    }
    assert.ok(calls < callsOneByOne / 2, `${calls} calls, one by one ${callsOneByOne}`);
  });

  it('W3: early and late firings survive restores, and an output that is full', async () => {
    const spec = windowsOf(sliding(ms(6), ms(2)), {
      trigger: trigger.eventTime({ early: ms(3), late: ms(2) }),
      allowedLateness: ms(4),
      contents: { kind: 'aggregate', aggregate: new Counted() },
    });
    sliced(spec);
    const early = 'a1@1 a2@3 +2 b4@4 +1';
    const fired = 'a[-4,2):1 a[-2,4):3 a[0,6):3 a[2,8):2';
    assert.equal(
      await resultsOf(spec, early),
      `${fired} | a[-4,2):1 a[-2,4):3 a[0,6):3 b[0,6):4 a[2,8):2 b[2,8):4 b[4,10):4`,
    );
    const late = 'W5 a8@2 +1 a16@3 +1 a32@5 W9';
    assert.equal(
      await resultsOf(spec, `${early} ${late} W20`),
      `${fired} a[-4,2):1 a[-2,4):3 a[0,6):3 b[0,6):4 ` +
        'b[2,8):4 b[4,10):4 a[-2,4):27 a[0,6):27 ' +
        'a[2,8):58 b[2,8):4 a[0,6):59 a[4,10):32 b[4,10):4',
    );
  });

  const SIZES = [64, 1024] as const;

  /** Calls of the aggregate for each record and each result, of one key with a record a slice. */
  async function cost(
    slices: number,
    by: Trigger<Row> | undefined,
    { create = sliced, records = 120, told = false } = {},
  ): Promise<number> {
    const aggregate = new Counted();
    const assigner = sliding(ms(slices), ms(1));
    let cleared = 0;
    const fn: WindowSpec['function'] = {
      emits: dynamic,
      windowState: { fired: state.value(t.boolean) },
      onWindow(value, ctx) {
        (ctx.windowState['fired'] as ValueState<boolean>).set(true);
        ctx.emit(value);
      },
      onClear({ windowState }) {
        if ((windowState['fired'] as ValueState<boolean>).get()) cleared += 1;
      },
    };
    const plain = specOf({ assigner, trigger: by, lateness: 0 }, aggregate);
    const spec = told ? { ...plain, function: fn } : plain;
    const harness = harnessOf(spec, create);
    await harness.open();
    const warm = slices;
    let [calls, results] = [0, 0];
    for (let at = 0; at < warm + records; at++) {
      if (at === warm) [calls, results] = [aggregate.calls, harness.results.length];
      harness.step({ kind: 'record', value: { key: 'a', n: 1 }, timestamp: at });
      harness.step({ kind: 'advance', by: ms(1) });
      harness.step({ kind: 'watermark', timestamp: at - 20 });
    }
    assert.equal(harness.failure, undefined);
    const out = harness.results.length - results;
    assert.ok(out >= records, 'each record is followed by a watermark that fires a window');
    if (told) assert.ok(cleared >= records, `${cleared} cleared`);
    return (aggregate.calls - calls) / (records + out);
  }

  it('cost the same, however many a record is in', async () => {
    const alike = [
      undefined,
      trigger.eventTime(),
      trigger.eventTime({ late: ms(10) }),
      trigger.purging(trigger.eventTime()),
    ];
    for (const by of alike) {
      // Panes are turned over once for each run of windows.
      const [few, many] = await Promise.all(SIZES.map((n) => cost(n, by, { records: 2 * n })));
      assert.ok(many! <= few! + 0.1, `${few} calls with ${SIZES[0]} slices, ${many} with more`);
    }
  });

  it('cost the same with state of each window, and somebody who is told when it is over', async () => {
    const [few, many] = await Promise.all(
      SIZES.map((n) => cost(n, undefined, { records: 2 * n, told: true })),
    );
    assert.ok(many! <= few! + 0.1, `${few} calls with ${SIZES[0]} slices, ${many} with more`);
  });

  const early: readonly (readonly [string, number])[] = [
    ['every few slices', 10],
    ['shortly before the end', 60],
    ['never, for the end comes first', 2000],
  ];
  for (const [when, delay] of early) {
    it(`with early firings cost no more than by the levels of blocks: ${when}`, async () => {
      const by = trigger.eventTime({ early: ms(delay) });
      const [few, many] = [await cost(SIZES[0], by), await cost(SIZES[1], by)];
      // Two levels more, and at most 3 blocks of each at both ends, made and merged.
      assert.ok(many <= few + 24, `${few} calls with ${SIZES[0]} slices, ${many} with more`);
    });
  }

  const repeated: readonly (readonly [string, Trigger<Row>])[] = [
    ['every so often by event time', trigger.continuousEventTime(ms(37))],
    ['every so often by the clock', trigger.continuousProcessingTime(ms(150))],
    ['a time-out around the end', trigger.timeout(trigger.eventTime(), ms(50))],
  ];
  for (const [when, by] of repeated) {
    it(`R1: with other firings a result costs a few levels at most: ${when}`, async () => {
      const [few, many] = [await cost(SIZES[0], by), await cost(SIZES[1], by)];
      assert.ok(many <= few + 24, `${few} calls with ${SIZES[0]} slices, ${many} with more`);
    });
  }

  /** Merges for each result, of one key with a record a slice, which is added once. */
  async function merges(
    slices: number,
    by: Trigger<Row>,
    kind: typeof RangeWindowOperator | typeof WindowOperator,
  ): Promise<number> {
    const aggregate = new Counted();
    const spec = specOf(
      { assigner: sliding(ms(slices), ms(1)), trigger: by, lateness: 0 },
      aggregate,
    );
    const harness = harnessOf(spec, (wanted) => {
      const operator = createWindowOperator(wanted);
      assert.ok(operator instanceof kind);
      return operator;
    });
    await harness.open();
    // Where a user is asked for each window, coming to that many would take long.
    const warm = kind === WindowOperator ? 0 : slices;
    const records = warm + 150;
    let [calls, results] = [0, 0];
    for (let at = 0; at < records; at++) {
      if (at === warm) [calls, results] = [aggregate.calls, harness.results.length];
      harness.step({ kind: 'record', value: { key: 'a', n: (at * 7) % 10 }, timestamp: at });
      harness.step({ kind: 'advance', by: ms(1) });
      harness.step({ kind: 'watermark', timestamp: at - 20 });
    }
    assert.equal(harness.failure, undefined);
    assert.equal(aggregate.adds, records);
    const out = harness.results.length - results;
    assert.ok(out > 150 / 8, `${out} results`);
    return (aggregate.calls - calls - 150) / out;
  }

  const difference = (left: Row, right: Row): number => Math.abs(left.n - right.n);
  const asked: readonly (readonly [string, Trigger<Row>])[] = [
    ['delta', trigger.delta(3, difference, Row)],
    ['custom', trigger.custom({ onElement: ({ n }: Row) => (n === 9 ? 'fire' : 'continue') })],
    [
      'custom with purges',
      trigger.custom({ onElement: ({ n }: Row) => (n === 9 ? 'fire-and-purge' : 'continue') }),
    ],
  ];
  for (const [name, by] of asked) {
    it(`H1: a record is added once, also where a user is asked for each: ${name}`, async () => {
      const [few, many] = [
        await merges(SIZES[0], by, WindowOperator),
        await merges(SIZES[1], by, WindowOperator),
      ];
      assert.ok(many < few + 24, `${few} merges a result with ${SIZES[0]} slices, then ${many}`);
    });
  }

  const around = (by: Trigger<Row>, resetOnElement = false, clearOnTimeout = true): Trigger<Row> =>
    trigger.timeout(by, ms(50), { resetOnElement, clearOnTimeout });
  const inRuns: readonly (readonly [string, Trigger<Row>])[] = [
    ['count', trigger.count(40)],
    ['count of nearly all', trigger.count(60)],
    ['purging count', trigger.purging(trigger.count(40))],
    ['time-out', around(trigger.count(60))],
    ['time-out anew at each record', around(trigger.count(60), true)],
    ['time-out that goes on', around(trigger.count(60), true, false)],
    ['purging time-out', trigger.purging(around(trigger.count(60)))],
    ['purging within a time-out', around(trigger.purging(trigger.count(40)), true)],
    ['purging early', trigger.purging(trigger.eventTime({ early: ms(10) }))],
    ['purging every so often', trigger.purging(trigger.continuousEventTime(ms(37)))],
    ['time-out around every so often', around(trigger.continuousProcessingTime(ms(37)), true)],
  ];
  for (const [name, by] of inRuns) {
    it(`W1-W3: windows are looked at in runs: ${name}`, async () => {
      const [few, many] = [
        await merges(SIZES[0], by, RangeWindowOperator),
        await merges(SIZES[1], by, RangeWindowOperator),
      ];
      assert.ok(many < few + 24, `${few} merges a result with ${SIZES[0]} slices, then ${many}`);
    });
  }

  it('W2, V2: and a key has one value and at most two timers, however many there are', () => {
    for (const slices of [64, 16_384]) {
      const spec = {
        ...countSpec(sliding(ms(slices), ms(1))),
        trigger: trigger.timeout(trigger.count(1e6), ms(50), { resetOnElement: true }),
      };
      const subtask = new Subtask(spec, 0, 1);
      assert.ok(subtask.operator instanceof RangeWindowOperator);
      subtask.start();
      for (let at = 0; at < 200; at += 1) subtask.visit('a', 3);
      // What has come to the slice, the windows, and the timers.
      assert.equal(subtask.keyed.usage.entries, 4);
      subtask.watermark(1e6);
      assert.equal(subtask.results.length, slices);
      assert.equal(subtask.keyed.usage.entries, 0);
    }
  });

  it('and not so, one by one', async () => {
    const by = trigger.eventTime();
    const [few, many] = [
      await cost(16, by, { create: general }),
      await cost(256, by, { create: general }),
    ];
    assert.ok(many > 8 * few, `${few} and ${many}`);
  });
});
