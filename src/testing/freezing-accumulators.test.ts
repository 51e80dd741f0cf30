// Functions that change an accumulator in place are found, wherever accumulators are kept.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DataStream } from '../api/data-stream.ts';
import { isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { AggregateFunction } from '../functions/aggregate-function.ts';
import { state } from '../functions/state.ts';
import { trigger } from '../functions/trigger.ts';
import { session, sliding, tumbling } from '../functions/window.ts';
import { harnessOf } from './stream-harness.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import { freezingAccumulators } from '../operators/freezing-accumulators.ts';

const Sum = t.struct({ n: t.int32 });
type Sum = { n: number };

/** As usual in Flink. */
const inPlace: AggregateFunction<Sum, number[], number> = {
  accumulator: t.array(t.int32) as Schema<number[]>,
  emits: t.int32,
  create: () => [],
  add(list, { n }) {
    list.push(n);
    return list;
  },
  merge(left, right) {
    left.push(...right);
    return left;
  },
  result: (list) => list.length,
};

const asValue: typeof inPlace = {
  ...inPlace,
  add: (list, { n }) => [...list, n],
  merge: (left, right) => [...left, ...right],
};

const mergeInPlace: typeof inPlace = {
  ...asValue,
  merge: (left, right) => inPlace.merge(left, right),
};

const addTo = (left: Sum, right: Sum): Sum => {
  left.n += right.n;
  return left;
};

type Job = (stream: DataStream<Sum>) => DataStream<unknown>;

const second = seconds(1);
const slides = sliding(seconds(2), second);

const aggregates = (aggregate: typeof inPlace): Readonly<Record<string, Job>> => ({
  rolling: (sums) => sums.keyBy(() => 1).aggregate(aggregate),
  slices: (sums) =>
    sums
      .keyBy(() => 1)
      .window(slides)
      .aggregate(aggregate),
  sessions: (sums) =>
    sums
      .keyBy(() => 1)
      .window(session(second))
      .aggregate(aggregate),
  'windows in general': (sums) =>
    sums
      .keyBy(() => 1)
      .window(tumbling(second))
      .trigger(trigger.count(9))
      .aggregate(aggregate),
  'state of a function': (sums) =>
    sums
      .keyBy(() => 1)
      .process({
        emits: t.int32,
        state: { list: state.aggregating(aggregate) },
        onElement(value, ctx) {
          ctx.state.list.add(value);
        },
      }),
});

const REDUCTIONS: Readonly<Record<string, Job>> = {
  rolling: (sums) => sums.keyBy(() => 1).reduce(addTo),
  slices: (sums) =>
    sums
      .keyBy(() => 1)
      .window(slides)
      .reduce(addTo),
  'windows in general': (sums) =>
    sums
      .keyBy(() => 1)
      .window(slides)
      .trigger(trigger.eventTime())
      .reduce(addTo),
};

async function run(job: Job): Promise<void> {
  await using harness = await harnessOf(job, { input: Sum });
  for (let n = 1; n <= 3; n += 1) harness.push({ n }, n);
  harness.watermark(5000);
  await harness.end();
}

const mutation =
  (role: string) =>
  (thrown: unknown): boolean =>
    isEngineError(thrown, 'USER_CODE_MUTATION') &&
    thrown.parameters['role'] === role &&
    thrown.parameters['operator'] !== '';

describe('an accumulator that is changed in place', () => {
  for (const [where, job] of Object.entries(aggregates(inPlace))) {
    it(`by an aggregate is found: ${where}`, async () => {
      const role = where === 'state of a function' ? 'onElement' : 'aggregate';
      await assert.rejects(run(job), mutation(role));
    });
  }

  for (const [where, job] of Object.entries(aggregates(asValue))) {
    it(`is not one that is made anew: ${where}`, async () => {
      await run(job);
    });
  }

  for (const [where, job] of Object.entries(REDUCTIONS)) {
    it(`by a reduction is found: ${where}`, async () => {
      await assert.rejects(run(job), mutation('reduce'));
    });
  }

  it('is found where sessions merge', async () => {
    const job = aggregates(mergeInPlace)['sessions']!;
    await using harness = await harnessOf(job, { input: Sum });
    for (const at of [0, 1500]) harness.push({ n: 1 }, at);
    assert.throws(() => {
      harness.push({ n: 1 }, 750);
      harness.watermark(9000);
    }, mutation('aggregate'));
  });

  it('costs nothing where nothing is verified: the spec is the same', () => {
    const spec = {
      kind: 'aggregate',
      key: { select: () => 1, schema: t.int32 },
      aggregate: inPlace,
    } as const;
    assert.equal(freezingAccumulators(spec, 'off'), spec);
  });
});
