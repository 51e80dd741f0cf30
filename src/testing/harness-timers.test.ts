/** Timers and time in harnesses: what is due, when it fires, and that a lost one shows. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DataStream } from '../api/data-stream.ts';
import type { ProcessedStream } from '../api/processed-stream.ts';
import { milliseconds, minutes, plus, seconds, timestamp } from '../base/units.ts';
import type { KeyedProcessFunction } from '../functions/process-function.ts';
import type { Downstream, KeyedOperator, OperatorContext } from '../operators/operator.ts';
import { KeyedProcessOperator } from '../operators/process-operator.ts';
import { t } from '../types/index.ts';
import { harnessOf } from './stream-harness.ts';
import { verifyOperator } from './verify-operator.ts';

const Event = t.struct({ key: t.string, at: t.timestamp });
type Event = { readonly key: string; readonly at: ReturnType<typeof timestamp> };

/** Says a second after each event, of both times, that it was so. */
const ECHO: KeyedProcessFunction<Event, string, string> = {
  emits: t.string,
  onElement({ at }, ctx) {
    ctx.timers.onEventTime(plus(at, seconds(1)));
    ctx.timers.onProcessingTime(plus(ctx.processingTime, seconds(1)));
  },
  onTimer(at, ctx) {
    ctx.emit(`${ctx.key} ${ctx.timeDomain} ${at} now ${ctx.processingTime}`);
  },
};

function echo(events: DataStream<Event>): ProcessedStream<string, {}> {
  return events.keyBy(({ key }) => key).process(ECHO);
}

describe('timers in a harness', () => {
  for (const parallelism of [1, 3]) {
    it(`are shown by key, and fire at their time; parallelism ${parallelism}`, async () => {
      await using harness = await harnessOf(echo, { input: Event, parallelism, startAt: 5000 });
      harness.push({ key: 'a', at: timestamp(2000) }, 2000);
      await harness.advance(milliseconds(10));
      harness.push({ key: 'a', at: timestamp(1500) }, 1500);
      harness.push({ key: 'a', at: timestamp(1500) }, 1500);
      harness.push({ key: 'b', at: timestamp(9000) }, 9000);
      assert.deepEqual(harness.eventTimers('a'), [2500, 3000]);
      assert.deepEqual(harness.processingTimers('a'), [6000, 6010]);
      assert.deepEqual(harness.eventTimers('nobody'), []);
      harness.watermark(2999);
      assert.deepEqual(harness.output(), ['a event 2500 now 5010']);
      assert.deepEqual(harness.eventTimers('a'), [3000]);
      await harness.advance(minutes(1));
      assert.deepEqual(harness.output().slice(1).toSorted(), [
        'a processing 6000 now 6000',
        'a processing 6010 now 6010',
        'b processing 6010 now 6010',
      ]);
      assert.deepEqual(harness.processingTimers('a'), []);
      await harness.end();
      assert.deepEqual(harness.output().slice(4).toSorted(), [
        'a event 3000 now 65010',
        'b event 10000 now 65010',
      ]);
    });
  }

  it('are part of a snapshot, at any parallelism', async () => {
    await using harness = await harnessOf(echo, { input: Event, parallelism: 2 });
    for (const key of ['a', 'b', 'c', 'd', 'e']) harness.push({ key, at: timestamp(10) }, 10);
    const snapshot = await harness.snapshot();
    for (const parallelism of [1, 2, 3, 4]) {
      await using again = await harness.restored(snapshot, { parallelism });
      assert.deepEqual(again.eventTimers('c'), [1010]);
      again.watermark(1010);
      assert.equal(again.output().length, 5);
      await again.advance(seconds(1));
      assert.equal(again.output().length, 10);
    }
  });

  it('fire at their time even where much lies between', async () => {
    await using harness = await harnessOf(
      (events) =>
        events
          .keyBy(({ key }) => key)
          .process({
            emits: t.timestamp,
            onElement: (_event, ctx) =>
              ctx.timers.onProcessingTime(plus(ctx.processingTime, seconds(1))),
            onTimer(at, ctx) {
              ctx.emit(ctx.processingTime);
              ctx.timers.onProcessingTime(plus(at, minutes(7)));
            },
          }),
      { input: Event },
    );
    harness.push({ key: 'a', at: timestamp(0) });
    await harness.advance(minutes(30));
    const expected = [0, 1, 2, 3, 4].map((n) => 1000 + n * 7 * 60_000);
    assert.deepEqual(harness.output(), expected);
  });
});

/** Keeps when it is due beside its state, so that a restore loses it. */
class Forgetful implements KeyedOperator {
  #output!: Downstream;
  #context!: OperatorContext;
  readonly #events: number[] = [];
  readonly #processing: number[] = [];
  readonly #domain: 'event' | 'processing';

  constructor(domain: 'event' | 'processing') {
    this.#domain = domain;
  }

  open(context: OperatorContext): void {
    this.#context = context;
    this.#output = context.output;
  }

  processKeyed(_value: unknown, timestamp: number): void {
    if (this.#domain === 'event') {
      this.#events.push(timestamp + 10);
    } else {
      const at = plus(this.#context.processingTime(), milliseconds(10));
      this.#processing.push(at);
      this.#context.wakeAt(at);
    }
  }

  process(): void {}

  watermark(at: number): boolean {
    this.#fire(this.#events, at);
    return true;
  }

  processingTime(now: number): boolean {
    this.#fire(this.#processing, now);
    return true;
  }

  close(): void {}

  #fire(due: number[], limit: number): void {
    while (due.length > 0 && due[0]! <= limit) this.#output.process(`due ${due[0]}`, due.shift()!);
  }
}

describe('verifyOperator', () => {
  const key = { select: () => 'key', schema: undefined };
  for (const [domain, last] of [
    ['event', { kind: 'watermark', timestamp: 2000 }],
    ['processing', { kind: 'advance', by: seconds(2) }],
  ] as const) {
    it(`finds an operator that loses its timers of ${domain} time`, async () => {
      const verify = (lost: boolean): Promise<unknown> =>
        verifyOperator({
          create: () => (lost ? new Forgetful(domain) : new KeyedProcessOperator(key, ECHO)),
          keys: [key],
          output: t.string,
          steps: [{ kind: 'record', value: { key: 'a', at: 7 }, timestamp: 7 }, last],
        });
      await assert.rejects(verify(true), /with snapshot and restore after step 1/);
      await verify(false);
    });
  }
});
