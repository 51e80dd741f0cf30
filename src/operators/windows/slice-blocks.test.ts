/** Totals by blocks against adding up slice by slice, while slices come, change and are dropped. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Key } from '../../types/schema.ts';
import { LiveSlices } from './live-slices.ts';
import { SliceBlocks } from './slice-blocks.ts';
import { cumulatingSlices, slidingSlices } from './slices.ts';
import type { Slices } from './slices.ts';

/** Merging texts shows order, and that each slice is in it once. */
const concatenate = (left: unknown, right: unknown): string => `${String(left)}${String(right)}`;
const KEYS: readonly Key[] = ['a', 1, ['a', 1]];

/** Slices of several keys, and the time that event time has come to. */
class Contents {
  readonly #slices: Slices;
  readonly #values = KEYS.map(() => new Map<number, string>());
  readonly #blocks: SliceBlocks;
  #live = new LiveSlices();
  #key = 0;
  #passed = -Infinity;
  #n = 0;

  constructor(slices: Slices) {
    this.#slices = slices;
    const read = (slice: number): unknown => this.#values[this.#key]!.get(slice);
    this.#blocks = new SliceBlocks({ slices, merge: concatenate, read });
  }

  add(key: number, at: number): void {
    const slice = this.#slices.sliceStart(at);
    if (this.#slices.lastEnd(slice) <= this.#passed) return;
    const values = this.#values[key]!;
    this.#n += 1;
    values.set(slice, `${values.get(slice) ?? ''}<${this.#n}>`);
    this.#live.add(slice);
    if (this.#slices.sliceEnd(slice) <= this.#passed) this.#blocks.changed(KEYS[key]!, slice);
  }

  pass(to: number): void {
    this.#passed = Math.max(this.#passed, to);
    while (!this.#live.isEmpty && this.#slices.lastEnd(this.#live.first) <= this.#passed) {
      this.#live.removeFirst();
    }
    this.#blocks.dropBefore(this.#live.isEmpty ? Infinity : this.#live.first);
  }

  check(key: number, at: number): void {
    const slices = this.#slices;
    const end = slices.endAtOrAfter(at);
    const start = slices.windowStart(end);
    if (start < this.#passed - (end - start)) return;
    this.#key = key;
    const values = this.#values[key]!;
    const expected = this.#live
      .between(start, end)
      .map((slice) => values.get(slice) ?? '')
      .join('');
    const total = this.#blocks.total(KEYS[key]!, { start, end }, this.#live, this.#passed);
    assert.equal(total ?? '', expected, `[${start}, ${end})`);
  }
}

const step = fc.record({
  does: fc.constantFrom('add', 'add', 'add', 'add', 'pass', 'check', 'check'),
  key: fc.nat(KEYS.length - 1),
  by: fc.integer({ min: -150, max: 60 }),
  run: fc.nat(40),
});
const cuts = fc.oneof(
  fc
    .record({ size: fc.integer({ min: 1, max: 700 }), slide: fc.integer({ min: 1, max: 5 }) })
    .map(({ size, slide }) => slidingSlices(size, slide, -3)),
  fc
    .record({ steps: fc.integer({ min: 1, max: 200 }), width: fc.integer({ min: 1, max: 4 }) })
    .map(({ steps, width }) => cumulatingSlices(steps * width, width, 2)),
);

describe('blocks of slices', () => {
  it('B1, B2: give what the slices hold, in their order', () => {
    fc.assert(
      fc.property(cuts, fc.array(step, { maxLength: 120 }), (slices, steps) => {
        const contents = new Contents(slices);
        let now = -400;
        for (const { does, key, by, run } of steps) {
          if (does === 'add') {
            for (let i = 0; i < run; i++) contents.add(key, now + by + i);
            now += run >> 1;
          } else if (does === 'pass') contents.pass(now + by);
          else for (const offset of [-90, -10, 0, 30]) contents.check(key, now + offset);
        }
      }),
      { seed: 3, numRuns: 1500 },
    );
  });

  it('look at few slices, however many a window has', () => {
    const looksFor = (length: number): number => {
      let looks = 0;
      const slices = slidingSlices(length, 1, 0);
      const read = (): number => ((looks += 1), 1);
      let merges = 0;
      const merge = (a: unknown, b: unknown): number => ((merges += 1), Number(a) + Number(b));
      const blocks = new SliceBlocks({ slices, merge, read });
      const live = new LiveSlices();
      const windows = 500;
      for (let at = 0; at < length + windows; at++) {
        live.add(at);
        if (at < length) continue;
        const window = { start: at - length, end: at };
        assert.equal(blocks.total('k', window, live, at - 5), length);
      }
      return (looks + merges) / windows;
    };
    const [small, large] = [looksFor(50), looksFor(10_000)];
    assert.ok(large < 100 && large < 4 * small, `${small} and ${large} a window`);
  });
});
