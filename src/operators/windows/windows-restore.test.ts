// Any windows, with any trigger and evictor, whether or not they make sense together: restored at
// every other step they give what they give without.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import { Prng } from '../../base/prng.ts';
import type { Duration } from '../../base/units.ts';
import { sumOf } from '../../functions/aggregates.ts';
import { evictor, type Evictor } from '../../functions/evictor.ts';
import { state } from '../../functions/state.ts';
import { canMerge, trigger, type Trigger } from '../../functions/trigger.ts';
import {
  cumulating,
  customWindows,
  globalWindow,
  isMerging,
  session,
  sliding,
  tumbling,
  type WindowAssigner,
  type WindowTime,
} from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorStep } from '../../testing/operator-harness.ts';
import { dynamic, t } from '../../types/t.ts';
import { WindowOperator } from './window-operator.ts';
import { Row, windowsOf } from './windows.test-kit.ts';
import { countingMetrics } from '../../testing/counting-metrics.test-kit.ts';

const ms = (n: number): Duration => n as Duration;
const distance = (left: Row, right: Row): number => Math.abs(left.n - right.n);

function pick<T>(random: Prng, choices: readonly (() => T)[]): T {
  return choices[random.below(choices.length)]!();
}

function randomAssigner(random: Prng): WindowAssigner<Row> {
  const time: WindowTime = random.below(2) === 0 ? 'event' : 'processing';
  const size = 1 + random.below(20);
  return pick<WindowAssigner<Row>>(random, [
    () => tumbling(ms(size), { time }),
    () => tumbling(ms(size), { time, stagger: 'natural' }),
    () => sliding(ms(size), ms(1 + random.below(10)), { time }),
    () => cumulating(ms(size * 3), ms(size), { time }),
    () => session(ms(size), { time }),
    () => session((row: Row) => ms(1 + (row.n % 9)), { time }),
    () => globalWindow(),
    () =>
      customWindows({
        time,
        merging: random.below(2) === 0,
        assign: (row: Row, at) => [{ start: at, end: (at + 1 + (row.n % size)) as never }],
      }),
  ]);
}

/** Counts, and plans a firing of each time. */
function customTrigger(): Trigger<Row> {
  return trigger.custom({
    state: { seen: state.reducing(t.integer, (a, b) => a + b), all: state.list(t.float64) },
    onElement(row: Row, ctx) {
      ctx.state.seen.add(1);
      ctx.state.all.add(row.n);
      ctx.timers.onProcessingTime((ctx.processingTime + 7) as never);
      if (ctx.timestamp !== undefined) ctx.timers.onEventTime((ctx.timestamp + 9) as never);
      if (row.n % 13 === 0) return 'purge';
      return ctx.state.seen.get()! % 4 === 0 ? 'fire' : 'continue';
    },
    onEventTime: (_at, ctx) => ([...ctx.state.all.values()].length > 2 ? 'fire' : 'continue'),
    onProcessingTime: (at) => (at % 3 === 0 ? 'fire-and-purge' : 'continue'),
    onMerge(ctx) {
      ctx.mergeState('seen');
      ctx.mergeState('all');
    },
  });
}

function randomTrigger(random: Prng, depth = 0): Trigger<Row> | undefined {
  const span = ms(1 + random.below(15));
  const nested = (): Trigger<Row> => randomTrigger(random, depth + 1) ?? trigger.count(3);
  const flat: readonly (() => Trigger<Row> | undefined)[] = [
    () => undefined,
    () => trigger.eventTime(),
    () => trigger.eventTime({ early: span }),
    () => trigger.eventTime({ early: span, late: ms(3) }),
    () => trigger.processingTime(),
    () => trigger.count(1 + random.below(4)),
    () => trigger.delta(20, distance, Row),
    () => trigger.continuousEventTime(span),
    () => trigger.continuousProcessingTime(span),
    () => customTrigger(),
  ];
  const around: readonly (() => Trigger<Row>)[] = [
    () => trigger.purging(nested()),
    () =>
      trigger.timeout(nested(), span, {
        resetOnElement: random.below(2) === 0,
        clearOnTimeout: random.below(2) === 0,
      }),
  ];
  return pick<Trigger<Row> | undefined>(random, depth < 2 ? [...flat, ...around] : flat);
}

