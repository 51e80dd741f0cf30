// Windows of every kind against their definition: whole jobs with random input out of order, late
// records, early and late firings, continuous and counting triggers, purges, subtasks, snapshots at
// random moments that are restored at another parallelism. What comes out must be the same records,
// of each key and all in all.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  cumulating,
  milliseconds,
  session,
  sliding,
  t,
  timestamp,
  trigger,
  tumbling,
  type AggregateFunction,
  type Infer,
  type StreamEnvironment,
  type Timestamp,
  type Trigger,
  type Window,
  type WindowAssigner,
} from 'millrace';
import { JobHarness, manualSource } from 'millrace/testing';
import { Prng } from '../src/base/prng.ts';
import {
  cumulatingModel,
  slidingModel,
  WindowModel,
  type Firing,
  type ModelAssigner,
  type ModelTrigger,
} from './window-model.test-kit.ts';

/** Ten thousand in all. */
const CASES = 2500;
const Visit = t.struct({ user: t.string, n: t.integer, gap: t.integer, one: t.integer });
type Visit = Infer<typeof Visit>;
type Time = 'event' | 'processing';
type Contents = 'aggregate' | 'reduce' | 'list';

interface Case {
  readonly assigner: WindowAssigner<Visit>;
  readonly model: ModelAssigner;
  readonly time: Time;
  readonly lateness: number;
  readonly contents: Contents;
  readonly trigger: Trigger<Visit> | undefined;
  /** What it comes to. */
  readonly firings: ModelTrigger;
  readonly keys: 'text' | 'number' | 'tuple';
  readonly said: string;
}

/** Sums numbers and counts them; adding up in any order gives the same. */
const totals: AggregateFunction<Visit, { sum: number; count: number }, string> = {
  accumulator: t.struct({ sum: t.integer, count: t.integer }),
  create: () => ({ sum: 0, count: 0 }),
  add: ({ sum, count }, { n }) => ({ sum: sum + n, count: count + 1 }),
  merge: (a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }),
  result: ({ sum, count }) => `${count} sum ${sum}`,
};

function totalsOf(values: readonly number[]): string {
  return `${values.length} sum ${values.reduce((a, b) => a + b, 0)}`;
}

function drawCase(random: Prng, kind: string): Case {
  const time: Time = random.below(4) === 0 ? 'processing' : 'event';
  const contents = (['aggregate', 'reduce', 'list'] as const)[random.below(3)]!;
  const size = 1 + random.below(30);
  const step = 1 + random.below(12);
  const [by, firings, named] = drawTrigger(random, time);
  const [assigner, model, said] = drawAssigner(kind, random, { size, step, time });
  // A late record that makes an ended session longer brings its old timers back, as in Flink.
  const isPlain = kind !== 'session' || firings.every?.by !== 'event';
  return {
    assigner,
    model,
    time,
    contents,
    lateness: time === 'event' && isPlain && random.below(2) === 0 ? random.below(25) : 0,
    trigger: by,
    firings,
    keys: (['text', 'number', 'tuple'] as const)[random.below(3)]!,
    said: `${said}, ${named}`,
  };
}

type DrawnTrigger = readonly [Trigger<Visit> | undefined, ModelTrigger, string];

/** With `custom` windows are asked one by one. */
function drawTrigger(random: Prng, time: Time): DrawnTrigger {
  const firings: ModelTrigger = { atEnd: true, early: undefined, late: 'each', purges: false };
  const draw = random.below(10);
  if (draw < 2) return [undefined, firings, 'default trigger'];
  if (draw === 2) return [customTrigger(time), firings, 'custom trigger'];
  if (draw < 6) return purgedOrNot(random, drawCounted(random, { time, firings }));
  const end = time === 'event' ? trigger.eventTime() : trigger.processingTime();
  if (draw === 6) return purgedOrNot(random, [end, firings, 'explicit trigger']);
  if (time === 'processing') return [end, firings, 'explicit trigger'];
  const early = draw === 7 ? undefined : milliseconds(1 + random.below(40));
  const late = random.below(2) === 0 ? 'each' : milliseconds(1 + random.below(40));
  const by = trigger.eventTime({ early, late });
  const said = `trigger with early ${early} and late ${late}`;
  return purgedOrNot(random, [by, { ...firings, early, late }, said]);
}

