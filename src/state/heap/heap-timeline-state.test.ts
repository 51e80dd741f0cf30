// Timeline state against sorted arrays: random changes, with snapshots that are written in slices
// while the changes go on, and restored.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { timeline } from '../../functions/timeline-state.ts';
import type { TimelineState } from '../../functions/timeline-state.ts';
import { t } from '../../types/index.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { SnapshotWriter } from '../snapshot.ts';
import { at, code, finish, oneStep, open, restoredFrom } from './heap-backend.test-kit.ts';
import type { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

type Entries = readonly (readonly [time: number, value: string])[];
type Model = Map<string, Entries>;

type Change =
  | { readonly kind: 'add' | 'put'; readonly key: string; readonly time: number }
  | { readonly kind: 'drop'; readonly key: string; readonly count: number }
  | { readonly kind: 'grow'; readonly key: string; readonly count: number }
  | { readonly kind: 'clear'; readonly key: string }
  | { readonly kind: 'begin' }
  | { readonly kind: 'slice' };

const key = fc.constantFrom('a', 'b', 'c');
const time = fc.integer({ min: -40, max: 40 });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constantFrom('add', 'put'), key, time }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('drop'), key, count: fc.nat({ max: 30 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('grow'), key, count: fc.constantFrom(3, 40, 600) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear'), key }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'begin' }) },
  { weight: 4, arbitrary: fc.constant({ kind: 'slice' }) },
) as fc.Arbitrary<Change>;

interface OpenSnapshot {
  readonly writer: SnapshotWriter;
  readonly memory: MemorySnapshot;
  readonly model: Model;
  done: boolean;
}

function register(backend: HeapKeyedStateBackend): TimelineState<string> {
  return backend.register('versions', timeline(t.string));
}

function entriesOf(backend: HeapKeyedStateBackend, of: string): Entries {
  const state = register(backend);
  at(backend, of);
  const found = state.entries;
  return Array.from({ length: found?.size ?? 0 }, (_, i) => [found!.timeAt(i), found!.valueAt(i)]);
}

/** What a change makes of the entries of its key. */
function changed(entries: Entries, of: Change, value: string): Entries {
  switch (of.kind) {
    case 'add':
      return [...entries, [of.time, value] as const].toSorted((x, y) => x[0] - y[0]);
    case 'put': {
      const known = entries.findIndex(([known]) => known === of.time);
      if (known < 0) return changed(entries, { ...of, kind: 'add' }, value);
      return entries.with(known, [of.time, value]);
    }
    case 'drop':
      return entries.slice(of.count);
    case 'grow': {
      const last = entries.at(-1)?.[0] ?? 0;
      return [
        ...entries,
        ...Array.from({ length: of.count }, (_, i) => [last + i, value] as const),
      ];
    }
    default:
      return [];
  }
}

function apply(state: TimelineState<string>, of: Change, value: string): void {
  if (of.kind === 'add') state.add(of.time, value);
  else if (of.kind === 'put') state.put(of.time, value);
  else if (of.kind === 'drop') state.dropFirst(of.count);
  else if (of.kind === 'clear') state.clear();
  else if (of.kind === 'grow') {
    const entries = state.entries;
    const last = entries === undefined ? 0 : entries.timeAt(entries.size - 1);
    for (let i = 0; i < of.count; i++) state.add(last + i, value);
  }
}

describe('timeline state', () => {
  test('is a sorted list, also in snapshots that are written while it changes', async () => {
    const property = fc.asyncProperty(fc.array(change, { maxLength: 60 }), async (changes) => {
      const backend = open();
      const state = register(backend);
      const model: Model = new Map();
      const snapshots: OpenSnapshot[] = [];
      for (const [number, next] of changes.entries()) {
        if (next.kind === 'begin') {
          const memory = new MemorySnapshot('a snapshot');
          const writer = backend.beginSnapshot(memory);
          snapshots.push({ writer, memory, model: new Map(model), done: false });
        } else if (next.kind === 'slice') {
          const some = snapshots[number % (snapshots.length + 1)];
          if (some !== undefined) writeSlice(some);
          if (snapshots.length > 2) await endSnapshot(snapshots.shift()!);
        } else {
          at(backend, next.key);
          apply(state, next, `value ${number}`);
          const entries = changed(model.get(next.key) ?? [], next, `value ${number}`);
          model.set(next.key, entries);
          assert.deepEqual(entriesOf(backend, next.key), entries);
          for (const wanted of [-41, 0, 7]) {
            const first = entries.findIndex(([known]) => known >= wanted);
            const found = state.entries?.firstFrom(wanted) ?? 0;
            assert.equal(found, first < 0 ? entries.length : first);
          }
        }
      }
      for (const snapshot of snapshots) await endSnapshot(snapshot);
      const live = [...model.values()].filter((entries) => entries.length > 0);
      assert.equal(backend.usage.entries, live.length, 'a key without entries holds nothing');
    });
    await fc.assert(property, { numRuns: 300 });
  });

  test('is restored whether it was registered before or is after', async () => {
    const before = open();
    const state = register(before);
    at(before, 'a');
    for (let i = 0; i < 1000; i++) state.add(i % 7, `value ${i}`);
    const entries = entriesOf(before, 'a');
    const snapshot = finish(before, 'canonical');
    assert.deepEqual(entriesOf(await restoredFrom(snapshot), 'a'), entries);
    const registered = open();
    register(registered);
    await registered.restore([[snapshot.input()]]);
    assert.deepEqual(entriesOf(registered, 'a'), entries);
  });

  test('refuses what does not fit', () => {
    const backend = open();
    const state = register(backend);
    at(backend, 'a');
    assert.throws(() => state.add(1, 2 as never), code('STATE_VALUE_INVALID', 'versions'));
    assert.throws(() => state.put(1, 2 as never), code('STATE_VALUE_INVALID', 'versions'));
    assert.equal(state.entries, undefined);
  });
});

function writeSlice(snapshot: OpenSnapshot): void {
  snapshot.done ||= snapshot.writer.writeSlice(...oneStep) === 'done';
}

async function endSnapshot(snapshot: OpenSnapshot): Promise<void> {
  while (!snapshot.done) writeSlice(snapshot);
  const restored = await restoredFrom(snapshot.memory);
  for (const [of, entries] of snapshot.model) assert.deepEqual(entriesOf(restored, of), entries);
}
