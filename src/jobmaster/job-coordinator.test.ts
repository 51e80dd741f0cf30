// The worker that builds a job and dies over it; the names of rules are those of
// job-coordinator.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds } from '../base/units.ts';
import type { ExitReason, WorkerHandle, Workers } from '../env/env.ts';
import type { JobGraph } from '../graph/job-graph.ts';
import { decodeToCoordinator, encodeCoordinatorMessage } from '../protocol/coordinator-messages.ts';
import type { FromCoordinator } from '../protocol/coordinator-messages.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { JobCoordinator } from './job-coordinator.ts';

const GRAPH: JobGraph = {
  ...{ version: 1, name: 'job', fingerprint: 'f' },
  ...{ vertices: [], edges: [], parameters: {}, configuration: {} },
};

interface Spawned {
  readonly asked: string[];
  readonly say: (message: FromCoordinator) => void;
  readonly end: (reason: ExitReason) => void;
}

/** A coordinator whose workers do what the test says. */
class Rig {
  readonly clock = new ManualClock();
  readonly workers: Spawned[] = [];
  readonly outcomes: string[] = [];
  readonly pauses: number[] = [];
  readonly coordinator: JobCoordinator;

  constructor(wasBuilt: boolean, moduleUrl: string | Promise<string> = 'job:module') {
    const fatal = (_component: string, error: Error): void =>
      void this.outcomes.push(`fatal ${error.message}`);
    const workers: Workers = { spawn: () => this.#spawn() };
    this.coordinator = new JobCoordinator({
      main: new MainThread('test', this.clock, fatal),
      ...{ workers, moduleUrl, wasBuilt, withStates: false, buildTimeout: minutes(1) },
      job: {
        ...{ jobId: 'job', moduleUrl: 'job:module', exportName: undefined },
        ...{ parameters: {}, configuration: {} },
      },
      onBuilt: ({ fingerprint }) => void this.outcomes.push(`built ${fingerprint}`),
      onBuildFailed: ({ code }) => void this.outcomes.push(`failed ${code}`),
      onBuildLost: (_error, pause) => void this.pauses.push(pause),
      onReaderEvent: () => undefined,
      onSourcesSnapshot: () => undefined,
      onSourceFailed: () => undefined,
      onDied: ({ code }) => void this.outcomes.push(`died ${code}`),
    });
  }

  #spawn(): WorkerHandle {
    const exited = Promise.withResolvers<ExitReason>();
    const asked: string[] = [];
    let say!: (bytes: Uint8Array) => void;
    const end = exited.resolve;
    this.workers.push({ asked, end, say: (message) => say(encodeCoordinatorMessage(message)) });
    return {
      port: {
        post: (bytes) => void asked.push(decodeToCoordinator(bytes).kind),
        receive: (handler) => {
          say = (bytes) => handler(bytes, []);
        },
      },
      exited: exited.promise,
      terminate: () => end({ kind: 'terminated' }),
      heapUsed: async () => undefined,
      captureOutput: () => undefined,
      stack: () => Promise.resolve([]),
      profile: () => assert.fail('not asked for'),
    };
  }

  /** Every worker ends so while it builds. */
  async allEnd(reason: ExitReason): Promise<void> {
    for (let ended = 0; ended < this.workers.length; ended++) {
      this.workers[ended]!.end(reason);
      await this.clock.pass(seconds(4));
    }
  }
}

const KILLED: readonly ExitReason[] = [
  { kind: 'terminated' },
  { kind: 'out-of-memory' },
  { kind: 'failed', message: 'no thread could be started', stack: undefined },
];

test('Q1, Q3: a new job is built by another worker when the first is killed (seed 185)', async () => {
  for (const reason of KILLED) {
    const rig = new Rig(false);
    await rig.clock.pass();
    rig.workers[0]!.end(reason);
    await rig.clock.pass(99);
    assert.equal(rig.workers.length, 1);
    await rig.clock.pass(1);
    assert.deepEqual(rig.workers[1]!.asked, ['build']);
    rig.workers[1]!.say({ kind: 'built', graph: GRAPH });
    await rig.clock.pass(minutes(2));
    assert.deepEqual([rig.outcomes, rig.pauses], [['built f'], [100]], reason.kind);
  }
});

test('Q3: the code of a job may come while no worker is there for it', async () => {
  const code = Promise.withResolvers<string>();
  const rig = new Rig(false, code.promise);
  await rig.clock.pass();
  rig.workers[0]!.end({ kind: 'terminated' });
  await rig.clock.pass(50);
  code.resolve('job:brought');
  await rig.clock.pass(50);
  assert.deepEqual(rig.workers[1]!.asked, ['build']);
});

test('Q3: a new job whose workers all die fails soon; one that was built before later', async () => {
  const fresh = new Rig(false);
  await fresh.allEnd({ kind: 'terminated' });
  assert.deepEqual(fresh.pauses, [100, 200, 400]);
  assert.deepEqual(fresh.outcomes, ['failed JOB_COORDINATOR_DIED']);
  const hungry = new Rig(false);
  await hungry.allEnd({ kind: 'out-of-memory' });
  assert.deepEqual(hungry.outcomes, ['failed JOB_BUILD_OUT_OF_MEMORY']);
  const built = new Rig(true);
  await built.allEnd({ kind: 'terminated' });
  assert.deepEqual(built.pauses, [100, 200, 400, 800, 1600, 3200, 4000, 4000, 4000]);
  assert.deepEqual(built.outcomes, ['failed JOB_COORDINATOR_DIED']);
});

test('Q3: a new job that ends its worker itself, or is stuck, fails at once', async () => {
  const message = 'it called process.exit(3)';
  const byCode: readonly ExitReason[] = [
    { kind: 'finished' },
    { kind: 'failed', message, stack: undefined, exitCode: 3 },
  ];
  for (const reason of byCode) {
    const rig = new Rig(false);
    await rig.allEnd(reason);
    assert.deepEqual([rig.workers.length, ...rig.outcomes], [1, 'failed JOB_COORDINATOR_DIED']);
  }
  const stuck = new Rig(false);
  await stuck.clock.pass(minutes(3));
  assert.deepEqual([stuck.workers.length, ...stuck.outcomes], [1, 'failed JOB_BUILD_TIMEOUT']);
});

test('Q2: a job that is closed while it is to be built again is not', async () => {
  const rig = new Rig(false);
  await rig.clock.pass();
  rig.workers[0]!.end({ kind: 'terminated' });
  await rig.clock.pass();
  await rig.coordinator.close();
  await rig.clock.pass(minutes(2));
  assert.deepEqual([rig.workers.length, rig.pauses, rig.outcomes], [1, [100], []]);
});