function drawCounted(
  random: Prng,
  { time, firings }: { readonly time: Time; readonly firings: ModelTrigger },
): DrawnTrigger {
  const interval = milliseconds(1 + random.below(12));
  const draw = random.below(3);
  if (draw === 0) {
    const count = 1 + random.below(5);
    return [trigger.count(count), { ...firings, atEnd: false, count }, `count ${count}`];
  }
  if (draw === 1 && time === 'event') {
    const every = { interval, by: 'event' } as const;
    const by = trigger.continuousEventTime(interval);
    return [by, { ...firings, every }, `every ${interval} by event time`];
  }
  const atEnd = time === 'processing';
  const every = { interval, by: 'clock' } as const;
  const by = trigger.continuousProcessingTime(interval);
  return [by, { ...firings, atEnd, every }, `every ${interval} by the clock`];
}

function purgedOrNot(random: Prng, [by, firings, said]: DrawnTrigger): DrawnTrigger {
  if (by === undefined || random.below(3) > 0) return [by, firings, said];
  return [trigger.purging(by), { ...firings, purges: true }, `purging, ${said}`];
}

/** The default one, written by a user. */
function customTrigger(time: Time): Trigger<Visit> {
  const last = ({ end }: Window): Timestamp => timestamp(end - 1);
  if (time === 'processing') {
    return trigger.custom<Visit>({
      onElement(_visit, { timers, window }) {
        timers.onProcessingTime(window.end);
        return 'continue';
      },
      onProcessingTime: () => 'fire',
      onMerge({ timers, window, processingTime }) {
        if (window.end > processingTime) timers.onProcessingTime(window.end);
      },
      clear: ({ timers, window }) => timers.deleteProcessingTime(window.end),
    });
  }
  return trigger.custom<Visit>({
    onElement(_visit, { timers, window, watermark }) {
      if (last(window) <= watermark) return 'fire';
      timers.onEventTime(last(window));
      return 'continue';
    },
    onEventTime: (at, { window }) => (at === last(window) ? 'fire' : 'continue'),
    onMerge({ timers, window, watermark }) {
      if (last(window) > watermark) timers.onEventTime(last(window));
    },
    clear: ({ timers, window }) => timers.deleteEventTime(last(window)),
  });
}

function drawAssigner(
  kind: string,
  random: Prng,
  { size, step, time }: { readonly size: number; readonly step: number; readonly time: Time },
): [WindowAssigner<Visit>, ModelAssigner, string] {
  const within = (limit: number): number => random.below(2 * limit - 1) - (limit - 1);
  switch (kind) {
    case 'tumbling': {
      const offset = within(size);
      const options = { offset: milliseconds(offset), time };
      const assigner = tumbling(milliseconds(size), options);
      return [assigner, slidingModel(size, size, offset), `tumbling ${size} at ${offset}`];
    }
    case 'sliding': {
      const offset = within(step);
      const options = { offset: milliseconds(offset), time };
      const assigner = sliding(milliseconds(size), milliseconds(step), options);
      return [
        assigner,
        slidingModel(size, step, offset),
        `sliding ${size} by ${step} at ${offset}`,
      ];
    }
    case 'cumulating': {
      const whole = step * (1 + random.below(4));
      const offset = within(whole);
      const options = { offset: milliseconds(offset), time };
      const assigner = cumulating(milliseconds(whole), milliseconds(step), options);
      return [assigner, cumulatingModel(whole, step, offset), `cumulating ${whole} by ${step}`];
    }
    default:
      if (random.below(2) === 0) {
        const byRecord = session<Visit>(({ gap }) => milliseconds(gap), { time });
        return [byRecord, { gap: undefined }, 'session by record'];
      }
      return [session(milliseconds(size), { time }), { gap: size }, `session ${size}`];
  }
}

// ------------------------------------------------------------------------------------- what is run

interface Result {
  readonly user: string;
  readonly start: number;
  readonly end: number;
  readonly value: string;
}

const Result = t.struct({ user: t.string, start: t.integer, end: t.integer, value: t.string });

function build(env: StreamEnvironment, { assigner, contents, lateness, trigger: by, keys }: Case) {
  const visits = env.from(manualSource('visits', Visit));
  const keyed = visits.keyBy((visit) => {
    if (keys === 'text') return visit.user;
    return keys === 'number' ? Number(visit.user) : [visit.user, 1];
  });
  const windowed = keyed.window(assigner);
  if (by !== undefined) windowed.trigger(by);
  if (lateness > 0) windowed.allowedLateness(milliseconds(lateness));
  const shown = (key: unknown, { start, end }: Window, value: string): Result => ({
    user: String(Array.isArray(key) ? key[0] : key),
    start,
    end,
    value,
  });
  if (contents === 'aggregate') {
    const results = windowed.aggregate(totals).name('windows');
    results.map(({ key, window, value }) => shown(key, window, value)).collect('results');
    results.side.late.collect('late');
  } else if (contents === 'reduce') {
    const results = windowed
      .reduce((a, b) => ({ ...a, n: a.n + b.n, one: a.one + b.one }))
      .name('windows');
    results
      .map(({ key, window, value }) => shown(key, window, `${value.one} sum ${value.n}`))
      .collect('results');
    results.side.late.collect('late');
  } else {
    const results = windowed
      .process({
        emits: Result,
        onWindow(elements, ctx) {
          const values = [...elements].map(({ n }) => n);
          ctx.emit(shown(ctx.key, ctx.window, totalsOf(values)));
        },
      })
      .name('windows');
    results.collect('results');
    results.side.late.collect('late');
  }
}

