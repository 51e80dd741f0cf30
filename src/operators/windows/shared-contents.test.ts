// Windows that share what they hold, or all, against windows one by one: any trigger, with purges,
// records out of order, late ones, restores at any step. What comes out of each step must be the
// same.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import { Prng } from '../../base/prng.ts';
import type { Duration } from '../../base/units.ts';
import { state, type ValueState } from '../../functions/state.ts';
import { trigger, type Trigger } from '../../functions/trigger.ts';
import { cumulating, sliding, tumbling, type WindowTime } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { countingMetrics } from '../../testing/counting-metrics.test-kit.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorStep } from '../../testing/operator-harness.ts';
import { dynamic, t } from '../../types/t.ts';
import type { KeyedOperator } from '../operator.ts';
import { createWindowOperator } from './create-window-operator.ts';
import { RangeWindowOperator } from './ranges/range-window-operator.ts';
import { WindowOperator } from './window-operator.ts';
import { Row, windowsOf } from './windows.test-kit.ts';

const ms = (n: number): Duration => n as Duration;

/** Fires and purges as the records say, each window by itself. */
function customTrigger(): Trigger<Row> {
  return trigger.custom({
    state: { seen: state.value(t.float64, { initial: 0 }) },
    onElement({ n }: Row, ctx) {
      ctx.state.seen.set(ctx.state.seen.get() + 1);
      if (ctx.timestamp !== undefined) ctx.timers.onEventTime((ctx.timestamp + 9) as never);
      const sum = ctx.state.seen.get() + n + ctx.window.end;
      return (['continue', 'fire', 'purge', 'continue', 'fire-and-purge'] as const)[
        ((sum % 5) + 5) % 5
      ]!;
    },
    onEventTime: (_at, ctx) => (ctx.window.end % 2 === 0 ? 'fire' : 'fire-and-purge'),
  });
}

function drawTrigger(random: Prng, depth = 0): Trigger<Row> {
  const span = ms(1 + random.below(25));
  const nested = (): Trigger<Row> => drawTrigger(random, depth + 1);
  const flat: readonly (() => Trigger<Row>)[] = [
    () => trigger.eventTime(),
    () => trigger.eventTime({ early: span }),
    () => trigger.eventTime({ early: span, late: ms(3) }),
    () => trigger.processingTime(),
    () => trigger.count(1 + random.below(5)),
    () => trigger.delta(20, (left: Row, right: Row) => Math.abs(left.n - right.n), Row),
    () => trigger.continuousEventTime(span),
    () => trigger.continuousProcessingTime(span),
    () => customTrigger(),
  ];
  const around: readonly (() => Trigger<Row>)[] = [
    () => trigger.purging(nested()),
    () => trigger.purging(nested()),
    () =>
      trigger.timeout(nested(), span, {
        resetOnElement: random.below(2) === 0,
        clearOnTimeout: random.below(2) === 0,
      }),
  ];
  const choices = depth < 2 ? [...flat, ...around, ...around] : flat;
  return choices[random.below(choices.length)]!();
}

/** What functions were told is over, since it was looked at last. */
const cleared: string[] = [];

function numberIn(handles: Readonly<Record<string, unknown>>, name: string): ValueState<number> {
  return handles[name] as ValueState<number>;
}

/** Counts firings of each window, and windows of each key that are over. */
function drawFunction(random: Prng, showsCleared: boolean): WindowSpec['function'] {
  const n = state.value(t.float64, { initial: 0 });
  const draw = random.below(4);
  if (draw < 2) return undefined;
  return {
    emits: t.string,
    windowState: { n },
    globalState: { over: n },
    onWindow(value, ctx) {
      const { key, window } = ctx;
      const fired = numberIn(ctx.windowState, 'n');
      fired.set(fired.get() + 1);
      const over = showsCleared ? numberIn(ctx.globalState, 'over').get() : '';
      ctx.emit(`${key} ${window.start} ${window.end} ${value} ${fired.get()} ${over}`);
    },
    ...(draw === 2
      ? {}
      : {
          onClear({ key, window, windowState, globalState }) {
            const over = numberIn(globalState, 'over');
            over.set(over.get() + 1);
            const fired = numberIn(windowState, 'n').get();
            cleared.push(`cleared ${key} ${window.start} ${window.end} ${fired}`);
          },
        }),
  };
}

