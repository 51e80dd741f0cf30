// Savepoints made, changed and read by a program, and shown by the command line.
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isEngineError, type ErrorCode } from '../src/base/errors.ts';
import { state } from '../src/functions/state.ts';
import { SavepointReader, SavepointWriter } from '../src/state-processor/index.ts';
import { HeapKeyedStateBackend } from '../src/state/heap/heap-keyed-state-backend.ts';
import { openHandle } from '../src/storage/stored-checkpoint.ts';
import { t } from '../src/types/index.ts';
import { hashKey } from '../src/types/key.ts';
import { millrace } from './command.test-kit.ts';
import { withFolder } from './storage.test-kit.ts';

const Order = t.struct({ id: t.string, amount: t.float64 });
const KEYS = 3000;

let folder = '';
let made = '';
before(async () => {
  folder = await fs.mkdtemp(join(tmpdir(), 'millrace-processor-'));
  made = await SavepointWriter.newSavepoint({ jobName: 'Totals', maxParallelism: 64 })
    .withKeyedState('totals', {
      key: t.string,
      states: {
        count: state.value(t.float64),
        orders: state.list(Order),
        perDay: state.map(t.string, t.int32),
      },
      fill: ({ at, states }) => {
        for (let key = 0; key < KEYS; key += 1) {
          at(`k${key}`);
          states.count.set(key);
          if (key % 100 === 0) states.orders.add({ id: `o${key}`, amount: key / 2 });
        }
        at('k1');
        states.perDay.set('2026-11-28', 3);
      },
    })
    .withOperatorState('source', {
      split: { splits: { element: t.string, values: ['a', 'b'] } },
      union: { reached: { element: t.float64, values: [5] } },
      broadcast: { rules: { key: t.string, value: t.int32, entries: [['x', 1]] } },
    })
    .write(join(folder, 'made'));
});
after(() => fs.rm(folder, { recursive: true }));

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

async function rejects(work: Promise<unknown>, code: ErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(isEngineError(error, code), `${String(error)} is not ${code}`);
    assert.match(`${error.message} ${error.fix}`, text);
    return true;
  });
}

describe('SavepointReader', () => {
  test('reads what was written, key by key', async () => {
    const reader = await SavepointReader.read(made);
    assert.equal(reader.info.jobName, 'Totals');
    assert.equal(reader.info.format, 'canonical');
    assert.deepEqual(
      reader.operators.map(({ uid, maxParallelism }) => [uid, maxParallelism]),
      [
        ['totals', 64],
        ['source', 64],
      ],
    );
    const counts = await collect(reader.keyedState<number>('totals', 'count'));
    assert.equal(counts.length, KEYS);
    assert.ok(counts.every(({ key, value }) => key === `k${value}`));
    const orders = await collect(reader.keyedState('totals', 'orders'));
    assert.equal(orders.length, KEYS / 100);
    assert.deepEqual(orders.find(({ key }) => key === 'k200')?.value, [
      { id: 'o200', amount: 100 },
    ]);
    const [perDay] = await collect(reader.keyedState('totals', 'perDay'));
    assert.deepEqual(perDay, {
      key: 'k1',
      value: new Map([['2026-11-28', 3]]),
      namespace: undefined,
      slice: undefined,
    });
    assert.deepEqual(await reader.listState('source', 'splits'), ['a', 'b']);
    assert.deepEqual(await reader.listState('source', 'reached'), [5]);
    assert.deepEqual(await reader.broadcastState('source', 'rules'), new Map([['x', 1]]));
  });

  test('operators and states that are not there are told with those that are', async () => {
    const reader = await SavepointReader.read(made);
    const code = 'SAVEPOINT_STATE_UNKNOWN';
    await rejects(collect(reader.keyedState('total', 'count')), code, /"total".*totals, source/);
    await rejects(collect(reader.keyedState('totals', 'counts')), code, /"counts".*count, orders/);
    await rejects(reader.listState('source', 'rules'), code, /"rules".*splits, reached/);
    await rejects(reader.broadcastState('totals', 'x'), code, /It has none/);
  });

  test('a damaged file of state is refused by its name', async () => {
    const copy = join(folder, 'damaged');
    await fs.cp(join(folder, 'made'), copy, { recursive: true });
    const name = (await fs.readdir(copy)).find((each) => each !== '_metadata')!;
    const bytes = await fs.readFile(join(copy, name));
    bytes[bytes.length >> 1]! ^= 1;
    await fs.writeFile(join(copy, name), bytes);
    const reader = await SavepointReader.read(copy);
    await rejects(
      collect(reader.keyedState('totals', 'count')),
      'STATE_SNAPSHOT_CORRUPT',
      new RegExp(`${name} is damaged`),
    );
  });
});

