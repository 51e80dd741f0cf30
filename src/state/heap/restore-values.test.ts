/**
 * What is restored many at a time is all there, may be changed, and a key that comes twice is not.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { hashKey } from '../../types/key.ts';
import { writeKey } from '../../types/key-bytes.ts';
import type { Key, Schema } from '../../types/schema.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import { SnapshotFileReader } from '../snapshot-file-reader.ts';
import { SnapshotFileWriter } from '../snapshot-file-writer.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

const GROUPS = 4;

const KEYS: Readonly<Record<string, (i: number) => Key>> = {
  integers: (i) => i - 500,
  'all sorts of numbers': (i) => (i % 3 === 0 ? i : i % 3 === 1 ? i / 7 : i * 2 ** 40),
  texts: (i) => (i % 2 === 0 ? `key ${i}` : `Schlüssel ${i}`),
  bigints: (i) => BigInt(i) ** 9n,
  tuples: (i) => [i, `${i}`],
};

const VALUES: Readonly<Record<string, { schema: Schema<unknown>; of: (i: number) => unknown }>> = {
  float64: { schema: t.float64, of: (i) => i / 3 },
  timestamp: { schema: t.timestamp, of: (i) => i * 1000 },
  int16: { schema: t.int16, of: (i) => i - 300 },
  boolean: { schema: t.boolean, of: (i) => i % 2 === 0 },
  int64: { schema: t.int64, of: BigInt },
  struct: {
    schema: t.struct({ name: t.string, at: t.nullable(t.timestamp) }),
    of: (i) => ({ name: i % 5 === 0 ? 'é' : `name ${i}`, at: i % 2 === 0 ? null : i }),
  },
};

function open(): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'test',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
  });
}

function at(backend: HeapKeyedStateBackend, key: Key): void {
  backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
}

function snapshotOf(backend: HeapKeyedStateBackend): MemorySnapshot {
  const memory = new MemorySnapshot('s');
  assert.equal(
    backend.beginSnapshot(memory).writeSlice(Infinity, () => 0),
    'done',
  );
  return memory;
}

describe('values restored', () => {
  for (const [keys, keyOf] of Object.entries(KEYS)) {
    for (const [values, { schema, of }] of Object.entries(VALUES)) {
      test(`${values} by ${keys}`, async () => {
        const backend = open();
        const value = backend.register('v', state.value(schema));
        for (let i = 0; i < 1000; i++) {
          at(backend, keyOf(i));
          value.set(of(i));
        }
        const again = open();
        const restored = again.register('v', state.value(schema));
        await again.restore([[snapshotOf(backend).input()]]);
        assert.equal(again.usage.entries, 1000);
        // Of every three one goes, one changes and one stays, and new ones come.
        for (let i = 0; i < 1500; i++) {
          at(again, keyOf(i));
          assert.deepEqual(restored.get(), i < 1000 ? of(i) : undefined);
          if (i % 3 === 0) restored.clear();
          else if (i % 3 === 1) restored.set(of(i + 1));
        }
        for (let i = 0; i < 1500; i++) {
          at(again, keyOf(i));
          const kept = i < 1000 ? of(i) : undefined;
          assert.deepEqual(restored.get(), [undefined, of(i + 1), kept][i % 3]);
        }
      });
    }
  }

  for (const [keys, keyOf] of Object.entries(KEYS)) {
    test(`one of ${keys} that comes twice is refused`, async () => {
      const backend = open();
      const value = backend.register('v', state.value(t.float64));
      at(backend, keyOf(3));
      value.set(1);
      const { manifest, sections } = await SnapshotFileReader.openKeyed(
        snapshotOf(backend).input(),
      );
      const memory = new MemorySnapshot('twice');
      const file = new SnapshotFileWriter(memory, 'keyed');
      file.beginSection(0, sections[0]!.group);
      for (let times = 0; times < 2; times++) {
        const out = file.entry();
        writeKey(keyOf(3), out);
        out.float64(times);
        file.endEntry();
      }
      file.endSection();
      file.finish(manifest);
      await assert.rejects(async () => await open().restore([[memory.input()]]), {
        message: /twice is damaged.*second time/s,
      });
    });
  }
});
