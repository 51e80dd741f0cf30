/**
 * N1: what is read of snapshots is what a backend restores of them, changes and removals included.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cases } from '../base/cases.test-kit.ts';
import { Prng } from '../base/prng.ts';
import { seconds } from '../base/units.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import { hashKey } from '../types/key.ts';
import { HeapKeyedStateBackend } from './heap/heap-keyed-state-backend.ts';
import { MemorySnapshot } from './memory-snapshot.ts';
import { OperatorStateBackend } from './operator-state.ts';
import { KeyedSnapshot, readOperatorState, type KeyedEntry } from './snapshot-entries.ts';
import type { SnapshotInput, SnapshotMark } from './snapshot.ts';

const GROUPS = 4;
const KEYS = 12;
const ttl = { duration: seconds(1000) };
const sum = (a: number, b: number): number => a + b;

function openBackend() {
  const backend = HeapKeyedStateBackend.open({
    operator: 'op',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    processingTime: () => 7,
  });
  const states = {
    count: backend.register('count', state.value(t.nullable(t.float64))),
    text: backend.register('text', state.value(t.nullable(t.string), { ttl })),
    list: backend.register('list', state.list(t.string)),
    living: backend.register('living', state.list(t.string, { ttl })),
    map: backend.register('map', state.map(t.string, t.int32)),
    total: backend.register('total', state.reducing(t.float64, sum)),
    windows: backend.registerNamespaced('windows', state.value(t.nullable(t.float64)), t.string),
    slices: backend.registerSliced('slices', state.value(t.nullable(t.float64))),
    timers: backend.registerTimers('timers', t.string),
  };
  return { backend, states };
}

type Opened = ReturnType<typeof openBackend>;

function select({ backend }: Opened, key: number): void {
  backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
}

/** Something to a key. */
function change(opened: Opened, random: Prng): void {
  const { states } = opened;
  select(opened, random.below(KEYS));
  const value = random.below(1000);
  const name = `n${random.below(3)}`;
  states.windows.setNamespace(name);
  states.slices.setSlice(random.below(3) * 10);
  const actions: readonly (() => void)[] = [
    () => states.count.set(value),
    () => states.count.clear(),
    () => states.text.set(`text ${value}`),
    () => states.list.addAll(Array.from({ length: random.below(400) }, (_, i) => `e${i}`)),
    () => states.list.clear(),
    () => states.living.add(`l${value}`),
    () => states.map.set(`m${random.below(300)}`, value),
    () => states.map.delete(`m${random.below(300)}`),
    () => states.total.add(value),
    () => states.windows.handle.set(value),
    () => states.windows.handle.clear(),
    () => states.slices.handle.set(value),
    () => states.slices.dropSlice(random.below(3) * 10),
    () => states.timers.register(value, name),
  ];
  random.pick(actions)();
}

function take({ backend }: Opened, base?: SnapshotMark) {
  const memory = new MemorySnapshot('s');
  const writer = backend.beginSnapshot(memory, { marked: true, base });
  while (writer.writeSlice(Infinity, () => 0) !== 'done');
  return { input: memory.input(), mark: writer.mark };
}

async function entriesOf(chain: readonly SnapshotInput[]): Promise<readonly KeyedEntry[]> {
  const snapshot = await KeyedSnapshot.open(chain);
  const all: KeyedEntry[] = [];
  for await (const entry of snapshot.entries()) all.push(entry);
  return all;
}

/** As the entries of a whole snapshot of what was restored; in no order. */
function comparable(entries: readonly KeyedEntry[]): readonly string[] {
  return entries
    .map(({ state: { name }, keyGroup, key, namespace, slice, value, lastUsed }) =>
      JSON.stringify([name, keyGroup, key, namespace, slice, plain(value), lastUsed]),
    )
    .sort();
}

function plain(value: unknown): unknown {
  return value instanceof Map ? [...value].map((pair) => JSON.stringify(pair)).sort() : value;
}

describe('KeyedSnapshot', () => {
  test('N1: a chain of changes reads as what it restores, whatever happened', async () => {
    for (let seed = 1; seed <= cases(25, 1000); seed++) {
      const random = Prng.of(seed);
      const opened = openBackend();
      const chain: SnapshotInput[] = [];
      let base: SnapshotMark | undefined;
      for (let link = 0; link < 4; link++) {
        for (let i = 0; i < 60; i++) change(opened, random);
        const { input, mark } = take(opened, base);
        chain.push(input);
        base = mark;
      }
      const restored = openBackend();
      await restored.backend.restore([chain]);
      const whole = comparable(await entriesOf([take(restored).input]));
      assert.ok(whole.length > 20);
      assert.deepEqual(comparable(await entriesOf(chain)), whole, `seed ${seed}`);
    }
  });

  test('entries are what handles say', async () => {
    const opened = openBackend();
    select(opened, 5);
    const { states } = opened;
    states.count.set(1.5);
    states.text.set('a');
    states.list.addAll(Array.from({ length: 600 }, (_, i) => `e${i}`));
    states.map.set('x', 3);
    states.windows.setNamespace('w');
    states.windows.handle.set(9);
    states.slices.setSlice(40);
    states.slices.handle.set(8);
    states.timers.register(99, 'tw');
    const found = await entriesOf([take(opened).input]);
    const of = (name: string) => {
      const { key, namespace, slice, value, lastUsed } = found.find(
        (entry) => entry.state.name === name,
      )!;
      return { key, namespace, slice, value, lastUsed };
    };
    const plainEntry = { key: 5, namespace: undefined, slice: undefined, lastUsed: undefined };
    assert.deepEqual(of('count'), { ...plainEntry, value: 1.5 });
    assert.deepEqual(of('text'), { ...plainEntry, value: 'a', lastUsed: 7 });
    const elements = Array.from({ length: 600 }, (_, i) => `e${i}`);
    assert.deepEqual(of('list'), { ...plainEntry, value: elements });
    assert.deepEqual(of('map'), { ...plainEntry, value: new Map([['x', 3]]) });
    assert.deepEqual(of('windows'), { ...plainEntry, namespace: 'w', value: 9 });
    assert.deepEqual(of('slices'), { ...plainEntry, slice: 40, value: 8 });
    assert.deepEqual(of('timers'), { ...plainEntry, namespace: 'tw', value: 99 });
    assert.equal(found.length, 7);
  });
});

test('readOperatorState gives lists and broadcast state', async () => {
  const backend = new OperatorStateBackend({ operator: 'op', subtask: 0, parallelism: 1 });
  backend.broadcast(state.broadcast('rules', t.string, t.int32)).set('a', 1);
  backend.split('splits', t.string).update(['x', 'y']);
  const memory = new MemorySnapshot('s');
  backend.beginSnapshot(memory).writeSlice(Infinity, () => 0);
  const found = await readOperatorState(memory.input());
  assert.deepEqual(
    found.map(({ state: { name, kind }, values }) => ({ name, kind, values })),
    [
      { name: 'rules', kind: 'broadcast', values: [['a', 1]] },
      { name: 'splits', kind: 'split', values: ['x', 'y'] },
    ],
  );
});
