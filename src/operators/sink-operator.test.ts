// The sink operator's part in checkpoints: the order of its calls, and when what is committed, with
// a sink that writes down what it is asked for and a committer that does what the test says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { AnySink, CommitRequest, Sink } from '../functions/sink.ts';
import { ManualClock } from '../testing/manual-clock.ts';
import { MemorySnapshot } from '../state/memory-snapshot.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import { t } from '../types/t.ts';
import type { OperatorContext } from './operator.ts';
import { SinkOperator } from './sink-operator.ts';
import type { CommittablesOfCheckpoint } from './sink-commits.ts';

type Requests = readonly CommitRequest<string>[];

interface RigOptions {
  readonly commit?: (requests: Requests) => void | Promise<void>;
  readonly retries?: number;
  readonly state?: OperatorStateBackend;
  readonly restored?: { checkpointId: number; committables: CommittablesOfCheckpoint[] };
  readonly stateful?: boolean;
  /** Of the sink itself; 'own' where nothing is said. */
  readonly committer?: 'own' | 'global' | 'none';
}

/** Runs one subtask; a committable is all that was written since the last one. */
class Rig {
  readonly calls: string[] = [];
  readonly committed: string[] = [];
  readonly failures: unknown[] = [];
  readonly lost: string[] = [];
  readonly #clock = new ManualClock(0 as Timestamp);
  leased: 'held' | 'lapsed' | 'revoked' = 'held';
  readonly state: OperatorStateBackend;
  readonly operator: SinkOperator;
  readonly #options: RigOptions;
  readonly #mails: (() => void)[] = [];
  #waiting: (() => void)[] = [];

  constructor(options: RigOptions = {}) {
    this.#options = options;
    this.state = options.state ?? emptyState();
    this.operator = new SinkOperator(this.#sink(), {
      env: { clock: this.#clock } as never,
      jobId: 'job',
      operatorId: 'sink',
      fileSystem: () => assert.fail('no file is written'),
      sendToClient: () => undefined,
      commitRetries: options.retries ?? 3,
      underLease: (effect) => {
        if (this.leased === 'held') effect();
        else if (this.leased === 'lapsed') this.#waiting.push(effect);
      },
    });
    if (options.restored !== undefined) {
      this.operator.restoreCommittables({ ...options.restored, isClaimed: true });
    }
  }

