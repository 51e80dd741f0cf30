// How a task ends whose sink commits: once, whatever becomes of its commits, and in which order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type { Sink } from '../../functions/sink.ts';
import { END } from '../../network/control-element.ts';
import { InputGate } from '../../network/input-gate.ts';
import { QueueChannel, STILL } from '../../network/input-gate.test-kit.ts';
import { Pressure } from '../../network/pressure.ts';
import { OperatorChain } from '../../operators/operator-chain.ts';
import type { OperatorContext } from '../../operators/operator.ts';
import { SinkOperator } from '../../operators/sink-operator.ts';
import { TestWorld } from '../../testing/test-world.ts';
import { t } from '../../types/index.ts';
import { Task } from './task.ts';

const LOST = new EngineError('CONNECTOR_OUTPUT_LOST', {
  ...{ path: 'x', folder: '/', reason: 'the test wants it' },
});

/** A task with a sink at its head; one commit at a time waits until the test decides on it. */
class Rig {
  readonly world = new TestWorld(0 as Timestamp, 1);
  readonly channel = new QueueChannel();
  readonly endings: string[] = [];
  readonly commits: PromiseWithResolvers<void>[] = [];
  isReady = false;
  readonly sink: SinkOperator;
  readonly task: Task;

  constructor() {
    const { world } = this;
    this.sink = new SinkOperator(this.#sink(), {
      ...{ env: world, jobId: 'job', operatorId: 'sink', commitRetries: 1 },
      fileSystem: () => assert.fail('no file is written'),
      sendToClient: () => undefined,
      underLease: (effect) => effect(),
    });
    const pressure = new Pressure(() => undefined);
    const member = { id: 's', name: 's', operator: this.sink, outputs: [] };
    this.task = new Task({
      ...{ chain: new OperatorChain([member]), producers: [], pressure, flushTimeout: 100 },
      gate: new InputGate([{ channel: this.channel, input: 0, edge: 0 }], STILL),
      clock: world.clock,
      commit: async () => (await this.sink.commit()) && this.sink.uncommitted.length === 0,
      locate: (error) => error,
      listener: {
        ...{ running: () => undefined, wake: () => undefined },
        readyToCommit: () => void (this.isReady = true),
        ended: (state, error) => void this.endings.push(error?.code ?? state),
      },
      contextOf: () => this.#context(pressure),
    });
  }

  /** A checkpoint is taken and complete, and its commit has begun; then the input ends. */
  async checkpointedAndEnded(): Promise<void> {
    const started = this.task.start();
    await this.settle();
    await started;
    this.sink.process('a', 0);
    await this.sink.prepareSnapshot(1);
    this.sink.checkpointComplete(1).catch((error: unknown) => this.task.fail(error));
    this.sink.process('b', 0);
    this.channel.queue.push(END);
    await this.settle();
    assert.ok(this.isReady);
    assert.equal(this.commits.length, 1);
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 100; turn += 1) {
      if (this.task.runnable) this.task.step();
      this.world.clock.runSoon();
      await Promise.resolve();
    }
  }

  #sink(): Sink<string, string> {
    let records: string[] = [];
    return {
      ...{ kind: 'sink', name: 'held', accepts: t.string, committable: t.string },
      createWriter: () => ({
        write: (value) => void records.push(value as string),
        ...{ flush: () => undefined, close: () => undefined },
        prepareCommit: () => {
          const prepared = records;
          records = [];
          return prepared;
        },
      }),
      createCommitter: () => ({
        commit: () => {
          const held = Promise.withResolvers<void>();
          this.commits.push(held);
          return held.promise;
        },
      }),
    };
  }

  #context(pressure: Pressure): OperatorContext {
    const quiet = (): void => {};
    const parts: Partial<OperatorContext> = {
      open: {
        ...{ jobName: 'job', operatorName: 's', subtask: 0, parallelism: 1 },
        ...{ maxParallelism: 128, attempt: 1 },
        logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
        metrics: {} as never,
      },
      watermark: () => 0,
      mail: (mail) => this.task.mail(mail),
      hold: () => pressure.hold(),
      release: () => pressure.release(),
      fail: (thrown) => this.task.fail(thrown),
    };
    return parts as OperatorContext;
  }
}

test('T3, T9: a task that fails while its end waits to be committed ends once', async () => {
  const rig = new Rig();
  await rig.checkpointedAndEnded();
  rig.task.commit();
  rig.commits[0]!.reject(new EngineError('IO_NO_SPACE', { operation: 'commit', path: 'x' }));
  await rig.settle();
  assert.deepEqual(rig.endings, [], 'it is tried again after a pause');
  rig.task.fail(LOST);
  await rig.settle();
  assert.deepEqual(rig.endings, ['CONNECTOR_OUTPUT_LOST']);
  assert.equal(rig.commits.length, 1, 'nothing is committed any more');
  assert.equal(rig.sink.uncommitted.length, 2, 'and both come again after a restart');
});

test('T3, T9: a commit that fails ends the task once, whatever the one behind it does', async () => {
  for (const then of ['resolve', 'reject'] as const) {
    const rig = new Rig();
    await rig.checkpointedAndEnded();
    rig.task.commit();
    await rig.settle();
    rig.commits[0]!.reject(LOST);
    await rig.settle();
    assert.deepEqual(rig.endings, [], 'a commit that has begun is waited for');
    rig.commits[1]![then](LOST as never);
    await rig.settle();
    assert.deepEqual(rig.endings, ['CONNECTOR_OUTPUT_LOST'], then);
  }
});

test('T3, T9: the end is committed after the checkpoint before it, and the task has finished', async () => {
  const rig = new Rig();
  await rig.checkpointedAndEnded();
  rig.task.commit();
  rig.commits[0]!.resolve();
  await rig.settle();
  assert.deepEqual(rig.endings, [], 'what comes last is not committed yet');
  rig.commits[1]!.resolve();
  await rig.settle();
  assert.deepEqual(rig.endings, ['FINISHED']);
});
