// Windows that are looked at in runs against their definition: counts, time-outs and purges of each
// window by itself, with late records, and restores at other parallelisms; what came out of each
// step must be the same, whatever the order.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { cases } from '../../../base/cases.test-kit.ts';
import { Prng } from '../../../base/prng.ts';
import type { Duration } from '../../../base/units.ts';
import { trigger, type Trigger } from '../../../functions/trigger.ts';
import { cumulating, sliding } from '../../../functions/window.ts';
import type { WindowSpec } from '../../../graph/operator-spec.ts';
import { t } from '../../../types/t.ts';
import { countSpec, Subtask } from '../subtask.test-kit.ts';
import { RangeWindowOperator } from './range-window-operator.ts';

const ms = (n: number): Duration => n as Duration;

type Event =
  | { readonly kind: 'record'; readonly key: string; readonly n: number; readonly at: number }
  | { readonly kind: 'watermark'; readonly at: number }
  | { readonly kind: 'clock'; readonly at: number };

/** `purging` around all, or within the time-out. */
interface Rules {
  /** Undefined: at the end of the window, and with each late record. */
  readonly count: number | undefined;
  readonly timeout: number | undefined;
  readonly isReset: boolean;
  readonly isCleared: boolean;
  readonly purging: 'all' | 'nested' | 'not';
}

function drawRules(random: Prng): Rules {
  const hasTimeout = random.below(3) > 0;
  // Alone, the end of the window is none of what is looked at in runs.
  const isCounted = !hasTimeout || random.below(3) > 0;
  return {
    count: isCounted ? 1 + random.below(6) : undefined,
    timeout: hasTimeout ? 1 + random.below(30) : undefined,
    isReset: random.below(2) === 0 || !isCounted,
    isCleared: random.below(2) === 0,
    purging: (['all', 'nested', 'not'] as const)[random.below(3)]!,
  };
}

function triggerOf({ count, timeout, isReset, isCleared, purging }: Rules): Trigger<unknown> {
  const purged = (by: Trigger<unknown>, when: Rules['purging']): Trigger<unknown> =>
    purging === when ? trigger.purging(by) : by;
  const base = count === undefined ? trigger.eventTime() : trigger.count(count);
  const nested = purged(base, 'nested');
  if (timeout === undefined) return purged(nested, 'all');
  const options = { resetOnElement: isReset, clearOnTimeout: isCleared };
  return purged(trigger.timeout(nested, ms(timeout), options), 'all');
}

interface Live {
  readonly key: string;
  readonly start: number;
  readonly end: number;
  values: number[];
  count: number;
  timeout: number;
  /** Whether it is to fire when event time comes to its end. */
  isArmed: boolean;
}

class Model {
  readonly #rules: Rules;
  readonly #spec: WindowSpec;
  #windows: Live[] = [];
  #watermark = -Infinity;
  #now = 0;
  #out: string[] = [];

  constructor(rules: Rules, spec: WindowSpec) {
    this.#rules = rules;
    this.#spec = spec;
  }

  next(event: Event): readonly string[] {
    this.#out = [];
    if (event.kind === 'record') this.#add(event);
    else if (event.kind === 'clock') this.#pass(event.at);
    else this.#advance(event.at);
    return this.#out.toSorted();
  }

  #add({ key, n, at }: Event & { readonly kind: 'record' }): void {
    const { count, timeout, isReset } = this.#rules;
    for (const [start, end] of windowsAt(this.#spec, at)) {
      if (end - 1 + this.#spec.allowedLateness <= this.#watermark) continue;
      const window = this.#windowOf(key, start, end);
      window.values.push(n);
      window.count += 1;
      const isLate = end - 1 <= this.#watermark;
      if (!isLate && count === undefined) window.isArmed = true;
      const fires = count === undefined ? isLate : window.count === count;
      if (fires) {
        window.count = 0;
        if (timeout !== undefined) this.#clearTrigger(window);
        this.#fire(window, this.#rules.purging !== 'not');
      } else if (timeout !== undefined && (isReset || window.timeout === Infinity)) {
        window.timeout = this.#now + timeout;
      }
    }
  }

  #pass(to: number): void {
    this.#now = to;
    for (const window of this.#windows) {
      if (window.timeout <= to) this.#timer(window, false);
    }
  }

  #advance(to: number): void {
    const { allowedLateness } = this.#spec;
    for (const window of this.#windows) {
      const last = window.end - 1;
      const isEnd = last > this.#watermark && last <= to;
      if (isEnd && (window.isArmed || allowedLateness === 0)) {
        const isOfNested = this.#rules.count === undefined;
        window.isArmed = false;
        this.#timer(window, isOfNested);
      }
      if (allowedLateness > 0 && last + allowedLateness <= to) this.#timer(window, false);
    }
    this.#windows = this.#windows.filter(({ end }) => end - 1 + allowedLateness > to);
    this.#watermark = to;
  }

  /** A timer of the window is due; that of its end is one that the nested trigger fires at. */
  #timer(window: Live, isOfNested: boolean): void {
    const { timeout, isCleared, purging } = this.#rules;
    if (timeout === undefined && !isOfNested) return;
    window.timeout = Infinity;
    if (timeout !== undefined && isCleared) this.#clearTrigger(window);
    this.#fire(window, purging === 'all' || (purging === 'nested' && isOfNested));
  }

  #clearTrigger(window: Live): void {
    window.timeout = Infinity;
    window.count = 0;
    // The timer that clears a window stays, and does the same.
    window.isArmed = false;
  }

  #fire(window: Live, isPurged: boolean): void {
    const { key, start, end, values } = window;
    const sum = values.reduce((a, b) => a + b, 0);
    if (values.length > 0) this.#out.push(`${key} [${start}, ${end}) = ${sum}`);
    if (isPurged) window.values = [];
  }

  #windowOf(key: string, start: number, end: number): Live {
    const known = this.#windows.find(
      (of) => of.key === key && of.start === start && of.end === end,
    );
    if (known !== undefined) return known;
    const window = { key, start, end, values: [], count: 0, timeout: Infinity, isArmed: false };
    this.#windows.push(window);
    return window;
  }
}