function drawSpec(random: Prng): WindowSpec {
  const time: WindowTime = random.below(4) === 0 ? 'processing' : 'event';
  const size = 2 + random.below(40);
  const slide = 1 + random.below(Math.min(size - 1, 6));
  const offset = ms(random.below(slide));
  const assigners = [
    tumbling(ms(size), { time, offset }),
    cumulating(ms(slide * (2 + random.below(8))), ms(slide), { time, offset }),
    cumulating(ms(slide * (2 + random.below(8))), ms(slide), { time, offset }),
  ];
  const assigner = assigners[random.below(8)] ?? sliding(ms(size), ms(slide), { time, offset });
  const add = (all: readonly number[], { n }: Row): readonly number[] => [...all, n];
  const lateness = time === 'event' && random.below(2) === 0 ? 1 + random.below(30) : 0;
  const by = random.below(4) === 0 ? undefined : drawTrigger(random);
  // At one moment windows fire, and others are over, in any order.
  const isTold = by === undefined || by.kind === `${time}Time`;
  const inOrder = lateness === 0 || (assigner.kind !== 'tumbling' && lateness % slide !== 0);
  return windowsOf(assigner, {
    trigger: by,
    allowedLateness: ms(lateness),
    function: drawFunction(random, isTold && inOrder),
    contents: {
      kind: 'aggregate',
      aggregate: {
        accumulator: t.array(t.float64),
        create: () => [],
        add: add as never,
        merge: (left: any, right: any) => [...left, ...right],
        result: (all: any) => all.toSorted((a: number, b: number) => a - b).join(),
      },
    },
  });
}

function drawSteps(random: Prng): readonly OperatorStep[] {
  const steps: OperatorStep[] = [];
  const pace = 1 + random.below(4);
  let time = -20;
  let watermark = -1000;
  for (let i = 0; i < 60; i += 1) {
    time += random.below(pace);
    const what = random.below(8);
    if (what === 0) {
      watermark = Math.max(watermark, time - random.below(20));
      steps.push({ kind: 'watermark', timestamp: watermark });
    } else if (what === 1) {
      steps.push({ kind: 'advance', by: ms(1 + random.below(12)) });
    } else {
      const value = { key: 'ab'[random.below(2)]!, n: i };
      steps.push({ kind: 'record', value, timestamp: time - random.below(20) });
    }
  }
  return steps;
}

async function outputs(
  create: () => KeyedOperator,
  {
    spec,
    steps,
    restoreAt,
  }: {
    readonly spec: WindowSpec;
    readonly steps: readonly OperatorStep[];
    readonly restoreAt: number;
  },
): Promise<readonly (readonly string[])[]> {
  const out: string[][] = [];
  const counted = new Map<string, number>();
  const fresh = (): OperatorHarness =>
    new OperatorHarness({
      operator: create(),
      inputs: 1,
      keys: [spec.key],
      output: dynamic,
      sideOutputs: { late: Row },
      open: {
        metrics: countingMetrics((name, by) => counted.set(name, (counted.get(name) ?? 0) + by)),
      },
      fullAfterEveryRecord: restoreAt % 2 === 0,
    });
  let harness = fresh();
  await harness.open();
  const take = (): void => {
    if (harness.failure !== undefined) throw harness.failure;
    const found = harness.results.splice(0).filter(({ kind }) => kind === 'record');
    const shown = found.map((each) => JSON.stringify(each));
    out.push([...shown, ...cleared.splice(0), ...[...counted].map(String)].toSorted());
    counted.clear();
  };
  for (const [index, step] of steps.entries()) {
    if (index === restoreAt) {
      const snapshot = await harness.snapshot();
      await harness.close();
      harness = fresh();
      await harness.open(snapshot);
    }
    harness.step(step);
    take();
  }
  harness.end();
  await harness.settle();
  take();
  return out;
}

const CASES = cases(200);

describe('contents that windows share', () => {
  it('H1-H3, K1-K3, G1, G2, W1-W4, V1, V2, X1-X3: are what they would be one by one', async () => {
    let [shared, inRuns, results] = [0, 0, 0];
    for (let seed = 0; seed < CASES; seed += 1) {
      const random = Prng.of(seed);
      const spec = drawSpec(random);
      const steps = drawSteps(random);
      const plan = { spec, steps, restoreAt: random.below(steps.length) };
      const actual = await outputs(() => createWindowOperator(spec) as KeyedOperator, plan);
      const expected = await outputs(() => new WindowOperator(spec), plan);
      for (const [index, step] of [...steps, 'the end'].entries()) {
        const said = JSON.stringify([step, spec.assigner, spec.trigger, spec.allowedLateness]);
        const where = `seed ${seed}, step ${index}: ${said}`;
        assert.deepEqual(actual[index], expected[index], where);
        results += actual[index]!.length;
      }
      const chosen = createWindowOperator(spec);
      if (chosen instanceof WindowOperator) shared += 1;
      if (chosen instanceof RangeWindowOperator) inRuns += 1;
    }
    const kinds = `${shared} shared, ${inRuns} in runs, ${results} results`;
    assert.ok(shared > CASES / 5 && inRuns > CASES / 4 && results > 10 * CASES, kinds);
  });
});
