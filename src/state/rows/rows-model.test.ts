// Row tables and row logs against a naive model: random operations, with snapshots that are begun,
// written in slices, aborted and restored into other ranges of key groups in between.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { HeapKeyedStateBackend } from '../heap/heap-keyed-state-backend.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { RowChains, RowLog, RowTable, RowTableGroup } from '../row-state.ts';
import type { SnapshotOrder, SnapshotWriter } from '../snapshot.ts';

const GROUPS = 3;
const KEYS = 400;
const WIDTH = 16;

/** Of different lengths, one empty, some longer than what is copied by hand. */
const keyText = (i: number): string => (i === 0 ? '' : `${'k'.repeat(i % 90)}${i}`);
const groupOf = (i: number): number => i % GROUPS;
/** Some rows do not fit into a chunk. */
const rowText = (n: number): string => `${n}${'.'.repeat(n % 50 === 0 ? 40_000 : n % 40)}`;

interface Model {
  /** By the number of the key: the double of its slot. */
  readonly table: Map<number, number>;
  /** By slice, then by key: rows, the oldest first. */
  readonly log: Map<number, Map<number, string[]>>;
}

type Change =
  | {
      readonly kind: 'put' | 'remove';
      readonly key: number;
      readonly span: number;
      readonly n: number;
    }
  | {
      readonly kind: 'append' | 'removeRow' | 'overwrite';
      readonly key: number;
      readonly span: number;
      readonly n: number;
      readonly slice: number;
    };

type Step =
  | Change
  | { readonly kind: 'drop'; readonly slice: number }
  | { readonly kind: 'begin'; readonly order: SnapshotOrder }
  | { readonly kind: 'slice'; readonly steps: number }
  | { readonly kind: 'abort' };

/** A backend beside its model. */
class Pair {
  readonly backend: HeapKeyedStateBackend;
  readonly table: RowTable;
  readonly log: RowLog;
  model: Model = { table: new Map(), log: new Map() };
  /** Keys lie somewhere in memory that holds other things as well. */
  readonly #scratch = Buffer.alloc(50_000, 'x');

  constructor(first: number, last: number, registered = true) {
    this.backend = HeapKeyedStateBackend.open({
      operator: 'test',
      keyGroups: { first, last },
      maxParallelism: GROUPS,
    });
    this.table = registered ? this.backend.registerRowTable('sums', WIDTH) : (undefined as never);
    this.log = registered ? this.backend.registerRowLog('rows') : (undefined as never);
  }