describe('SavepointWriter', () => {
  test('what it writes restores into a backend, at any parallelism', () =>
    withFolder(async (fileSystems) => {
      const { stored } = await SavepointReader.open(fileSystems, made);
      const { keyed } = stored.metadata.operators[0]!.subtasks[0]!;
      let found = 0;
      for (const [first, last] of [
        [0, 20],
        [21, 41],
        [42, 63],
      ] as const) {
        const input = await openHandle(fileSystems, keyed!.parts[0]!);
        const backend = HeapKeyedStateBackend.open({
          ...{ operator: 'totals', maxParallelism: 64, keyGroups: { first, last } },
          keySchema: t.string,
        });
        await backend.restore([[input]]);
        await input.close();
        const count = backend.register('count', state.value(t.float64));
        backend.forEachKey('count', (key) => {
          assert.equal((hashKey(key) >>> 0) % 64, backend.currentKeyGroup);
          assert.equal(key, `k${count.get()}`);
          found += 1;
        });
        backend.close();
      }
      assert.equal(found, KEYS);
    }));

  test('a job goes on from what it writes', async () => {
    const path = await SavepointWriter.newSavepoint()
      .withKeyedState('totals', {
        key: t.string,
        states: { total: state.value(t.float64) },
        fill: ({ at, states }) => {
          at('even');
          states.total.set(1000);
          at('odd');
          states.total.set(5000);
        },
      })
      .write(join(folder, 'start'));
    const { code, stdout, stderr } = await millrace([
      ...['run', 'test/fixtures/running-totals.ts', '-p', '2'],
      ...['-D', `execution.state-recovery.path=${path}`],
      ...['-D', `execution.checkpointing.dir=${join(folder, 'checkpoints')}`],
    ]);
    assert.equal(code, 0, stderr);
    // In whatever order the two readers of the source have come to it.
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 6);
    const largest = (parity: string): number =>
      Math.max(
        ...lines.flatMap((line) => Number(new RegExp(`${parity} (\\d+)$`).exec(line)?.[1] ?? 0)),
      );
    assert.equal(largest('even'), 1000 + 2 + 4 + 6);
    assert.equal(largest('odd'), 5000 + 1 + 3 + 5);
  });

  test('changes an existing one, into a copy that needs nothing of it', async () => {
    const source = join(folder, 'source');
    await fs.cp(join(folder, 'made'), source, { recursive: true });
    const writer = await SavepointWriter.fromExistingSavepoint(source);
    const changed = await writer
      .changeOperatorIdentifier('totals', 'sums')
      .removeOperator('source')
      .withKeyedState('flags', {
        states: { on: state.value(t.boolean) },
        fill: ({ at, states }) => {
          at(7);
          states.on.set(true);
        },
      })
      .write(join(folder, 'changed'));
    await fs.rm(source, { recursive: true });
    const reader = await SavepointReader.read(changed);
    assert.deepEqual(
      reader.operators.map(({ uid }) => uid),
      ['sums', 'flags'],
    );
    assert.equal((await collect(reader.keyedState('sums', 'count'))).length, KEYS);
    const [flag] = await collect(reader.keyedState('flags', 'on'));
    assert.deepEqual([flag?.key, flag?.value], [7, true]);
  });

  test('refuses what would lose something', async () => {
    const writer = await SavepointWriter.fromExistingSavepoint(made);
    const bootstrap = { states: {}, fill: () => undefined };
    const invalid = (error: unknown): boolean => isEngineError(error, 'API_INVALID_ARGUMENT');
    assert.throws(() => writer.withKeyedState('totals', bootstrap), invalid);
    assert.throws(() => writer.changeOperatorIdentifier('totals', 'source'), invalid);
    assert.throws(
      () => writer.removeOperator('none'),
      (error) => isEngineError(error, 'SAVEPOINT_STATE_UNKNOWN'),
    );
    await rejects(writer.write(made), 'IO_EXISTS', /_metadata/);
    const failing = SavepointWriter.newSavepoint().withKeyedState('totals', {
      states: { count: state.value(t.int8) },
      fill: ({ at, states }) => {
        at('a');
        states.count.set(1000);
      },
    });
    await assert.rejects(failing.write(join(folder, 'failed')), isEngineError);
    assert.deepEqual(await fs.readdir(join(folder, 'failed')), []);
  });
});

