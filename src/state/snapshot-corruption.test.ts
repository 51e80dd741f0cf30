// Damage to a snapshot is always found and named; nothing of it is ever read as empty state.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import { state } from '../functions/state.ts';
import { t } from '../types/index.ts';
import { hashKey } from '../types/key.ts';
import { HeapKeyedStateBackend } from './heap/heap-keyed-state-backend.ts';
import { MemorySnapshot, snapshotInputOf } from './memory-snapshot.ts';
import { OperatorStateBackend } from './operator-state.ts';
import { SnapshotFileReader } from './snapshot-file-reader.ts';
import { BLOCK_HEADER_BYTES } from './snapshot-layout.ts';
import type { SnapshotInput } from './snapshot.ts';

const GROUPS = 4;

function open(first: number = 0, last: number = GROUPS - 1): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'op',
    keyGroups: { first, last },
    maxParallelism: GROUPS,
    processingTime: () => 1000,
  });
}

function keyedSnapshot(keys: number): Uint8Array {
  return keyedChain(keys)[0];
}

/** A whole snapshot, and one of what has come and gone since. */
function keyedChain(keys: number): readonly [Uint8Array, Uint8Array] {
  const backend = open();
  const count = backend.register('count', state.value(t.float64));
  const list = backend.register('list', state.list(t.string));
  const map = backend.register('map', state.map(t.string, t.int32));
  const ttl = { duration: seconds(1) };
  const living = [
    backend.register('living', state.value(t.float64, { ttl })),
    backend.register('living list', state.list(t.string, { ttl })),
    backend.register('living map', state.map(t.string, t.int32, { ttl })),
  ] as const;
  const table = backend.registerRowTable('table', 8);
  const log = backend.registerRowLog('log');
  const timers = backend.registerTimers('timers', t.string);
  const named = backend.registerNamespaced('named', state.value(t.float64), t.string);
  const sliced = backend.registerSliced('sliced', state.value(t.float64));
  const change = (key: number): void => {
    backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
    sliced.setSlice((key % 3) * 10);
    sliced.handle.set(key);
    named.setNamespace(`window ${key}`);
    named.handle.set(key);
    timers.register(key * 1000, `window ${key}`);
    count.set(key);
    list.add(`element ${key}`);
    map.set('a', key);
    living[0].set(key);
    living[1].add(`element ${key}`);
    living[2].set('a', key);
    const row = Buffer.from(`row ${key}`);
    table.of(key % GROUPS).findOrInsert(row, 0, row.length);
    const chains = log.of(key % GROUPS, key % 3);
    chains.append(chains.findOrInsert(row, 0, 3), row, 0, 5);
  };
  for (let key = 0; key < keys; key++) change(key);
  const whole = new MemorySnapshot('s');
  const writer = backend.beginSnapshot(whole, { marked: true });
  writer.writeSlice(Infinity, () => 0);
  change(keys);
  backend.setCurrentKey(0, (hashKey(0) >>> 0) % GROUPS);
  count.clear();
  map.set('b', 1);
  timers.delete(0, 'window 0');
  sliced.dropSlice(0);
  log.dropSlice(0);
  const changes = new MemorySnapshot('changes');
  backend.beginSnapshot(changes, { base: writer.mark }).writeSlice(Infinity, () => 0);
  return [whole.bytes(), changes.bytes()];
}

function operatorSnapshot(): Uint8Array {
  const backend = new OperatorStateBackend({ operator: 'op', subtask: 0, parallelism: 1 });
  backend.broadcast(state.broadcast('rules', t.string, t.int32)).set('a', 1);
  backend.split('splits', t.string).update(['x', 'y']);
  backend.union('reached', t.float64).update([1]);
  const memory = new MemorySnapshot('s');
  backend.beginSnapshot(memory).writeSlice(Infinity, () => 0);
  return memory.bytes();
}

const KINDS = {
  keyed: {
    bytes: keyedSnapshot(6),
    restore: (input: SnapshotInput) => open().restore([[input]]),
  },
  operator: {
    bytes: operatorSnapshot(),
    restore: (input: SnapshotInput) =>
      new OperatorStateBackend({ operator: 'op', subtask: 0, parallelism: 1 }).restore([input]),
  },
};

async function mustBeRefused(
  restore: (input: SnapshotInput) => Promise<void>,
  bytes: Uint8Array,
  what: string,
): Promise<void> {
  const error = await restore(snapshotInputOf('the snapshot', bytes)).then(
    () => assert.fail(`${what} was not noticed`),
    (reason: unknown) => reason,
  );
  assert.ok(isEngineError(error, 'STATE_SNAPSHOT_CORRUPT'), `${what}: ${String(error)}`);
  assert.match(error.message, /the snapshot/);
}

