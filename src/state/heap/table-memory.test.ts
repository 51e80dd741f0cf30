import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TableMemory } from './table-memory.ts';
import { VersionClock } from './version-clock.ts';
import type { ChangeObserver } from './version-clock.ts';

const nobody: ChangeObserver = {
  version: 1,
  beforeChange: () => undefined,
  beforeRebuild: () => undefined,
  beforeDrop: () => undefined,
};

interface Held {
  readonly array: Float64Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  readonly mark: number;
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('float64' as const, 'uint16' as const),
      length: fc.oneof(fc.nat(9000), fc.integer({ min: 2000, max: 2100 })),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'open' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
);

describe('memory of tables', () => {
  test('Y1, Y2: no array is written to but by its holder, nor reused while a snapshot is open', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 150, size: 'max' }), (steps) => {
        const clock = new VersionClock();
        const memory = new TableMemory(clock);
        const held: Held[] = [];
        let seen: Held[] = [];
        let mark = 0;
        for (const step of steps) {
          if (step.kind === 'open') {
            if (clock.observers.length === 0) clock.open(nobody);
          } else if (step.kind === 'close') {
            clock.close(nobody);
            seen = [];
          } else if (step.kind === 'release') {
            const [released] = held.splice(step.which, 1);
            if (released === undefined) continue;
            memory.release(released.array);
            if (clock.observers.length > 0) seen.push(released);
          } else {
            const array = memory[step.kind](step.length);
            assert.ok(array.every((value) => value === 0));
            mark = (mark % 60_000) + 1;
            held.push({ array: array.fill(mark), mark });
          }
          for (const { array, mark } of [...held, ...seen]) {
            assert.ok(array.length === 0 || (array[0] === mark && array.at(-1) === mark));
          }
        }
        for (const { array, mark } of held) assert.ok(array.every((value) => value === mark));
      }),
      { seed: 20260704, numRuns: 40 },
    );
  });

  test('is used again, wherever tables grow', () => {
    const memory = new TableMemory(new VersionClock());
    const buffers = new Set<ArrayBuffer>();
    let arrays = Array.from({ length: 64 }, () => memory.float64(600));
    for (let length = 640; length < 8000; length = Math.ceil(length * 1.1)) {
      arrays = arrays.map((array) => {
        const grown = memory.float64(length);
        memory.release(array);
        return grown;
      });
    }
    for (const { buffer } of arrays) buffers.add(buffer);
    let bytes = 0;
    for (const { byteLength } of buffers) bytes += byteLength;
    const used = arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
    assert.ok(bytes < used * 1.5, `${bytes} for ${used}`);
  });

  test('Y1: what is released twice is found', () => {
    const memory = new TableMemory(new VersionClock());
    memory.float64(1000);
    const array = memory.float64(1000);
    memory.release(array);
    assert.throws(() => memory.release(array), /Y1/);
  });
});