describe('millrace savepoint inspect', () => {
  test('shows operators, states, schemas and sizes, and with --state the entries', async () => {
    const { code, stdout } = await millrace(['savepoint', 'inspect', made, '--state']);
    assert.equal(code, 0);
    assert.match(stdout, /^Canonical savepoint 0 of the job "Totals" \(0{32}\)\n {2}at file:/);
    assert.match(
      stdout,
      /^totals \(uid totals, id [0-9a-f]{32}\)\n {2}parallelism 1 of at most 64/m,
    );
    assert.match(stdout, /^ {2}count +value +3000 +[\d.]+ kB +float64$/m);
    assert.match(stdout, /^ {2}orders +list +30 .* \{id: string, amount: float64\}$/m);
    assert.match(stdout, /^ {2}perDay +map +1 .* string -> int32$/m);
    assert.match(stdout, /^ {2}rules +broadcast +1 .* string -> int32$/m);
    assert.match(stdout, /^totals\/count "k42" = 42$/m);
    assert.match(stdout, /^totals\/orders "k200" = \[\{"id":"o200","amount":100\}\]$/m);
    assert.match(stdout, /^source\/splits #0 = "a"$/m);
    assert.match(stdout, /^source\/rules #0 "x" = 1$/m);
  });

  test('gives the same to programs', async () => {
    const args = ['savepoint', 'inspect', `${made}/_metadata`, '--state', '--json'];
    const { code, stdout } = await millrace(args);
    assert.equal(code, 0);
    const lines = stdout.trimEnd().split('\n');
    const objects = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const [savepoint, ...entries] = objects;
    assert.equal(savepoint!['type'], 'savepoint');
    assert.equal(savepoint!['jobName'], 'Totals');
    const operators = savepoint!['operators'] as { states: { name: string; entries: number }[] }[];
    assert.deepEqual(
      operators[0]!.states.map(({ name, entries: count }) => [name, count]),
      [
        ['count', KEYS],
        ['orders', 30],
        ['perDay', 1],
      ],
    );
    assert.ok(entries.every(({ type }) => type === 'entry'));
    assert.equal(entries.length, KEYS + 30 + 1 + 4);
  });

  test('tells what is no savepoint, and what is damaged', async () => {
    const none = await millrace(['savepoint', 'inspect', join(folder, 'nowhere')]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /There is no savepoint.*nowhere/);
    const copy = join(folder, 'cut');
    await fs.cp(join(folder, 'made'), copy, { recursive: true });
    await fs.truncate(join(copy, '_metadata'), 100);
    const cut = await millrace(['savepoint', 'inspect', copy]);
    assert.equal(cut.code, 1);
    assert.match(cut.stderr, /cut\/_metadata of a checkpoint cannot be used/);
    const nothing = await millrace(['savepoint', 'inspect']);
    assert.equal(nothing.code, 1);
    assert.match(nothing.stderr, /needs the path of a savepoint/);
  });
});
