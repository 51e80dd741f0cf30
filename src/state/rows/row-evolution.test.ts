// Rows and slots of an older program: with schemas they become what is declared, by the rules of
// all state; of others nothing is known, and they stay as they were or are refused.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import { t } from '../../types/index.ts';
import type { Schema } from '../../types/schema.ts';
import { HeapKeyedStateBackend } from '../heap/heap-keyed-state-backend.ts';
import { code, GROUPS, open } from '../heap/heap-backend.test-kit.ts';
import { MemorySnapshot } from '../memory-snapshot.ts';
import type { RowLog, RowSchemas, RowTable } from '../row-state.ts';
import type { SnapshotMark } from '../snapshot.ts';

const KEYS = 50;

const OldKey = t.struct({ user: t.string, at: t.int32 });
const NewKey = t.struct({ at: t.int64, who: t.field(t.string, { alias: 'user' }) });
const OldRow = t.struct({ n: t.int32, note: t.string });
const NewRow = t.struct({ n: t.float64, kind: t.field(t.string, { default: 'plain' }) });
const OldSlot = t.struct({ count: t.int32, sum: t.float64, big: t.int64 });
const NewSlot = t.struct({
  big: t.int64,
  total: t.field(t.float64, { alias: 'sum' }),
  count: t.int64,
  extra: t.field(t.float64, { default: 0.5 }),
});

const oldKey = (i: number) => ({ user: `user ${i % 7}`, at: i });
const newKey = (i: number) => ({ at: BigInt(i), who: `user ${i % 7}` });

const OLD_LOG: RowSchemas = { key: OldKey, value: OldRow };
const NEW_LOG: RowSchemas = { key: NewKey, value: NewRow };
const OLD_TABLE: RowSchemas = { key: OldKey, value: OldSlot };
const NEW_TABLE: RowSchemas = { key: NewKey, value: NewSlot };

