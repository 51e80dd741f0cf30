// Windows of event time against their definition: random assigners, records out of order, lateness,
// early and late firings, and restores; what came out of each step must be the same, whatever the
// order.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import { Prng } from '../../base/prng.ts';
import type { Duration } from '../../base/units.ts';
import { sumOf } from '../../functions/aggregates.ts';
import { trigger } from '../../functions/trigger.ts';
import { cumulating, session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { OperatorHarness } from '../../testing/operator-harness.ts';
import type { OperatorResult } from '../../testing/operator-harness.ts';
import { dynamic } from '../../types/t.ts';
import type { KeyedOperator } from '../operator.ts';
import { createWindowOperator } from './create-window-operator.ts';
import { WindowOperator } from './window-operator.ts';
import { Row, windowsOf } from './windows.test-kit.ts';

type Event =
  | { readonly kind: 'record'; readonly value: Row; readonly timestamp: number }
  | { readonly kind: 'watermark'; readonly timestamp: number }
  | { readonly kind: 'advance'; readonly by: Duration };

interface LiveWindow {
  readonly key: string;
  start: number;
  end: number;
  sum: number;
  /** When it is to be fired by the clock. */
  planned: number;
}

/** What comes out by definition, a list of texts for each event and one for the end. */
class Model {
  readonly #spec: WindowSpec;
  readonly #windows: LiveWindow[] = [];
  readonly #early: number | undefined;
  readonly #late: number | 'each';
  #watermark = -Infinity;
  #now = 0;
  #out: string[] = [];

  constructor(spec: WindowSpec) {
    const { trigger: by = trigger.eventTime() } = spec;
    assert.ok(by.kind === 'eventTime');
    this.#spec = spec;
    this.#early = by.early;
    this.#late = by.late;
  }

  next(event: Event): readonly string[] {
    this.#out = [];
    if (event.kind === 'watermark') this.#advance(event.timestamp);
    else if (event.kind === 'advance') this.#pass(event.by);
    else this.#add(event.value, event.timestamp);
    return this.#out.toSorted();
  }

  #add(value: Row, at: number): void {
    const { assigner, allowedLateness } = this.#spec;
    let isTaken = false;
    for (const [start, end] of windowsAt(this.#spec, value, at)) {
      const window =
        assigner.kind === 'session'
          ? this.#merged(value.key, start, end)
          : this.#windowOf(value.key, start, end);
      if (window.end - 1 + allowedLateness <= this.#watermark) {
        this.#windows.splice(this.#windows.indexOf(window), 1);
        continue;
      }
      isTaken = true;
      window.sum += value.n;
      const isLate = window.end - 1 <= this.#watermark;
      if (isLate && this.#late === 'each') this.#fire(window);
      const delay = isLate ? this.#late : this.#early;
      if (typeof delay === 'number' && window.planned === Infinity) {
        window.planned = this.#now + delay;
      }
    }
    if (!isTaken && at + allowedLateness <= this.#watermark) this.#out.push(`late ${value.n}`);
  }

  #windowOf(key: string, start: number, end: number): LiveWindow {
    const known = this.#windows.find(
      (window) => window.key === key && window.start === start && window.end === end,
    );
    if (known !== undefined) return known;
    const window = { key, start, end, sum: 0, planned: Infinity };
    this.#windows.push(window);
    return window;
  }

  #merged(key: string, start: number, end: number): LiveWindow {
    const result = { key, start, end, sum: 0, planned: Infinity };
    for (const window of [...this.#windows]) {
      if (window.key !== key || window.start > end || window.end < start) continue;
      result.start = Math.min(result.start, window.start);
      result.end = Math.max(result.end, window.end);
      result.sum += window.sum;
      result.planned = Math.min(result.planned, window.planned);
      this.#windows.splice(this.#windows.indexOf(window), 1);
    }
    this.#windows.push(result);
    return result;
  }

  #advance(to: number): void {
    for (const window of [...this.#windows]) {
      if (window.end - 1 > this.#watermark && window.end - 1 <= to) this.#fire(window);
      if (window.end - 1 + this.#spec.allowedLateness <= to) {
        if (window.planned < Infinity) this.#fire(window);
        this.#windows.splice(this.#windows.indexOf(window), 1);
      }
    }
    this.#watermark = to;
  }

  #pass(by: number): void {
    this.#now += by;
    for (const window of this.#windows) if (window.planned <= this.#now) this.#fire(window);
  }

  #fire(window: LiveWindow): void {
    const { key, start, end, sum } = window;
    window.planned = Infinity;
    this.#out.push(`${key} ${start} ${end} ${sum}`);
  }
}

/** All windows that hold the time, by trying all that could. */
function windowsAt(
  { assigner }: WindowSpec,
  value: Row,
  at: number,
): readonly (readonly [number, number])[] {
  if (assigner.kind === 'session') {
    const gap = typeof assigner.gap === 'function' ? assigner.gap(value) : assigner.gap;
    return [[at, at + gap]];
  }
  assert.ok(assigner.kind !== 'global' && assigner.kind !== 'custom');
  const distance = assigner.kind === 'sliding' ? assigner.slide : assigner.size;
  const step = assigner.kind === 'cumulating' ? assigner.step : assigner.size;
  const found: [number, number][] = [];
  for (let i = -200; i <= 200; i += 1) {
    const start = i * distance + assigner.offset;
    for (let end = start + step; end <= start + assigner.size; end += step) {
      if (start <= at && at < end) found.push([start, end]);
    }
  }
  return found;
}

function randomSpec(random: Prng): WindowSpec {
  const size = 1 + random.below(20);
  const offset = (random.below(2 * size - 1) - size + 1) as Duration;
  const step = 1 + random.below(4);
  const slide = 1 + random.below(30);
  const assigners = [
    tumbling(size as Duration, { offset }),
    sliding(size as Duration, slide as Duration, { offset: (offset % slide) as Duration }),
    cumulating((size * step) as Duration, step as Duration, { offset }),
    session<Row>(size as Duration),
    session((row: Row) => (1 + (row.n % 7)) as Duration),
  ];
  const sum = (a: Row, b: Row): Row => ({ key: a.key, n: a.n + b.n });
  const contents: readonly WindowSpec['contents'][] = [
    { kind: 'aggregate', aggregate: sumOf((row: Row) => row.n) },
    { kind: 'reduce', reduce: sum },
    { kind: 'rolling', rolling: 'sum', field: 'n' },
  ];
  const delay = (): Duration => (1 + random.below(30)) as Duration;
  const triggers = [
    undefined,
    trigger.eventTime(),
    trigger.eventTime({ early: delay() }),
    trigger.eventTime({ late: delay() }),
    trigger.eventTime({ early: delay(), late: delay() }),
  ];
  return windowsOf(assigners[random.below(assigners.length)]!, {
    trigger: triggers[random.below(triggers.length)],
    contents: contents[random.below(contents.length)]!,
    allowedLateness: (random.below(3) === 0 ? 0 : random.below(25)) as Duration,
  });
}

/** Times go up, with jumps back, around 1970. */
function randomEvents(random: Prng): readonly Event[] {
  const events: Event[] = [];
  let time = -40;
  let watermark = -1000;
  for (let i = 0; i < 30; i += 1) {
    time += random.below(8);
    if (random.below(4) === 0) {
      watermark = Math.max(watermark, time - random.below(12));
      events.push({ kind: 'watermark', timestamp: watermark });
    } else if (random.below(3) === 0) {
      events.push({ kind: 'advance', by: random.below(20) as Duration });
    } else {
      const value = { key: 'abc'[random.below(3)]!, n: 1 + random.below(99) };
      events.push({ kind: 'record', value, timestamp: time - random.below(20) });
    }
  }
  return events;
}

type Create = (spec: WindowSpec) => KeyedOperator;

function harnessOf(spec: WindowSpec, create: Create): OperatorHarness {
  return new OperatorHarness({
    operator: create(spec),
    inputs: 1,
    keys: [spec.key],
    output: dynamic,
    sideOutputs: { late: Row },
    fullAfterEveryRecord: true,
  });
}

function shown(result: OperatorResult): readonly string[] {
  if (result.kind !== 'record') return [];
  const { tag, timestamp } = result;
  if (tag === 'late') return [`late ${(result.value as Row).n}`];
  const { key, window, value } = result.value as {
    readonly key: string;
    readonly window: { readonly start: number; readonly end: number };
    readonly value: Row | number;
  };
  assert.equal(timestamp, window.end - 1);
  return [`${key} ${window.start} ${window.end} ${typeof value === 'number' ? value : value.n}`];
}

async function check(seed: number, create: Create): Promise<void> {
  const random = Prng.of(seed);
  const spec = randomSpec(random);
  const events = randomEvents(random);
  const restoreAt = random.below(events.length);
  const model = new Model(spec);
  let harness = harnessOf(spec, create);
  await harness.open();
  for (const [index, event] of events.entries()) {
    if (index === restoreAt) {
      const snapshot = await harness.snapshot();
      await harness.close();
      harness = harnessOf(spec, create);
      await harness.open(snapshot);
    }
    const before = harness.results.length;
    harness.step(event);
    if (harness.failure !== undefined) throw harness.failure;
    const out = harness.results.slice(before).flatMap(shown).toSorted();
    const said = JSON.stringify([spec.assigner, spec.trigger]);
    const where = `seed ${seed}, event ${index} of ${said}`;
    assert.deepEqual(out, model.next(event), where);
  }
  const before = harness.results.length;
  harness.end();
  await harness.settle();
  if (harness.failure !== undefined) throw harness.failure;
  const out = harness.results.slice(before).flatMap(shown).toSorted();
  assert.deepEqual(out, model.next({ kind: 'watermark', timestamp: Infinity }), `seed ${seed}`);
}

const CASES = cases(400);

describe('windows by their definition', () => {
  it('the operator that is chosen for them', async () => {
    const create = (spec: WindowSpec): KeyedOperator => createWindowOperator(spec) as KeyedOperator;
    for (let seed = 0; seed < CASES; seed += 1) await check(seed, create);
  });

  it('the general operator', async () => {
    for (let seed = 0; seed < CASES; seed += 1)
      await check(seed, (spec) => new WindowOperator(spec));
  });
});
