// State by namespaces, and timers with them, whose namespaces have another schema in a later
// program: everything is found again under what its namespace is now, or is refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import type { ValueState } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { hashKey } from '../../types/key.ts';
import type { Key, Schema } from '../../types/schema.ts';
import type { NamespacedState, TimerQueue } from '../keyed-state-backend.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { SnapshotMark } from '../snapshot.ts';
import { at, code, GROUPS, open } from './heap-backend.test-kit.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const KEYS = 40;

/** What a namespace was and is. */
interface Change {
  readonly was: Schema<any>;
  readonly is: Schema<any>;
  readonly old: (i: number) => unknown;
  readonly now: (i: number) => unknown;
}

const CHANGES: Readonly<Record<string, Change>> = {
  'a wider number': { was: t.int32, is: t.float64, old: (i) => i % 3, now: (i) => i % 3 },
  'a bigint': { was: t.int32, is: t.int64, old: (i) => i % 3, now: (i) => BigInt(i % 3) },
  'fields in another order': {
    was: t.struct({ start: t.int32, end: t.int32 }),
    is: t.struct({ end: t.int32, start: t.float64 }),
    old: (i) => ({ start: i % 3, end: 10 }),
    now: (i) => ({ end: 10, start: i % 3 }),
  },
  'a renamed field, a wider one and a new one': {
    was: t.struct({ start: t.int32, end: t.int32 }),
    is: t.struct({
      from: t.field(t.int64, { alias: 'start' }),
      end: t.float64,
      kind: t.field(t.string, { default: 'plain' }),
    }),
    old: (i) => ({ start: i % 3, end: 10 }),
    now: (i) => ({ from: BigInt(i % 3), end: 10, kind: 'plain' }),
  },
  'texts from an enum': {
    was: t.enum('a', 'b', 'c'),
    is: t.string,
    old: (i) => 'abc'[i % 3],
    now: (i) => 'abc'[i % 3],
  },
};

const FAMILIES: Readonly<Record<string, (i: number) => Key>> = {
  numbers: (i) => i,
  strings: (i) => `key ${i}`,
  tuples: (i) => [i, 'x'],
};

class States {
  readonly backend: HeapKeyedStateBackend;
  readonly values: NamespacedState<ValueState<number | undefined>, any>;
  readonly timers: TimerQueue<any>;

  constructor(namespace: Schema<any>, backend = open()) {
    this.backend = backend;
    this.values = backend.registerNamespaced('values', state.value(t.int32), namespace);
    this.timers = backend.registerTimers('timers', namespace);
  }

  set(key: Key, namespace: unknown, value: number | undefined): void {
    at(this.backend, key);
    this.values.setNamespace(namespace);
    this.values.handle.set(value);
  }
}

interface Taken {
  readonly memory: MemorySnapshot;
  readonly mark: SnapshotMark;
}

function taken(backend: HeapKeyedStateBackend, base?: Taken): Taken {
  const memory = new MemorySnapshot(base === undefined ? 'whole' : 'change');
  const writer = backend.beginSnapshot(memory, { base: base?.mark, marked: true });
  assert.equal(
    writer.writeSlice(Infinity, () => 0),
    'done',
  );
  return { memory, mark: writer.mark! };
}

/** A whole snapshot of all keys, and a change: every other one is gone, some are others. */
function chainOf(
  { was, old }: Change,
  keyOf: (i: number) => Key,
): readonly [MemorySnapshot, MemorySnapshot] {
  const states = new States(was);
  for (let i = 0; i < KEYS; i++) {
    states.set(keyOf(i), old(i), i);
    states.timers.register(i, old(i));
    states.timers.register(i, old(i + 1));
  }
  const whole = taken(states.backend);
  for (let i = 0; i < KEYS; i++) {
    if (i % 4 === 0) states.set(keyOf(i), old(i), i + 1000);
    if (i % 2 === 0) continue;
    states.set(keyOf(i), old(i), undefined);
    states.timers.delete(i, old(i));
  }
  return [whole.memory, taken(states.backend, whole).memory];
}

