import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { state } from '../../functions/state.ts';
import { t } from '../../types/index.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { SnapshotMark, SnapshotWriter } from '../snapshot.ts';
import { at, code, open } from './heap-backend.test-kit.ts';
import type { HeapKeyedStateBackend } from './heap-keyed-state-backend.ts';

interface Marked {
  readonly memory: MemorySnapshot;
  readonly writer: SnapshotWriter;
  readonly mark: SnapshotMark;
}

function marked(backend: HeapKeyedStateBackend, name: string, base?: Marked): Marked {
  const memory = new MemorySnapshot(name);
  const writer = backend.beginSnapshot(memory, { base: base?.mark, marked: true });
  writer.writeSlice(Infinity, () => 0);
  return { memory, writer, mark: writer.mark! };
}

function counting(): {
  readonly backend: HeapKeyedStateBackend;
  readonly set: (i: number, to?: number) => void;
} {
  const backend = open();
  const count = backend.register('count', state.value(t.float64));
  return {
    backend,
    set: (i, to) => {
      at(backend, i);
      if (to === undefined) count.clear();
      else count.set(to);
    },
  };
}

describe('snapshots on a base', () => {
  test('K6: hold what has changed and nothing else', async () => {
    const { backend, set } = counting();
    for (let i = 0; i < 10_000; i++) set(i, i);
    const whole = marked(backend, 'whole');
    assert.equal(whole.writer.entriesWritten, 10_000);
    for (let i = 0; i < 100; i++) set(i, -1);
    for (let i = 100; i < 150; i++) set(i);
    // Neither of them has ever been in a snapshot.
    set(20_000, 1);
    set(20_000);
    const first = marked(backend, 'first', whole);
    assert.equal(first.writer.entriesWritten, 150);
    set(120, 5);
    set(0);
    const second = marked(backend, 'second', first);
    assert.equal(second.writer.entriesWritten, 2);
    const onWhole = marked(backend, 'on whole', whole);
    assert.equal(onWhole.writer.entriesWritten, 99 + 1 + 1 + 50);
    for (const chain of [
      [whole, first, second],
      [whole, onWhole],
    ]) {
      const again = open();
      await again.restore([chain.map(({ memory }) => memory.input())]);
      const count = again.register('count', state.value(t.float64));
      at(again, 0);
      assert.equal(count.get(), undefined);
      at(again, 1);
      assert.equal(count.get(), -1);
      at(again, 120);
      assert.equal(count.get(), 5);
      assert.equal(again.usage.entries, 10_000 - 50);
    }
  });

  test('K6: are refused without what they are based on', async () => {
    const { backend, set } = counting();
    set(1, 1);
    const whole = marked(backend, 'whole');
    set(2, 2);
    const first = marked(backend, 'first', whole);
    set(3, 3);
    const second = marked(backend, 'second', first);
    const refused = async (chain: readonly Marked[], ...words: string[]): Promise<void> => {
      await assert.rejects(
        open().restore([chain.map(({ memory }) => memory.input())]),
        code('STATE_SNAPSHOT_MISMATCH', ...words),
      );
    };
    await refused([first], 'first', 'changed since another');
    await refused([whole, second], 'second', 'not based on whole');
    await refused([whole, second, first], 'second', 'not based on whole');
    await refused([whole, whole], 'whole', 'not based on whole');
    const other = counting();
    other.set(1, 2);
    await refused([marked(other.backend, 'other'), first], 'first', 'not based on other');
    await open().restore([[whole.memory.input(), first.memory.input(), second.memory.input()]]);
  });

  test('V3: marks go by release and abort, and what they kept with them', () => {
    const { backend, set } = counting();
    for (let i = 0; i < 100; i++) set(i, i);
    const whole = marked(backend, 'whole');
    const aborted = backend.beginSnapshot(new MemorySnapshot('a'), { marked: true });
    const unmarked = backend.beginSnapshot(new MemorySnapshot('u'), { base: whole.mark });
    assert.equal(unmarked.mark, undefined);
    assert.deepEqual([backend.usage.marks, backend.usage.openSnapshots], [2, 2]);
    aborted.abort();
    assert.throws(() => backend.beginSnapshot(unmarkedOutput, { base: aborted.mark }), /V3/);
    for (let i = 0; i < 100; i++) set(i);
    // The one that is open still tells of what has changed up to its beginning: nothing.
    backend.releaseMark(whole.mark);
    backend.releaseMark(whole.mark);
    assert.equal(backend.usage.marks, 0);
    unmarked.writeSlice(Infinity, () => 0);
    assert.equal(unmarked.entriesWritten, 0);
    assert.throws(() => backend.beginSnapshot(unmarkedOutput, { base: whole.mark }), /V3/);
    const unfinished = backend.beginSnapshot(new MemorySnapshot('b'), { marked: true });
    assert.throws(() => backend.beginSnapshot(unmarkedOutput, { base: unfinished.mark }), /V3/);
    unfinished.abort();
    assert.deepEqual([backend.usage.marks, backend.usage.openSnapshots], [0, 0]);
  });
});

const unmarkedOutput = new MemorySnapshot('nothing');