  #write(text: string, at: number): number {
    return at + this.#scratch.write(text, at, 'latin1');
  }

  apply(step: Change, i: number): void {
    switch (step.kind) {
      case 'put':
        return this.#put(i, step.n);
      case 'remove':
        return this.#remove(i);
      case 'append':
        return this.#append(step.slice, i, rowText(step.n));
      case 'removeRow':
        return this.#removeRow(step.slice, i, step.n);
      case 'overwrite':
        return this.#overwrite(step.slice, i, step.n);
    }
  }

  #put(i: number, n: number): void {
    const slots = this.table.of(groupOf(i));
    const end = this.#write(keyText(i), 3);
    const known = slots.find(this.#scratch, 3, end);
    assert.equal(known >= 0, this.model.table.has(i));
    const slot = slots.findOrInsert(this.#scratch, 3, end);
    assert.equal(slots.isNew, known < 0);
    if (known >= 0) assert.equal(slot, known);
    assert.equal(readSlot(slots, slot), this.model.table.get(i) ?? 0, 'a new value is zeros');
    slots.touch(slot);
    slots.doubles[slots.valueAt(slot) >> 3] = n + 0.5;
    slots.words[(slots.valueAt(slot) >> 2) + 2] = n;
    this.model.table.set(i, n + 0.5);
  }

  #remove(i: number): void {
    const slots = this.table.of(groupOf(i));
    const slot = slots.find(this.#scratch, 3, this.#write(keyText(i), 3));
    assert.equal(slot >= 0, this.model.table.delete(i));
    if (slot >= 0) slots.remove(slot);
  }

  #chainsOf(slice: number, i: number): [RowChains, number] {
    const chains = this.log.of(groupOf(i), slice);
    return [chains, chains.find(this.#scratch, 3, this.#write(keyText(i), 3))];
  }

  #append(slice: number, i: number, row: string): void {
    const [chains] = this.#chainsOf(slice, i);
    const chain = chains.findOrInsert(this.#scratch, 3, this.#write(keyText(i), 3));
    const added = chains.append(chain, this.#scratch, 200, this.#write(row, 200));
    assert.equal(chains.newest(chain), added);
    let keys = this.model.log.get(slice);
    if (keys === undefined) this.model.log.set(slice, (keys = new Map<number, string[]>()));
    const rows = keys.get(i);
    if (rows === undefined) keys.set(i, [row]);
    else rows.push(row);
  }

  /** The row `at` places from the newest, if there are so many. */
  #find(slice: number, i: number, at: number): [RowChains, number, number, number] | undefined {
    const [chains, chain] = this.#chainsOf(slice, i);
    assert.equal(chains.count(chain), this.model.log.get(slice)?.get(i)?.length ?? 0);
    let newer = -1;
    let row = chains.newest(chain);
    for (let n = 0; n < at && row >= 0; n++) {
      newer = row;
      row = chains.previous(row);
    }
    return row < 0 ? undefined : [chains, chain, row, newer];
  }

  #removeRow(slice: number, i: number, n: number): void {
    const found = this.#find(slice, i, n % 4);
    const rows = this.model.log.get(slice)?.get(i) ?? [];
    assert.equal(found !== undefined, rows.length > n % 4);
    if (found === undefined) return;
    const [chains, chain, row, newer] = found;
    chains.remove(chain, row, newer);
    rows.splice(rows.length - 1 - (n % 4), 1);
    if (rows.length === 0) this.model.log.get(slice)!.delete(i);
  }

  #overwrite(slice: number, i: number, n: number): void {
    const found = this.#find(slice, i, n % 4);
    if (found === undefined) return;
    const [chains, , row] = found;
    chains.touch(row);
    chains.bytes[chains.endOf(row) - 1] = 0x21;
    const rows = this.model.log.get(slice)!.get(i)!;
    const at = rows.length - 1 - (n % 4);
    rows[at] = `${rows[at]!.slice(0, -1)}!`;
  }

  drop(slice: number): void {
    this.log.dropSlice(slice);
    this.model.log.delete(slice);
  }

  /** Everything that is there, read from the backend alone. */
  content(first: number, last: number): Model {
    const model: Model = { table: new Map(), log: new Map() };
    const numbers = new Map(Array.from({ length: KEYS }, (_, i) => [keyText(i), i]));
    for (let group = first; group <= last; group++) {
      const slots = this.table.of(group);
      let size = 0;
      for (let slot = slots.first(); slot >= 0; slot = slots.next(slot)) {
        size += 1;
        const key = textOf(slots.bytes, slots.keyStart(slot), slots.keyEnd(slot));
        model.table.set(numbers.get(key)!, readSlot(slots, slot));
      }
      assert.equal(slots.size, size);
      for (const slice of this.log.slicesOf(group)) {
        const chains = this.log.find(group, slice)!;
        for (let i = group; i < KEYS; i += GROUPS) {
          const [, chain] = this.#chainsOf(slice, i);
          if (chain < 0) continue;
          const rows: string[] = [];
          for (let row = chains.newest(chain); row >= 0; row = chains.previous(row)) {
            rows.unshift(textOf(chains.bytes, chains.startOf(row), chains.endOf(row)));
          }
          assert.equal(chains.count(chain), rows.length);
          if (!model.log.has(slice)) model.log.set(slice, new Map());
          model.log.get(slice)!.set(i, rows);
        }
      }
    }
    return model;
  }

  /** What the model says about these key groups. */
  check(model: Model, first: number, last: number): void {
    const mine = (i: number): boolean => groupOf(i) >= first && groupOf(i) <= last;
    const content = this.content(first, last);
    const sorted = <V>(map: Map<number, V>): [number, V][] =>
      [...map].filter(([i]) => mine(i)).sort(([a], [b]) => a - b);
    assert.deepEqual(sorted(content.table), sorted(model.table));
    const slices = [...model.log].filter(([, keys]) => [...keys.keys()].some(mine));
    assert.deepEqual(
      [...content.log.keys()].sort((a, b) => a - b),
      slices.map(([slice]) => slice).sort((a, b) => a - b),
    );
    for (const [slice, keys] of slices) {
      assert.deepEqual(sorted(content.log.get(slice)!), sorted(keys), `slice ${slice}`);
    }
  }
}