function check({ backend, values, timers }: States, { now }: Change, keyOf: (i: number) => Key) {
  for (let i = 0; i < KEYS; i++) {
    at(backend, keyOf(i));
    values.setNamespace(now(i));
    assert.equal(values.handle.get(), i % 4 === 0 ? i + 1000 : i % 2 === 0 ? i : undefined);
    values.setNamespace(now(i + 1));
    assert.equal(values.handle.get(), undefined);
    const found = timers.timersOfCurrentKey().map(({ namespace }) => namespace as unknown);
    const wanted = i % 2 === 0 ? [now(i), now(i + 1)] : [now(i + 1)];
    assert.equal(found.length, wanted.length);
    for (const each of wanted) {
      assert.ok(found.some((namespace) => isEqual(namespace, each)));
      timers.register(i, each);
    }
  }
  assert.equal(timers.size, KEYS + KEYS / 2, 'a timer is the same timer');
}

function isEqual(left: unknown, right: unknown): boolean {
  try {
    assert.deepEqual(left, right);
    return true;
  } catch {
    return false;
  }
}

/** Of two key groups. */
function half(first: number): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    ...{ operator: 'count words', maxParallelism: GROUPS },
    keyGroups: { first, last: first + 1 },
  });
}

/** Of that key group. */
function keyIn(group: number): number {
  for (let key = 0; ; key++) if ((hashKey(key) >>> 0) % GROUPS === group) return key;
}

describe('namespaces of an older program', () => {
  for (const [what, change] of Object.entries(CHANGES)) {
    for (const [family, keyOf] of Object.entries(FAMILIES)) {
      test(`${what}, keys are ${family}`, async () => {
        const chain = chainOf(change, keyOf).map((memory) => memory.input());
        const later = new States(change.is);
        await later.backend.restore([chain]);
        check(later, change, keyOf);
        const backend = open();
        await backend.restore([chain]);
        const first = new States(change.is, backend);
        check(first, change, keyOf);
        assert.equal(first.backend.usage.entries, later.backend.usage.entries);
        // What it has become is what is stored from now on.
        const again = new States(change.is);
        await again.backend.restore([[taken(first.backend).memory.input()]]);
        check(again, change, keyOf);
        const times: number[] = [];
        while (again.timers.pop(Infinity)) times.push(again.timers.at);
        assert.deepEqual(
          times,
          times.toSorted((a, b) => a - b),
        );
      });
    }
  }

  test('what was stored by two versions becomes one', async () => {
    const { was, is, old, now } = CHANGES['a renamed field, a wider one and a new one']!;
    const [before, after] = [new States(was, half(0)), new States(is, half(2))];
    before.set(keyIn(0), old(1), 1);
    before.timers.register(5, old(1));
    after.set(keyIn(2), now(2), 2);
    after.timers.register(6, now(2));
    const chains = [before, after].map(({ backend }) => [taken(backend).memory.input()]);
    for (const given of [chains, chains.toReversed()]) {
      const backend = open();
      await backend.restore(given);
      const states = new States(is, backend);
      const found: unknown[] = [];
      while (states.timers.pop(Infinity)) {
        states.values.setNamespace(states.timers.namespace);
        found.push([states.timers.namespace, states.values.handle.get()]);
      }
      assert.deepEqual(found, [
        [now(1), 1],
        [now(2), 2],
      ]);
    }
  });

  const REFUSED: readonly (readonly [string, Schema<any>, Schema<any>, string])[] = [
    ['a narrower number', t.int32, t.int16, 'namespace: it was int32, and is int16'],
    ['another type', t.int32, t.string, 'namespace: it was int32, and is string'],
    [
      'a field that goes',
      t.struct({ start: t.int32, end: t.int32 }),
      t.struct({ start: t.int32 }),
      'namespace\\.end: it is gone, and keys that it told apart would be one',
    ],
    [
      'a field without a default',
      t.struct({ start: t.int32 }),
      t.struct({ start: t.int32, end: t.int32 }),
      'namespace\\.end: what is stored does not have it',
    ],
  ];
  for (const [what, was, is, reason] of REFUSED) {
    test(`${what} is refused`, async () => {
      const { memory } = taken(new States(was).backend);
      const says = code('STATE_NOT_EVOLVABLE', 'count words', reason);
      const [values, timers] = [open(), open()];
      values.registerNamespaced('values', state.value(t.int32), is);
      await assert.rejects(values.restore([[memory.input()]]), says);
      timers.registerTimers('timers', is);
      await assert.rejects(timers.restore([[memory.input()]]), says);
      const first = open();
      await first.restore([[memory.input()]]);
      assert.throws(() => first.registerTimers('timers', is), says);
    });
  }
});
