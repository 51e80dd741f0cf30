// The parts that sinks are made of, each over a system outside that forgets nothing: killed and
// restored anywhere, with a reader that looks on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cases } from '../../base/cases.test-kit.ts';
import type { Timestamp } from '../../base/units.ts';
import type { ConnectorEnv } from '../../functions/source.ts';
import { NO_WRITER_STATE } from '../../testing/commit-requests.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { verifySink } from '../../testing/verify-sink.ts';
import type { SinkUnderTest } from '../../testing/verify-sink.ts';
import { t } from '../../types/t.ts';
import { twoPhaseCommitSink } from './two-phase-commit-sink.ts';
import { upsertSink } from './upsert-sink.ts';
import { writeAheadSink } from './write-ahead-sink.ts';

/** A clock whose turns come by themselves. */
class TurningClock extends ManualClock {
  override soon(callback: () => void): void {
    queueMicrotask(callback);
  }
}

let writers = 0;
const env = {
  clock: new TurningClock(0 as Timestamp),
  random: { uuid: () => `w${writers++}` },
} as unknown as ConnectorEnv;

/** Transactions by id, as a database has them. */
class Database {
  readonly visible: number[] = [];
  readonly transactions = new Map<string, { rows: number[]; state: string }>();

  begin(id: string): void {
    assert.ok(!this.transactions.has(id), `P1: ${id} was used before`);
    this.transactions.set(id, { rows: [], state: 'open' });
  }

  insert(id: string, row: number): void {
    const found = this.transactions.get(id)!;
    assert.equal(found.state, 'open');
    found.rows.push(row);
  }

  prepare(id: string): void {
    const found = this.transactions.get(id)!;
    assert.equal(found.state, 'open');
    found.state = 'prepared';
  }

  commit(id: string): void {
    const found = this.transactions.get(id)!;
    if (found.state === 'committed') return;
    assert.equal(found.state, 'prepared', `a transaction is committed that was ${found.state}`);
    found.state = 'committed';
    this.visible.push(...found.rows);
  }

  abort(id: string): void {
    const found = this.transactions.get(id);
    if (found === undefined || found.state === 'aborted') return;
    assert.notEqual(found.state, 'committed', 'what a complete checkpoint holds is not aborted');
    found.state = 'aborted';
  }
}

function transactional(database: Database, asynchronous: boolean): SinkUnderTest<number> {
  const turn = async (effect: () => void): Promise<void> => {
    await Promise.resolve();
    effect();
  };
  return {
    env,
    record: (number) => number,
    visible: async () => database.visible,
    sink: () =>
      twoPhaseCommitSink({
        name: 'database',
        schema: t.integer,
        transaction: t.struct({ id: t.string }),
        async begin(id) {
          database.begin(id);
          return { id };
        },
        write: ({ id }, value) =>
          asynchronous ? turn(() => database.insert(id, value)) : database.insert(id, value),
        prepare: ({ id }) => turn(() => database.prepare(id)),
        commit: ({ id }) => turn(() => database.commit(id)),
        abort: ({ id }) => turn(() => database.abort(id)),
      }),
  };
}