function readSlot(slots: RowTableGroup, slot: number): number {
  const at = slots.valueAt(slot);
  const value = slots.doubles[at >> 3]!;
  assert.equal(slots.words[(at >> 2) + 2], Math.floor(value), 'both halves of a value');
  return value;
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.subarray(start, end)).toString('latin1');
}

const key = { key: fc.nat(KEYS - 1), span: fc.integer({ min: 1, max: 60 }), n: fc.nat(1000) };
const slice = fc.constantFrom(0, 1, 2, -60_000, 1e12);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('put' as const, 'put' as const, 'remove' as const),
      ...key,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'append' as const,
        'append' as const,
        'removeRow' as const,
        'overwrite' as const,
      ),
      ...key,
      slice,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), slice }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('begin' as const),
      order: fc.constantFrom('natural' as const, 'canonical' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('slice' as const),
      steps: fc.integer({ min: 0, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'abort' as const }) },
);

interface OpenSnapshot {
  readonly writer: SnapshotWriter;
  readonly memory: MemorySnapshot;
  readonly model: Model;
}

async function checkSnapshot({ memory, model }: OpenSnapshot, parts: number): Promise<void> {
  const again: MemorySnapshot[] = [];
  for (let part = 0; part < parts; part++) {
    const first = Math.ceil((part * GROUPS) / parts);
    const last = Math.ceil(((part + 1) * GROUPS) / parts) - 1;
    const pair = new Pair(first, last, part % 2 === 0);
    await pair.backend.restore([[memory.input()]]);
    if (part % 2 === 0) {
      pair.check(model, first, last);
      // What was restored works on.
      pair.apply({ kind: 'append', key: first, span: 1, n: 7, slice: 99 }, first);
      pair.drop(99);
    }
    const written = new MemorySnapshot('again');
    pair.backend.beginSnapshot(written, { order: 'canonical' }).writeSlice(Infinity, () => 0);
    again.push(written);
  }
  const whole = new Pair(0, GROUPS - 1);
  await whole.backend.restore(again.map((each) => [each.input()]));
  whole.check(model, 0, GROUPS - 1);
}

async function run(steps: readonly Step[], parts: number): Promise<void> {
  const pair = new Pair(0, GROUPS - 1);
  const open: OpenSnapshot[] = [];
  const complete: OpenSnapshot[] = [];
  const write = (budget: number): void => {
    let now = 0;
    if (open[0]?.writer.writeSlice(budget, () => now++) === 'done') complete.push(open.shift()!);
  };
  for (const step of steps) {
    switch (step.kind) {
      case 'drop':
        pair.drop(step.slice);
        break;
      case 'begin': {
        const memory = new MemorySnapshot('a snapshot');
        const writer = pair.backend.beginSnapshot(memory, { order: step.order });
        open.push({ writer, memory, model: structuredClone(pair.model) });
        break;
      }
      case 'slice':
        write(step.steps);
        break;
      case 'abort':
        open.pop()?.writer.abort();
        break;
      default:
        for (let i = 0; i < step.span; i++) pair.apply(step, (step.key + i) % KEYS);
    }
  }
  pair.check(pair.model, 0, GROUPS - 1);
  while (open.length > 0) write(1e6);
  assert.equal(pair.backend.usage.openSnapshots, 0);
  for (const snapshot of complete) await checkSnapshot(snapshot, parts);
}

describe('row state against a model', () => {
  test('A1-A3, R1-R3, N1-N3, Y1, K4, K5', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 10, maxLength: 120, size: 'max' }),
        fc.integer({ min: 1, max: GROUPS }),
        run,
      ),
      { seed: 20260703, numRuns: 80, endOnFailure: true },
    );
  });
});
