// What the tests of the heap backend share: small backends, and errors by code and words.
import assert from 'node:assert/strict';
import { isEngineError } from '../../base/errors.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { hashKey } from '../../types/key.ts';
import type { Key, Schema } from '../../types/schema.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

export const GROUPS = 4;

export function open(keySchema?: Schema<Key>): HeapKeyedStateBackend {
  return HeapKeyedStateBackend.open({
    operator: 'count words',
    keyGroups: { first: 0, last: GROUPS - 1 },
    maxParallelism: GROUPS,
    keySchema,
  });
}

export function at(backend: HeapKeyedStateBackend, key: Key): void {
  backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
}

export function code(wanted: ErrorCode, ...words: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isEngineError(error, wanted), `${wanted} expected, got ${String(error)}`);
    for (const word of words)
      assert.match(error.message, new RegExp(word.replace(/[[\]]/g, '\\$&')));
    return true;
  };
}

/** One step of the writer, whatever the time. */
export const oneStep: readonly [number, () => number] = [0, () => 0];

export function finish(
  backend: HeapKeyedStateBackend,
  order: 'natural' | 'canonical' = 'natural',
): MemorySnapshot {
  const memory = new MemorySnapshot('a snapshot');
  assert.equal(
    backend.beginSnapshot(memory, { order }).writeSlice(Infinity, () => 0),
    'done',
  );
  return memory;
}

export async function restoredFrom(memory: MemorySnapshot): Promise<HeapKeyedStateBackend> {
  const backend = open();
  await backend.restore([[memory.input()]]);
  return backend;
}