  async open(): Promise<this> {
    await this.operator.open(this.#context());
    return this;
  }

  write(...values: string[]): void {
    for (const value of values) this.operator.process(value, 0);
  }

  /** The lease comes back. */
  regain(): void {
    this.leased = 'held';
    for (const effect of this.#waiting.splice(0)) effect();
  }

  /** Lets what is under way settle, and what is due within `by` happen. */
  async pass(by: number = 0): Promise<void> {
    const until = (this.#clock.now() + by) as Timestamp;
    do {
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    } while (this.#clock.fireNext(until));
  }

  /** Lets `finish` come to its end. */
  async finish(): Promise<void> {
    while (!this.operator.finish()) {
      await this.pass();
      for (const mail of this.#mails.splice(0)) mail();
    }
  }

  async restarted(options: RigOptions = {}): Promise<Rig> {
    const memory = new MemorySnapshot('sink');
    const writer = this.state.beginSnapshot(memory);
    while (writer.writeSlice(Infinity, () => 0) !== 'done');
    const state = emptyState();
    await state.restore([memory.input()]);
    return new Rig({ ...this.#options, ...options, state });
  }

  #sink(): AnySink {
    const { calls, committed } = this;
    const { commit, stateful = false, committer = 'own' } = this.#options;
    const own: Pick<Sink<string, string, string>, 'createCommitter'> = {
      createCommitter: () => ({
        commit: (requests) => {
          calls.push(`commit ${requests.map(({ committable }) => committable).join(' ')}`);
          if (commit !== undefined) return commit(requests);
          committed.push(...requests.map(({ committable }) => committable));
        },
        close: () => void calls.push('committer closed'),
      }),
    };
    const global = { createGlobalCommitter: () => ({ commit: () => undefined }) };
    const sink: Sink<string, string, string> = {
      kind: 'sink',
      name: 'rig',
      accepts: undefined,
      committable: t.string,
      ...(stateful ? { writerState: t.string } : {}),
      createWriter: ({ restoredCheckpointId }, { own: restored }) => {
        calls.push(['writer', restoredCheckpointId, ...restored].join(' ').trimEnd());
        let written: string[] = [];
        let all = restored.join('');
        return {
          write: (value) => {
            written.push(value as string);
            all += value as string;
          },
          writeWatermark: (watermark) => void calls.push(`watermark ${watermark}`),
          flush: (end) => void calls.push(end ? 'flush end' : 'flush'),
          prepareCommit: (checkpointId) => {
            calls.push(`prepare ${checkpointId}`);
            const committables = written.length === 0 ? [] : [written.join('')];
            written = [];
            return committables;
          },
          snapshotState: (checkpointId) => {
            calls.push(`state ${checkpointId}`);
            return [all];
          },
          committed: (upTo) => void calls.push(`committed ${upTo}`),
          close: () => void calls.push('close'),
        };
      },
      ...{ own, global, none: {} }[committer],
    };
    return sink;
  }

  #context(): OperatorContext {
    const lost = this.lost;
    const parts = {
      open: {
        operatorName: 'Sink: rig',
        logger: { warn: () => undefined, error: (line: string) => void lost.push(line) },
        metrics: { counter: () => ({ increment: () => undefined }) },
      },
      operatorState: this.state,
      watermark: () => 0,
      hold: () => undefined,
      release: () => undefined,
      mail: (mail: () => void) => void this.#mails.push(mail),
      fail: (error: unknown) => void this.failures.push(error),
    };
    return parts as unknown as OperatorContext;
  }
}

function emptyState(): OperatorStateBackend {
  return new OperatorStateBackend({ operator: 'Sink: rig', subtask: 0, parallelism: 1 });
}

/** What a snapshot holds, as text. */
function held(operator: SinkOperator): string[] {
  return operator.committables.flatMap(({ checkpointId, committables }) =>
    committables.map((bytes) => `${checkpointId}:${t.string.codec.decode(new ByteReader(bytes))}`),
  );
}

function encoded(text: string): Uint8Array {
  const out = new ByteWriter();
  t.string.codec.encode(text, out);
  return out.copy();
}

const LATER = 60_000;

describe('a sink in checkpoints', () => {
  test('K2: at a barrier it flushes, prepares and keeps its state, in this order', async () => {
    const rig = await new Rig({ stateful: true }).open();
    rig.write('a', 'b');
    await rig.operator.prepareSnapshot(1);
    assert.deepEqual(rig.calls, ['writer', 'flush', 'prepare 1', 'state 1']);
    assert.deepEqual(held(rig.operator), ['1:ab']);
    const again = await (await rig.restarted()).open();
    assert.deepEqual(again.calls, ['writer  ab'], 'the writer goes on from its state');
  });

  test('K3, C1: what is prepared is committed when its checkpoint is complete', async () => {
    const rig = await new Rig().open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    rig.write('b');
    await rig.operator.prepareSnapshot(2);
    assert.deepEqual(held(rig.operator), ['1:a', '2:b']);
    assert.deepEqual(rig.committed, []);
    await rig.operator.checkpointComplete(1);
    assert.deepEqual(rig.committed, ['a']);
    assert.deepEqual(held(rig.operator), ['2:b']);
    await rig.operator.checkpointComplete(2);
    assert.deepEqual(rig.committed, ['a', 'b']);
    assert.deepEqual(rig.calls.slice(-2), ['commit b', 'committed 2']);
  });

  test('C1: what an aborted checkpoint had prepared goes with the next complete one', async () => {
    const rig = await new Rig().open();
    for (const [index, value] of ['a', 'b', 'c'].entries()) {
      rig.write(value);
      await rig.operator.prepareSnapshot(index + 1);
    }
    await rig.operator.checkpointComplete(2);
    assert.deepEqual(rig.committed, ['a', 'b']);
    assert.deepEqual(held(rig.operator), ['3:c']);
  });

  test('K3: what was restored is committed before the writer is made', async () => {
    const restored = {
      checkpointId: 7,
      committables: [
        { checkpointId: 6, committables: [encoded('x')] },
        { checkpointId: 7, committables: [encoded('y')] },
      ],
    };
    const rig = new Rig({ restored });
    rig.leased = 'lapsed';
    const opening = rig.open();
    await rig.pass();
    assert.deepEqual(rig.calls, [], 'C2: nothing without a lease');
    rig.regain();
    await opening;
    assert.deepEqual(rig.calls, ['commit x y', 'writer 7']);
    assert.deepEqual(rig.operator.uncommitted, []);
  });

  test('the end of the input belongs to the checkpoint after it, or to the end of the job', async () => {
    const rig = await new Rig().open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    rig.write('b');
    await rig.finish();
    assert.equal(rig.operator.uncommitted.length, 2);
    await rig.operator.checkpointComplete(1);
    assert.deepEqual(rig.committed, ['a'], 'the end was after the barrier');
    await rig.operator.prepareSnapshot(2);
    assert.deepEqual(held(rig.operator), ['2:b']);
    await rig.operator.commit();
    assert.deepEqual(rig.committed, ['a', 'b']);
    await rig.operator.checkpointComplete(2);
    assert.deepEqual(rig.committed, ['a', 'b']);
    assert.ok(rig.calls.includes('committed end'));
  });
});

describe('a sink without the committer that it had', () => {
  const committables = [{ checkpointId: 6, committables: [encoded('x')] }];

  for (const [committer, has] of [
    ['none', 'has no committer now'],
    ['global', 'has a global committer in place of its own now'],
  ] as const) {
    test(`C4: is refused by name and for good: ${has}`, async () => {
      const rig = new Rig({ committer, restored: { checkpointId: 7, committables } });
      await assert.rejects(
        async () => rig.open(),
        (error) => {
          assert.ok(isEngineError(error, 'RESTORE_STATE_UNCLAIMED'));
          assert.equal(error.retry, 'never');
          assert.match(error.message, /checkpoint 7.*"Sink: rig", whose sink has prepared output/);
          assert.ok(error.message.includes(has), error.message);
          assert.match(error.fix ?? '', /--allowNonRestoredState/);
          return true;
        },
      );
      assert.deepEqual(rig.calls, [], 'nothing is written or committed');
    });
  }

  test('goes on where nothing was prepared', async () => {
    const restored = { checkpointId: 7, committables: [{ checkpointId: 6, committables: [] }] };
    const rig = await new Rig({ committer: 'none', restored }).open();
    assert.deepEqual(rig.calls, ['writer 7']);
  });
});

describe('commits of a sink', () => {
  test('are tried again until they are known, each by itself', async () => {
    let calls = 0;
    const commit = (requests: Requests): void => {
      calls += 1;
      for (const request of requests) {
        assert.equal(request.retries, calls - 1);
        if (request.committable === 'a' && calls < 3) request.retryLater();
        else if (request.committable === 'b' && calls < 2) request.updateAndRetryLater('b2');
      }
    };
    const rig = new Rig({ commit });
    await rig.open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    rig.write('b');
    await rig.operator.prepareSnapshot(2);
    const done = rig.operator.checkpointComplete(2);
    await rig.pass();
    assert.deepEqual(held(rig.operator), ['1:a', '2:b2'], 'C1: both are still pending');
    await rig.pass(LATER);
    await rig.pass(LATER);
    await done;
    assert.deepEqual(
      rig.calls.filter((call) => call.startsWith('commit ')),
      ['commit a b', 'commit a b2', 'commit a'],
    );
    assert.deepEqual(held(rig.operator), []);
  });

  test('fail the task when they have been tried often enough, and stay pending', async () => {
    const rig = new Rig({ commit: ([request]) => request!.retryLater(), retries: 2 });
    await rig.open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    const done = assert.rejects(rig.operator.checkpointComplete(1), (error) =>
      isEngineError(error, 'CONNECTOR_COMMIT_FAILED'),
    );
    for (let i = 0; i < 3; i += 1) await rig.pass(LATER);
    await done;
    assert.equal(rig.calls.filter((call) => call.startsWith('commit ')).length, 3);
    assert.deepEqual(held(rig.operator), ['1:a']);
  });

  test('an error of the world outside is tried again, one that lasts or of the program is not', async () => {
    const outside = new EngineError('IO_NO_SPACE', { operation: 'commit', path: 'x' });
    const parameters = { path: 'x', folder: '/', reason: 'it is gone' };
    const lasting = new EngineError('CONNECTOR_OUTPUT_LOST', parameters);
    const inside = new TypeError('no');
    for (const [error, tries] of [
      [outside, 4],
      [lasting, 1],
      [inside, 1],
    ] as const) {
      const rig = new Rig({ commit: () => Promise.reject(error) });
      await rig.open();
      rig.write('a');
      await rig.operator.prepareSnapshot(1);
      const done = assert.rejects(rig.operator.checkpointComplete(1), error);
      for (let i = 0; i < 4; i += 1) await rig.pass(LATER);
      await done;
      assert.equal(rig.calls.filter((call) => call.startsWith('commit ')).length, tries);
      assert.deepEqual(held(rig.operator), ['1:a']);
    }
  });

  test('what the committer gives up is said; what it does not know fails the task', async () => {
    const given = new Rig({ commit: ([request]) => request!.signalFailedWithKnownReason('gone') });
    await given.open();
    given.write('a');
    await given.operator.prepareSnapshot(1);
    await given.operator.checkpointComplete(1);
    assert.deepEqual(held(given.operator), []);
    assert.match(given.lost.join(), /given up, its output is lost: gone/);
    const unknown = new Error('?');
    const rig = new Rig({ commit: ([request]) => request!.signalFailedWithUnknownReason(unknown) });
    await rig.open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    await assert.rejects(rig.operator.checkpointComplete(1), unknown);
    assert.deepEqual(held(rig.operator), ['1:a']);
  });

  test('C2: do not overlap, and closing waits for the one at work and begins no other', async () => {
    const working: (() => void)[] = [];
    const rig = new Rig({ commit: () => new Promise((resolve) => void working.push(resolve)) });
    await rig.open();
    rig.write('a');
    await rig.operator.prepareSnapshot(1);
    rig.write('b');
    await rig.operator.prepareSnapshot(2);
    const completed = [1, 2].map((id) => rig.operator.checkpointComplete(id));
    await rig.pass();
    assert.deepEqual(rig.calls.at(-1), 'commit a');
    let closed = false;
    const closing = Promise.resolve(rig.operator.close()).then(() => (closed = true));
    await rig.pass();
    assert.equal(closed, false);
    working[0]!();
    assert.deepEqual(await Promise.all(completed), [true, false]);
    await closing;
    assert.deepEqual(rig.calls.slice(-3), ['committed 1', 'committer closed', 'close']);
    assert.equal(working.length, 1, 'b is committed after the restart');
  });
});

test('C1: the end of the job is not committed when the sink was closed before', async () => {
  const rig = await new Rig({ commit: ([request]) => request!.retryLater(), retries: 1 }).open();
  rig.write('a');
  await rig.operator.prepareSnapshot(1);
  const completed = rig.operator.checkpointComplete(1);
  rig.write('b');
  await rig.finish();
  const ended = rig.operator.commit();
  await rig.operator.close();
  assert.deepEqual(await Promise.all([completed, ended]), [false, false]);
  assert.equal(rig.operator.uncommitted.length, 2);
});

test('C1 to C3, against a model: nothing is committed early, twice or never', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant('write' as const) },
    { weight: 3, arbitrary: fc.constant('barrier' as const) },
    { weight: 2, arbitrary: fc.constant('complete' as const) },
    fc.constant('restart' as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const visible: string[] = [];
      const commit = (requests: Requests): void => {
        for (const { committable } of requests) {
          if (!visible.includes(committable)) visible.push(committable);
        }
      };
      let rig = await new Rig({ commit, stateful: true }).open();
      let [written, id, value] = ['', 0, 0];
      /** Of each checkpoint that is under way: what it holds. */
      let open: { id: number; written: string; held: CommittablesOfCheckpoint[]; at: Rig }[] = [];
      let last: (typeof open)[number] | undefined;
      for (const each of steps) {
        if (each === 'write') {
          const text = `${(value += 1)},`;
          rig.write(text);
          written += text;
        } else if (each === 'barrier') {
          await rig.operator.prepareSnapshot((id += 1));
          const memory = await rig.restarted();
          open.push({ id, written, held: [...rig.operator.committables], at: memory });
        } else if (each === 'complete') {
          // Any of those under way; earlier ones can then only be aborted.
          const at = open.length - 1 - (value % Math.max(1, open.length));
          if (open[at] === undefined) continue;
          last = open[at];
          open = open.slice(at + 1);
          await rig.operator.checkpointComplete(last.id);
          assert.equal(visible.join(''), last.written, `after checkpoint ${last.id}`);
        } else {
          open = [];
          const restored = last && { checkpointId: last.id, committables: last.held };
          const { state } = last === undefined ? new Rig() : await last.at.restarted();
          rig = await new Rig({
            commit,
            stateful: true,
            state,
            ...(restored && { restored }),
          }).open();
          assert.equal(rig.calls.at(-1)!.split(' ')[2] ?? '', last?.written ?? '');
          written = last?.written ?? '';
          value = written.split(',').length - 1;
          assert.equal(visible.join(''), written);
        }
      }
      await rig.finish();
      await rig.operator.commit();
      assert.equal(visible.join(''), written, 'everything is committed at the end');
    }),
    { seed: 11, numRuns: 300 },
  );
});