function randomEvictor(random: Prng): Evictor<Row> | undefined {
  const after = random.below(2) === 0;
  return pick<Evictor<Row> | undefined>(random, [
    () => undefined,
    () => undefined,
    () => undefined,
    () => evictor.count(1 + random.below(3), { after }),
    () => evictor.time(ms(1 + random.below(9)), { after }),
    () => evictor.delta(10, distance, { after }),
    () => evictor.custom({ evictAfter: (elements) => elements.slice(1) }),
  ]);
}

function randomSpec(random: Prng): WindowSpec {
  const assigner = randomAssigner(random);
  const wanted = randomTrigger(random);
  const isLegal = wanted === undefined || !isMerging(assigner) || canMerge(wanted);
  const isEvent = assigner.kind !== 'global' && assigner.time === 'event';
  const aggregate = sumOf((row: Row) => row.n);
  return windowsOf(assigner, {
    trigger: isLegal ? wanted : trigger.count(2),
    evictor: randomEvictor(random),
    allowedLateness: ms(isEvent ? random.below(15) : 0),
    ...(random.below(2) === 0 ? {} : { contents: { kind: 'aggregate', aggregate } }),
  });
}

function randomSteps(random: Prng): readonly OperatorStep[] {
  const steps: OperatorStep[] = [];
  let time = -20;
  let watermark = -1000;
  for (let i = 0; i < 24; i += 1) {
    time += random.below(5);
    const what = random.below(6);
    if (what === 0) {
      watermark = Math.max(watermark, time - random.below(9));
      steps.push({ kind: 'watermark', timestamp: watermark });
    } else if (what === 1) {
      steps.push({ kind: 'advance', by: ms(1 + random.below(12)) });
    } else {
      const value = { key: 'ab'[random.below(2)]!, n: 1 + random.below(40) };
      steps.push({ kind: 'record', value, timestamp: time - random.below(8) });
    }
  }
  return steps;
}

interface Run {
  readonly out: readonly string[];
  readonly unfired: number;
}

async function runOf(
  spec: WindowSpec,
  steps: readonly OperatorStep[],
  restored: boolean,
): Promise<Run> {
  const out: string[] = [];
  let unfired = 0;
  const counted = (name: string, by: number): void => {
    if (name === 'numElementsUnfired') unfired += by;
    else out.push('dropped');
  };
  const fresh = (): OperatorHarness =>
    new OperatorHarness({
      operator: new WindowOperator(spec),
      inputs: 1,
      keys: [spec.key],
      output: dynamic,
      open: { metrics: countingMetrics(counted) },
      fullAfterEveryRecord: restored,
    });
  const take = (harness: OperatorHarness): void => {
    if (harness.failure !== undefined) throw harness.failure;
    const found = harness.results.splice(0).filter(({ kind }) => kind === 'record');
    // Timers of one time fire in any order.
    out.push(...found.map((each) => JSON.stringify(each)).toSorted());
  };
  let harness = fresh();
  await harness.open();
  for (const [index, step] of steps.entries()) {
    harness.step(step);
    take(harness);
    if (!restored || index % 2 === 1) continue;
    const snapshot = await harness.snapshot();
    await harness.close();
    harness = fresh();
    await harness.open(snapshot);
  }
  harness.end();
  await harness.settle();
  take(harness);
  return { out, unfired };
}

const CASES = cases(100, 2500);

it('restored at every other step, any windows go on as they would have', async () => {
  let results = 0;
  for (let seed = 0; seed < CASES; seed += 1) {
    const random = Prng.of(seed);
    const spec = randomSpec(random);
    const steps = randomSteps(random);
    const plain = await runOf(spec, steps, false);
    const where = `seed ${seed}: ${JSON.stringify([spec.assigner, spec.trigger, spec.evictor])}`;
    assert.deepEqual(await runOf(spec, steps, true), plain, where);
    results += plain.out.length;
  }
  assert.ok(results > CASES * 5, `${results} results`);
});