class Run {
  readonly #case: Case;
  readonly #model: WindowModel;
  readonly #random: Prng;
  #harness!: JobHarness<void>;
  #results: Result[] = [];
  #late: Visit[] = [];
  #unfired = 0;
  #watermark = -Infinity;
  #n = 0;

  constructor(drawn: Case, random: Prng) {
    this.#case = drawn;
    this.#random = random;
    this.#model = new WindowModel(drawn.model, drawn.lateness, drawn.firings);
  }

  async run(): Promise<void> {
    const random = this.#random;
    const parallelism = 1 + random.below(4);
    this.#harness = await JobHarness.start((env) => build(env, this.#case), { parallelism });
    this.#model.startAt(this.#harness.now);
    for (let step = 10 + random.below(35); step > 0; step--) {
      const draw = random.below(20);
      if (draw < 13) this.#record();
      else if (draw < 18) await this.#advance();
      else if (draw < 19) await this.#restore();
    }
    await this.#harness.end();
    if (this.#case.time === 'event') this.#model.advance(Infinity);
    this.#take();
    this.#compare();
    await this.#harness.close();
  }

  #record(): void {
    const random = this.#random;
    const event = this.#case.time === 'event';
    const base = Number.isFinite(this.#watermark) ? this.#watermark : -20;
    const at = event ? base - 20 + random.below(60) : this.#harness.now;
    const user = String(random.below(4));
    this.#n += 1;
    const gap = 1 + random.below(20);
    this.#harness.source('visits', Visit).emit({ user, n: this.#n, gap, one: 1 }, at);
    this.#model.record({ key: user, value: this.#n, gap }, at);
  }

  async #advance(): Promise<void> {
    const by = 1 + this.#random.below(15);
    if (this.#case.time === 'event' && this.#random.below(3) === 0) {
      await this.#harness.advance(milliseconds(by));
      this.#model.pass(by);
    } else if (this.#case.time === 'event') {
      this.#watermark = Number.isFinite(this.#watermark) ? this.#watermark + by : -30;
      this.#harness.watermark(this.#watermark);
      this.#model.advance(this.#watermark);
    } else {
      await this.#harness.advance(milliseconds(by));
      this.#model.passBoth(by, this.#harness.now);
    }
  }

  async #restore(): Promise<void> {
    const snapshot = await this.#harness.snapshot();
    this.#take();
    await this.#harness.close();
    const parallelism = 1 + this.#random.below(4);
    this.#harness = await JobHarness.restore(snapshot, { parallelism });
  }

  #take(): void {
    this.#results.push(...this.#harness.outputs<Result>('results'));
    this.#late.push(...this.#harness.outputs<Visit>('late'));
    this.#unfired += this.#harness.counter('windows', 'numElementsUnfired');
  }

  #compare(): void {
    const expected = this.#model.firings.map(shownFiring).sort();
    const actual = this.#results.map((r) => `${r.user} ${r.start} ${r.end} ${r.value}`).sort();
    assert.deepEqual(actual, expected);
    const late = this.#model.late.map(({ key, value }) => `${key} ${value}`).sort();
    assert.deepEqual(this.#late.map(({ user, n }) => `${user} ${n}`).sort(), late);
    assert.equal(this.#unfired, this.#model.unfired, 'records left in windows');
  }
}

function shownFiring({ key, start, end, values }: Firing): string {
  return `${key} ${start} ${end} ${totalsOf(values)}`;
}

describe('windows are what their definition says', () => {
  for (const [index, kind] of ['tumbling', 'sliding', 'cumulating', 'session'].entries()) {
    it(`${kind}: ${CASES} cases`, async () => {
      for (let seed = 0; seed < CASES; seed++) {
        const random = Prng.of(seed * 4 + index);
        const drawn = drawCase(random, kind);
        try {
          await new Run(drawn, random).run();
        } catch (error) {
          const { said, time, lateness, contents, keys } = drawn;
          const text = `${said} ${time} lateness ${lateness} ${contents} ${keys}`;
          throw new Error(`seed ${seed}: ${text}`, { cause: error });
        }
      }
    });
  }
});