/** All windows that hold the time, by trying all that could. */
function windowsAt({ assigner }: WindowSpec, at: number): readonly (readonly [number, number])[] {
  assert.ok(assigner.kind === 'sliding' || assigner.kind === 'cumulating');
  const distance = assigner.kind === 'sliding' ? assigner.slide : assigner.size;
  const step = assigner.kind === 'cumulating' ? assigner.step : assigner.size;
  const found: [number, number][] = [];
  for (let i = -250; i <= 250; i += 1) {
    const start = i * distance + assigner.offset;
    for (let end = start + step; end <= start + assigner.size; end += step) {
      if (start <= at && at < end) found.push([start, end]);
    }
  }
  return found;
}

function drawSpec(random: Prng, by: Trigger<unknown>): WindowSpec {
  const slide = 1 + random.below(4);
  const size = slide + 1 + random.below(30);
  const offset = ms(random.below(slide));
  const assigners = [
    cumulating(ms(slide * (2 + random.below(8))), ms(slide), { offset }),
    sliding(ms(size), ms(slide), { offset }),
  ];
  const sum = (a: number, { n }: { readonly n: number }): number => a + n;
  const aggregate = {
    accumulator: t.float64,
    create: () => 0,
    add: sum as never,
    merge: (a: any, b: any) => a + b,
    result: (a: any) => a,
  };
  return {
    ...countSpec(assigners[random.below(4)] ?? assigners[1]!, random.below(2) * random.below(25)),
    trigger: by,
    contents: { kind: 'aggregate', aggregate },
  };
}

const KEYS = ['ada', 'bob', 'cyd', 'dan', 'eve'];

function drawEvents(random: Prng): readonly Event[] {
  const events: Event[] = [];
  const pace = 1 + random.below(5);
  let [time, watermark, clock] = [-25, -1000, 0];
  for (let i = 0; i < 60; i += 1) {
    time += random.below(pace);
    const what = random.below(8);
    if (what === 0) {
      watermark = Math.max(watermark, time - random.below(15));
      events.push({ kind: 'watermark', at: watermark });
    } else if (what === 1) {
      clock += 1 + random.below(15);
      events.push({ kind: 'clock', at: clock });
    } else {
      const key = KEYS[random.below(KEYS.length)]!;
      events.push({ kind: 'record', key, n: 2 ** (i % 40), at: time - random.below(20) });
    }
  }
  return [...events, { kind: 'clock', at: 10_000 }, { kind: 'watermark', at: Infinity }];
}

/** Subtasks with all their key groups, which are those of `from`, if there are any. */
async function subtasksOf(
  spec: WindowSpec,
  parallelism: number,
  from: readonly Subtask[],
): Promise<readonly Subtask[]> {
  const subtasks: Subtask[] = [];
  for (let index = 0; index < parallelism; index += 1) {
    const subtask = new Subtask(spec, index, parallelism);
    assert.ok(subtask.operator instanceof RangeWindowOperator);
    if (from.length > 0) {
      const overlapping = from.filter(({ keyed: { keyGroups } }) => {
        const { first, last } = subtask.keyed.keyGroups;
        return keyGroups.first <= last && keyGroups.last >= first;
      });
      await subtask.keyed.restore(overlapping.map(({ keyedSnapshot }) => [keyedSnapshot]));
      await subtask.state.restore(from.map(({ stateSnapshot }) => stateSnapshot));
    }
    subtask.start();
    subtasks.push(subtask);
  }
  return subtasks;
}

function take(subtasks: readonly Subtask[], event: Event): readonly string[] {
  for (const subtask of subtasks) {
    if (event.kind === 'watermark') subtask.watermark(event.at);
    else if (event.kind === 'clock') subtask.pass(event.at);
    else if (subtask.has(event.key)) subtask.visit(event.key, event.at, event.n);
  }
  return subtasks.flatMap(({ results }) => results.splice(0)).toSorted();
}

it('W1-W4, V1, V2, X1-X3: are what their trigger says, at any parallelism', async () => {
  let results = 0;
  const count = cases(150);
  for (let seed = 0; seed < count; seed += 1) {
    const random = Prng.of(seed);
    const rules = drawRules(random);
    const spec = drawSpec(random, triggerOf(rules));
    const events = drawEvents(random);
    const model = new Model(rules, spec);
    let subtasks = await subtasksOf(spec, 2 ** random.below(3), []);
    let clock = 0;
    for (const [index, event] of events.entries()) {
      if (random.below(25) === 0) {
        subtasks = await subtasksOf(spec, 2 ** random.below(3), subtasks);
        for (const subtask of subtasks) subtask.pass(clock);
      }
      if (event.kind === 'clock') clock = event.at;
      const said = JSON.stringify([event, rules, spec.assigner, spec.allowedLateness]);
      const expected = model.next(event);
      assert.deepEqual(take(subtasks, event), expected, `seed ${seed}, event ${index}: ${said}`);
      results += expected.length;
    }
    for (const { keyed } of subtasks) assert.equal(keyed.usage.entries, 0, `seed ${seed}: left`);
  }
  assert.ok(results > 30 * count, `${results} results`);
});