describe('a two-phase commit sink', () => {
  for (const asynchronous of [false, true]) {
    const how = asynchronous ? 'with writes that take their time' : 'with writes at once';
    test(`P1 to P3: is exactly-once, killed and restored anywhere, ${how}`, () =>
      verifySink(() => transactional(new Database(), asynchronous), {
        seed: 100,
        stories: cases(40, 3000),
      }));
  }

  test('the kit finds one that commits when it prepares', async () => {
    const make = (): SinkUnderTest<number> => {
      const database = new Database();
      const prepare = database.prepare.bind(database);
      database.prepare = (id) => {
        prepare(id);
        database.commit(id);
      };
      return transactional(database, false);
    };
    await assert.rejects(verifySink(make, { seed: 1 }), /V1: /);
  });

  test('P3: what was open in the checkpoint is aborted where that is ours alone', async () => {
    const database = new Database();
    const aborted: string[] = [];
    database.begin('old');
    database.abort = (id) => void aborted.push(id);
    const sink = transactional(database, false).sink() as ReturnType<
      typeof twoPhaseCommitSink<number, { readonly id: string }>
    >;
    const place = { env, jobId: 'j', operatorId: 'o', subtask: 0, attempt: 2 };
    const context = { ...place, restoredCheckpointId: 1, restoredIsClaimed: true } as never;
    const state = [{ id: 'old' }];
    const writer = sink.createWriter(context, { own: state, all: state });
    await writer.start!();
    assert.deepEqual(aborted, ['old']);
    await writer.close();
    assert.match(aborted.at(-1)!, /^j\/o\/0\/2\/w\d+\/0$/);

    const fork = { ...place, restoredCheckpointId: 1, restoredIsClaimed: false } as never;
    aborted.length = 0;
    const other = sink.createWriter(fork, { own: state, all: state });
    await other.start!();
    assert.deepEqual(aborted, [], 'the job of the checkpoint may be writing into it');
    await other.close();
    assert.equal(aborted.length, 1);
  });

  test('P1: a job that goes on under the id of an earlier one begins other transactions', async () => {
    const database = new Database();
    for (const restoredCheckpointId of [undefined, 1]) {
      const sink = transactional(database, false).sink() as ReturnType<
        typeof twoPhaseCommitSink<number, { readonly id: string }>
      >;
      const place = { env, jobId: 'j', operatorId: 'o', subtask: 0, attempt: 1 };
      const context = { ...place, restoredCheckpointId } as never;
      const writer = sink.createWriter(context, { own: [], all: [] });
      await writer.start!();
    }
    assert.equal(database.transactions.size, 2);
  });
});

describe('a write-ahead sink', () => {
  const ledger = (): SinkUnderTest<number> => {
    const rows: number[] = [];
    const batches = new Set<string>();
    return {
      env,
      record: (number) => number,
      visible: async () => rows,
      sink: () =>
        writeAheadSink({
          name: 'ledger',
          schema: t.integer,
          batchBytes: 4,
          async write(records, batchId) {
            assert.ok(!batches.has(batchId), 'W1: a batch is written for the second time');
            batches.add(batchId);
            rows.push(...records);
          },
          createCommitter: () => ({ isCommitted: async (batchId) => batches.has(batchId) }),
        }),
    };
  };

  test('W1, W2: is exactly-once, killed and restored anywhere', () =>
    verifySink(ledger, { seed: 200, stories: cases(40, 3000) }));

  test('the kit finds a committer that has forgotten what was written', async () => {
    const forgetful = (): SinkUnderTest<number> => {
      const rows: number[] = [];
      return {
        env,
        record: (number) => number,
        visible: async () => rows,
        sink: () =>
          writeAheadSink({
            name: 'ledger',
            schema: t.integer,
            write: (records) => void rows.push(...records),
            createCommitter: () => ({ isCommitted: () => false }),
          }),
      };
    };
    await assert.rejects(verifySink(forgetful, { seed: 1 }), /V1: /);
  });
});

test('U1, U2: an upsert sink writes the newest of each key, one batch after another', async () => {
  const written: (readonly [string, number])[][] = [];
  let under = 0;
  const sink = upsertSink({
    name: 'counts',
    schema: t.struct({ key: t.string, n: t.integer }),
    key: ({ key }) => key,
    batchSize: 2,
    async write(batch) {
      assert.equal((under += 1), 1, 'U1');
      await Promise.resolve();
      under -= 1;
      written.push([...batch].map(([key, { n }]) => [key, n] as const));
    },
  });
  const writer = sink.createWriter({} as never, NO_WRITER_STATE);
  const write = async (key: string, n: number): Promise<void> => {
    writer.write({ key, n }, {} as never);
    await writer.busy;
  };
  await write('a', 1);
  await write('a', 2);
  await write('b', 1);
  await write('a', 3);
  await writer.flush(false);
  assert.deepEqual(written, [
    [
      ['a', 2],
      ['b', 1],
    ],
    [['a', 3]],
  ]);
});