for (const [kind, { bytes, restore }] of Object.entries(KINDS)) {
  describe(`a damaged ${kind} snapshot`, () => {
    test('is whole to begin with', () => restore(snapshotInputOf('s', bytes)));

    test('every flipped bit of every byte is found', async () => {
      for (let at = 0; at < bytes.length; at++) {
        for (let bit = 0; bit < 8; bit++) {
          const damaged = bytes.slice();
          damaged[at]! ^= 1 << bit;
          await mustBeRefused(restore, damaged, `bit ${bit} of byte ${at} of ${bytes.length}`);
        }
      }
    });

    test('every truncation, and anything behind the end, is found', async () => {
      for (let length = 0; length < bytes.length; length++) {
        await mustBeRefused(restore, bytes.subarray(0, length), `${length} bytes`);
      }
      await mustBeRefused(restore, Buffer.concat([bytes, new Uint8Array(1)]), 'a byte too many');
      await mustBeRefused(restore, Buffer.concat([bytes, bytes]), 'twice the same');
    });

    test('every byte zeroed or missing is found', async () => {
      for (let at = 0; at < bytes.length; at++) {
        const without = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
        await mustBeRefused(restore, without, `without byte ${at}`);
      }
    });
  });
}

describe('a damaged snapshot of changes', () => {
  const [whole, changes] = keyedChain(3);
  const base = snapshotInputOf('its base', whole);
  const restore = (input: SnapshotInput): Promise<void> => open().restore([[base, input]]);

  test('is whole to begin with', () => restore(snapshotInputOf('s', changes)));

  test('every flipped byte, every truncation and every missing byte is found', async () => {
    for (let at = 0; at < changes.length; at++) {
      const damaged = changes.slice();
      damaged[at]! ^= 1 << (at % 8);
      await mustBeRefused(restore, damaged, `byte ${at} of ${changes.length}`);
      await mustBeRefused(restore, changes.subarray(0, at), `${at} bytes`);
      const without = Buffer.concat([changes.subarray(0, at), changes.subarray(at + 1)]);
      await mustBeRefused(restore, without, `without byte ${at}`);
    }
  });

  test('every flipped byte of its base is found, too', async () => {
    const onTop = snapshotInputOf('on top', changes);
    const restoreBase = (input: SnapshotInput): Promise<void> => open().restore([[input, onTop]]);
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice();
      damaged[at]! ^= 1 << (at % 8);
      await mustBeRefused(restoreBase, damaged, `byte ${at} of ${whole.length}`);
    }
  });
});

describe('a snapshot', () => {
  test('whose blocks were exchanged is refused', async () => {
    const bytes = keyedSnapshot(40);
    const file = await SnapshotFileReader.openKeyed(snapshotInputOf('s', bytes));
    const [first, second] = file.sections
      .filter(({ length }, _i, all) => all.filter((other) => other.length === length).length > 1)
      .filter(({ length }, _i, all) => length === all[0]!.length);
    assert.ok(first !== undefined && second !== undefined, 'two sections of one length');
    const exchanged = bytes.slice();
    const sectionBytes = (section: typeof first): Uint8Array =>
      bytes.slice(section.offset, section.offset + section.length);
    exchanged.set(sectionBytes(first), second.offset);
    exchanged.set(sectionBytes(second), first.offset);
    await mustBeRefused((input) => open().restore([[input]]), exchanged, 'exchanged sections');
  });

  test('whose blocks were exchanged within a section is refused', async () => {
    const backend = open();
    const list = backend.register('list', state.list(t.float64));
    backend.setCurrentKey(1, (hashKey(1) >>> 0) % GROUPS);
    list.addAll(Array.from({ length: 100_000 }, (_, i) => i));
    const memory = new MemorySnapshot('s');
    backend.beginSnapshot(memory).writeSlice(Infinity, () => 0);
    const bytes = memory.bytes();
    const { offset } = (await SnapshotFileReader.openKeyed(memory.input())).sections[0]!;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const length = BLOCK_HEADER_BYTES + view.getUint32(offset + 4, true);
    assert.equal(length, BLOCK_HEADER_BYTES + view.getUint32(offset + length + 4, true));
    const exchanged = bytes.slice();
    exchanged.set(bytes.slice(offset, offset + length), offset + length);
    exchanged.set(bytes.slice(offset + length, offset + length * 2), offset);
    await mustBeRefused((input) => open().restore([[input]]), exchanged, 'exchanged blocks');
  });

  test('of keyed state is not taken for one of operator state', async () => {
    await mustBeRefused(KINDS.operator.restore, KINDS.keyed.bytes, 'the wrong kind');
    await mustBeRefused(KINDS.keyed.restore, KINDS.operator.bytes, 'the wrong kind');
  });

  test('is read only where the wanted key groups are', async () => {
    const bytes = keyedSnapshot(20_000);
    let read = 0;
    const input: SnapshotInput = {
      ...snapshotInputOf('s', bytes),
      read: async (position, length) => {
        read += length;
        return bytes.slice(position, position + length);
      },
    };
    const backend = open(1, 1);
    await backend.restore([[input]]);
    assert.ok(read < bytes.length * 0.3, `${read} of ${bytes.length} bytes`);
    const other = open(0, 3);
    await other.restore([[snapshotInputOf('s', bytes)]]);
    assert.equal(other.usage.entries, 220_000);
    assert.ok(backend.usage.entries > 44_000 && backend.usage.entries < 66_000);
  });
});
