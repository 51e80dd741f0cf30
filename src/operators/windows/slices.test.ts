/** Slices against the definition of windows: which windows hold which times. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cumulatingSlices, slidingSlices, tumblingSlices } from './slices.ts';
import type { Slices } from './slices.ts';

const span = fc.integer({ min: 1, max: 12 });
const offset = fc.integer({ min: -12, max: 12 });
const at = fc.integer({ min: -100, max: 100 });

type Window = readonly [start: number, end: number];

/** By definition: all windows of a kind in a wide range. */
function sliding(size: number, slide: number, off: number): Window[] {
  const windows: Window[] = [];
  for (let k = -400; k <= 400; k++) windows.push([k * slide + off, k * slide + off + size]);
  return windows;
}

function cumulating(size: number, step: number, off: number): Window[] {
  const windows: Window[] = [];
  for (let k = -400; k <= 400; k++) {
    const start = k * size + off;
    for (let end = start + step; end <= start + size; end += step) windows.push([start, end]);
  }
  return windows;
}

function check(slices: Slices, windows: readonly Window[], time: number): void {
  const start = slices.sliceStart(time);
  const end = slices.sliceEnd(start);
  assert.ok(start <= time && time < end, 'S1: a slice holds its times');
  assert.equal(slices.sliceStart(start), start);
  assert.equal(slices.sliceStart(end), end, 'S1: no gap');
  const holding = windows
    .filter(([from, to]) => from <= time && time < to)
    .sort((a, b) => a[1] - b[1]);
  for (const [from, to] of holding) {
    assert.ok(from <= start && end <= to, 'S2: windows are runs of whole slices');
    assert.equal(slices.windowStart(to), from);
    assert.equal(slices.endAtOrAfter(to), to);
  }
  const ends: number[] = [];
  for (let e = slices.firstEnd(start); e <= slices.lastEnd(start); e += slices.step) ends.push(e);
  assert.deepEqual(
    ends,
    holding.map(([, to]) => to),
  );
  const next = windows.map(([, to]) => to).filter((to) => to >= time);
  assert.equal(slices.endAtOrAfter(time), Math.min(...next));
}

describe('slices', () => {
  it('of tumbling windows', () => {
    fc.assert(
      fc.property(span, offset, at, (size, off, time) => {
        check(tumblingSlices(size, off), sliding(size, size, off), time);
      }),
    );
  });

  it('of sliding windows, with any slide', () => {
    fc.assert(
      fc.property(span, span, offset, at, (size, slide, off, time) => {
        check(slidingSlices(size, slide, off), sliding(size, slide, off), time);
      }),
    );
  });

  it('of cumulating windows', () => {
    fc.assert(
      fc.property(span, fc.integer({ min: 1, max: 5 }), offset, at, (step, times, off, time) => {
        const size = step * times;
        check(cumulatingSlices(size, step, off), cumulating(size, step, off), time);
      }),
    );
  });

  it('a time at the edge belongs to what begins there', () => {
    const slices = slidingSlices(10, 4, 0);
    assert.equal(slices.sliceStart(8), 8);
    assert.equal(slices.sliceStart(10), 10);
    assert.equal(slices.sliceEnd(8), 10);
    assert.equal(slices.sliceEnd(10), 12);
    assert.equal(slices.sliceStart(-1), -2);
  });
});