function bytesOf(schema: Schema<unknown>, value: unknown): Uint8Array {
  const out = new ByteWriter();
  schema.codec.encode(value, out);
  return out.copy();
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

function addRow(log: RowLog, i: number, n: number): void {
  const chains = log.of(i % GROUPS, i % 3);
  const key = bytesOf(OldKey, oldKey(i));
  const row = bytesOf(OldRow, { n, note: `note ${n}` });
  chains.append(chains.findOrInsert(key, 0, key.length), row, 0, row.length);
}

function setSlot(table: RowTable, i: number, count: number): void {
  const slots = table.of(i % GROUPS);
  const key = bytesOf(OldKey, oldKey(i));
  const slot = slots.findOrInsert(key, 0, key.length);
  slots.touch(slot);
  const place = slots.valueAt(slot) >> 3;
  slots.doubles[place] = count;
  slots.doubles[place + 1] = count / 2;
  new BigInt64Array(slots.bytes.buffer, slots.bytes.byteOffset)[place + 2] = -BigInt(count) << 40n;
}

/** A whole snapshot, and one of what has changed. */
function chainOf(backend = open(), keys: readonly number[] = range(KEYS)): MemorySnapshot[] {
  const log = backend.registerRowLog('log', OLD_LOG);
  const table = backend.registerRowTable('table', 24, OLD_TABLE);
  for (const i of keys) {
    addRow(log, i, i);
    setSlot(table, i, i);
  }
  const whole = taken(backend);
  for (const i of keys) {
    addRow(log, i, i + 1000);
    if (i % 2 === 0) setSlot(table, i, i + 1);
    if (i % 5 !== 0) continue;
    const slots = table.of(i % GROUPS);
    const key = bytesOf(OldKey, oldKey(i));
    slots.remove(slots.find(key, 0, key.length));
  }
  return [whole.memory, taken(backend, whole).memory];
}

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function rowsOf(log: RowLog, i: number): unknown[] {
  const chains = log.find(i % GROUPS, i % 3);
  const key = bytesOf(NewKey, newKey(i));
  const rows: unknown[] = [];
  if (chains === undefined) return rows;
  const chain = chains.find(key, 0, key.length);
  for (let row = chains.newest(chain); row >= 0; row = chains.previous(row)) {
    const reader = new ByteReader(chains.bytes, chains.startOf(row), chains.endOf(row));
    rows.push(NewRow.codec.decode(reader));
  }
  return rows;
}

function slotOf(table: RowTable, i: number): unknown {
  const slots = table.of(i % GROUPS);
  const key = bytesOf(NewKey, newKey(i));
  const slot = slots.find(key, 0, key.length);
  if (slot < 0) return undefined;
  const place = slots.valueAt(slot) >> 3;
  const bigs = new BigInt64Array(slots.bytes.buffer, slots.bytes.byteOffset);
  const doubles = slots.doubles;
  return [bigs[place], doubles[place + 1], bigs[place + 2], doubles[place + 3]];
}

function check(log: RowLog, table: RowTable): void {
  for (const i of range(KEYS)) {
    assert.deepEqual(rowsOf(log, i), [
      { n: i + 1000, kind: 'plain' },
      { n: i, kind: 'plain' },
    ]);
    const count = i % 2 === 0 ? i + 1 : i;
    const wanted = [-BigInt(count) << 40n, count / 2, BigInt(count), 0.5];
    assert.deepEqual(slotOf(table, i), i % 5 === 0 ? undefined : wanted);
  }
}

describe('rows of an older program', () => {
  test('go on in either order of restore and program, and in what is stored then', async () => {
    const chain = chainOf().map((memory) => memory.input());
    const later = open();
    const [log, table] = [
      later.registerRowLog('log', NEW_LOG),
      later.registerRowTable('table', 32, NEW_TABLE),
    ];
    await later.restore([chain]);
    check(later.registerRowLog('log', NEW_LOG), later.registerRowTable('table', 32, NEW_TABLE));
    check(log, table);
    const first = open();
    await first.restore([chain]);
    check(first.registerRowLog('log', NEW_LOG), first.registerRowTable('table', 32, NEW_TABLE));
    assert.equal(first.usage.entries, later.usage.entries);
    const again = open();
    await again.restore([[taken(first).memory.input()]]);
    check(again.registerRowLog('log', NEW_LOG), again.registerRowTable('table', 32, NEW_TABLE));
  });

  test('F1, F2: what subtasks of two versions have stored becomes one', async () => {
    const half = (from: number): HeapKeyedStateBackend =>
      HeapKeyedStateBackend.open({
        ...{ operator: 'count words', maxParallelism: GROUPS },
        keyGroups: { first: from, last: from + 1 },
      });
    const old = chainOf(
      half(0),
      range(KEYS).filter((i) => i % GROUPS < 2),
    );
    const former = chainOf(
      half(2),
      range(KEYS).filter((i) => i % GROUPS >= 2),
    );
    const evolved = half(2);
    await evolved.restore([former.map((memory) => memory.input())]);
    evolved.registerRowLog('log', NEW_LOG);
    evolved.registerRowTable('table', 32, NEW_TABLE);
    const chains = [old.map((memory) => memory.input()), [taken(evolved).memory.input()]];
    for (const given of [chains, chains.toReversed()]) {
      const backend = open();
      await backend.restore(given);
      check(
        backend.registerRowLog('log', NEW_LOG),
        backend.registerRowTable('table', 32, NEW_TABLE),
      );
    }
  });

  test('whose schemas have not changed are not looked at', async () => {
    const backend = open();
    const log = backend.registerRowLog('log', OLD_LOG);
    const chains = log.of(0, 0);
    const [key, row] = [Buffer.from('no key'), Buffer.from('no row')];
    chains.append(chains.findOrInsert(key, 0, key.length), row, 0, row.length);
    const { memory } = taken(backend);
    const same = { key: OldKey, value: t.struct({ ...OldRow.fields }) };
    const again = open();
    const restored = again.registerRowLog('log', same);
    await again.restore([[memory.input()]]);
    const found = restored.find(0, 0)!;
    const at = found.newest(found.find(key, 0, key.length));
    assert.equal(Buffer.from(found.bytes.slice(found.startOf(at), found.endOf(at))) + '', 'no row');
    const other = open();
    other.registerRowLog('log', NEW_LOG);
    await assert.rejects(other.restore([[memory.input()]]), code('DATA_CORRUPT'));
  });

  const REFUSED: readonly (readonly [string, RowSchemas | undefined, string])[] = [
    ['a narrower number', { key: OldKey, value: t.struct({ n: t.int16 }) }, 'value\\.n: it was'],
    ['a key that loses a field', { key: t.struct({ at: t.int32 }), value: OldRow }, 'key\\.user'],
    ['no schema any more', undefined, 'the state: the schema of its keys is known in one'],
  ];
  for (const [what, schemas, reason] of REFUSED) {
    test(`${what} is refused`, async () => {
      const says = code('STATE_NOT_EVOLVABLE', '"log" of "count words"', reason);
      const chain = chainOf().map((memory) => memory.input());
      const later = open();
      later.registerRowLog('log', schemas);
      await assert.rejects(later.restore([chain]), says);
      const first = open();
      await first.restore([chain]);
      assert.throws(() => first.registerRowLog('log', schemas), says);
    });
  }
});
