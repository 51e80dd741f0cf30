import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { TableMemory } from './table-memory.ts';
import type { BlockHolder, TableBlock } from './table-memory.ts';
import { VersionClock } from './version-clock.ts';
import type { ChangeObserver } from './version-clock.ts';

const nobody: ChangeObserver = {
  version: 1,
  since: 0,
  beforeChange: () => undefined,
  beforeRebuild: () => undefined,
  beforeDrop: () => undefined,
};

/** Holds a block, all of it one number. */
class Held implements BlockHolder {
  readonly mark: number;
  readonly block: TableBlock;
  moves = 0;

  constructor(memory: TableMemory, bytes: number, mark: number) {
    this.mark = mark;
    this.block = memory.take(bytes, this);
    this.bytes.fill(mark);
  }

  moved(): void {
    this.moves += 1;
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.block.buffer, this.block.at, this.block.bytes);
  }
}

/** Of slabs that hold several of these, and of what has memory of its own. */
function bytesBehind(held: readonly Held[]): number {
  let bytes = 0;
  for (const { byteLength } of new Set(held.map(({ block }) => block.buffer))) bytes += byteLength;
  return bytes;
}

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      bytes: fc.oneof(fc.nat(80_000), fc.integer({ min: 16_000, max: 17_000 })),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('release' as const), which: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'open' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'close' as const }) },
);

describe('memory of tables', () => {
  test('Y1-Y3: blocks keep their content, released ones while a snapshot is open', () => {
    let moves = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 150, size: 'max' }), (steps) => {
        const clock = new VersionClock();
        const memory = new TableMemory(clock);
        const held: Held[] = [];
        let seen: Uint8Array[] = [];
        let mark = 0;
        for (const step of steps) {
          if (step.kind === 'open') {
            if (clock.observers.length === 0) clock.open(nobody);
            // What is seen stays in its place, whoever takes memory now.
            seen = held.map(({ bytes }) => bytes);
          } else if (step.kind === 'close') {
            clock.close(nobody);
            seen = [];
          } else if (step.kind === 'release') {
            const [released] = held.splice(step.which, 1);
            if (released !== undefined) memory.release(released.block);
          } else {
            mark = (mark % 250) + 1;
            held.push(new Held(memory, step.bytes, mark));
          }
          for (const { bytes, mark } of held) {
            assert.ok(bytes.length === 0 || (bytes[0] === mark && bytes.at(-1) === mark));
          }
          for (const bytes of seen) assert.ok(bytes.length === 0 || bytes[0] === bytes.at(-1));
        }
        for (const { bytes, mark } of held) assert.ok(bytes.every((byte) => byte === mark));
        moves += held.reduce((sum, held) => sum + held.moves, 0);
      }),
      { seed: 20260704, numRuns: 40 },
    );
    assert.ok(moves > 20, `${moves} moves`);
  });

  test('is used again, wherever tables grow', () => {
    const memory = new TableMemory(new VersionClock());
    let held = Array.from({ length: 64 }, (_, i) => new Held(memory, 4800, i));
    for (let bytes = 5000; bytes < 100_000; bytes = Math.ceil(bytes * 1.1)) {
      held = held.map(({ block, mark }) => {
        const grown = new Held(memory, bytes, mark);
        memory.release(block);
        return grown;
      });
    }
    const used = held.reduce((sum, { block }) => sum + block.bytes, 0);
    assert.ok(bytesBehind(held) < used * 1.2, `${bytesBehind(held)} for ${used}`);
    for (const { bytes, mark } of held) assert.ok(bytes.every((byte) => byte === mark));
  });

  test('Y2: nothing moves while a snapshot is open, however wide the gaps', () => {
    const clock = new VersionClock();
    const memory = new TableMemory(clock);
    const held = Array.from({ length: 48 }, (_, i) => new Held(memory, 16 * 1024, i + 1));
    clock.open(nobody);
    for (const [i, { block }] of held.entries()) if (i % 8 > 2) memory.release(block);
    clock.close(nobody);
    const kept = held.filter((_, i) => i % 8 <= 2);
    // What has waited is free from here on.
    const last = new Held(memory, 8000, 100);
    clock.open(nobody);
    const seen = kept.map(({ bytes }) => bytes);
    memory.release(last.block);
    const others = Array.from({ length: 40 }, () => new Held(memory, 16 * 1024, 200));
    for (const [i, bytes] of seen.entries()) {
      assert.ok(bytes.every((byte) => byte === kept[i]!.mark));
    }
    clock.close(nobody);
    for (const { block } of others) memory.release(block);
    assert.ok(kept.reduce((moves, held) => moves + held.moves, 0) > 0);
    for (const { bytes, mark } of kept) assert.ok(bytes.every((byte) => byte === mark));
    assert.ok(bytesBehind(kept) < 600 * 1024);
  });

  test('what was given back is the first to be taken, and nothing moves for it', () => {
    const memory = new TableMemory(new VersionClock());
    const held = Array.from({ length: 24 }, (_, i) => new Held(memory, 16 * 1024, i + 1));
    memory.release(held[3]!.block);
    const again = new Held(memory, 16 * 1024, 100);
    assert.equal(again.block.at, held[3]!.block.at);
    assert.equal(again.block.buffer, held[4]!.block.buffer);
    assert.ok(held.every(({ moves }) => moves === 0));
  });

  test('Y1: what is released twice is found', () => {
    const memory = new TableMemory(new VersionClock());
    const first = new Held(memory, 8000, 1);
    const second = new Held(memory, 8000, 2);
    memory.release(second.block);
    assert.throws(() => memory.release(second.block), /Y1/);
    assert.ok(first.bytes.every((byte) => byte === 1));
  });
});
