// Checkpoints of jobs whose last operator is slow, so that everything before it is full, on a
// cluster of real processes: an unaligned barrier overtakes what an aligned one waits behind, and
// what it has overtaken is there again after kill -9, at the same and at another parallelism.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { JobClient } from '../../src/client/job-client.ts';
import type {
  CheckpointRecord,
  CheckpointStatistics,
} from '../../src/protocol/checkpoint-statistics.ts';
import { addressIn, SECRET, startProcess, type ClusterProcess } from './cluster.test-kit.ts';
import { CommittedOutput } from './committed-output.test-kit.ts';
import { ClusterClient, pause } from './killed-cluster.test-kit.ts';
import { KEYS, RECORDS, writeSlowJob } from './slow-job.test-kit.ts';
import { TestCluster } from './test-cluster.test-kit.ts';

const LOOK_MILLIS = 50;
/** Bytes in flight of a checkpoint of which much more than a moment's records are. */
const MUCH = 100_000;
const ALIGNED_TIMEOUT_MILLIS = 500;
/** Aligned ones would take longer: thousands of records, 20 ms each. */
const LONGEST_MILLIS = 60_000;

const home = mkdtempSync(join(tmpdir(), 'millrace-back-pressure-'));
after(() => rmSync(home, { recursive: true }));
const moduleUrl = writeSlowJob(home);
/** As long as this is there, every record takes its time. */
const slow = join(home, 'slow');

class Job {
  readonly output: CommittedOutput;
  readonly client: JobClient;
  readonly #told: ClusterClient;

  private constructor(folder: string, client: JobClient, told: ClusterClient) {
    this.output = new CommittedOutput(join(folder, 'out'));
    this.client = client;
    this.#told = told;
  }

  static async submit(
    cluster: TestCluster,
    told: ClusterClient,
    name: string,
    configuration: Readonly<Record<string, string>>,
  ): Promise<Job> {
    const folder = join(home, name);
    mkdirSync(folder, { recursive: true });
    const client = await cluster.submit({
      moduleUrl,
      parameters: { out: join(folder, 'out'), slow },
      configuration: {
        'parallelism.default': '2',
        'execution.checkpointing.dir': join(folder, 'checkpoints'),
        ...configuration,
      },
    });
    return new Job(folder, client, told);
  }

  async checkpoints(): Promise<CheckpointStatistics> {
    for (;;) {
      const details = await this.#told.details(this.client.jobId);
      if (details?.checkpoints !== undefined) return details.checkpoints;
      await pause(LOOK_MILLIS);
    }
  }

  /** Completed with much in flight, newest first, when there are so many. */
  async overtaking(count: number): Promise<readonly CheckpointRecord[]> {
    const latest = performance.now() + LONGEST_MILLIS;
    for (;;) {
      const { history } = await this.checkpoints();
      const found = history.filter(
        ({ status, inFlightBytes }) => status === 'COMPLETED' && inFlightBytes > MUCH,
      );
      if (found.length >= count) return found;
      const lengths = history.map(({ status, inFlightBytes }) => `${status} ${inFlightBytes}`);
      assert.ok(performance.now() < latest, `none overtakes: ${lengths.join(', ')}`);
      await pause(LOOK_MILLIS);
    }
  }

  /** Looks at the output until the job has ended, which must be well. */
  async requireExact(): Promise<void> {
    const until = { ended: false };
    const result = this.client.result().finally(() => (until.ended = true));
    while (!until.ended) {
      this.output.look();
      await pause(LOOK_MILLIS);
    }
    const { status, error } = await result;
    assert.equal(status, 'FINISHED', JSON.stringify(error));
    this.output.requireAll(RECORDS, KEYS);
  }
}

const UNALIGNED = { 'execution.checkpointing.unaligned.enabled': 'true' };
const ALIGNMENT_TIMES_OUT = {
  ...UNALIGNED,
  'execution.checkpointing.aligned-checkpoint-timeout': `${ALIGNED_TIMEOUT_MILLIS} ms`,
};
const KEPT = {
  ...UNALIGNED,
  'execution.checkpointing.externalized-checkpoint-retention': 'RETAIN_ON_CANCELLATION',
};
const RESTARTS = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '100',
  'restart-strategy.fixed-delay.delay': '20 ms',
};

const isUnaligned = ({ tasks }: CheckpointRecord): boolean =>
  tasks.some(({ subtasks }) => subtasks.some((each) => each?.unaligned === true));

function replacement(host: string, port: number): ClusterProcess {
  return startProcess('taskmanager', {
    'jobmanager.rpc.address': host,
    'jobmanager.rpc.port': port,
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': 8,
  });
}

describe('checkpoints under back-pressure', () => {
  const name = 'unaligned ones complete, and what they overtook outlives kill -9';
  test(name, { timeout: 240_000 }, async (context) => {
    writeFileSync(slow, '');
    await using cluster = await TestCluster.start({
      ...{ taskManagers: 2, slots: 4, options: { 'web.checkpoints.history': 1000 } },
    });
    const { host, port } = addressIn(await cluster.jobManager.said('JobManager ready'));
    const told = new ClusterClient(cluster.address, SECRET);
    const submit = (name: string, settings: Readonly<Record<string, string>>): Promise<Job> =>
      Job.submit(cluster, told, name, settings);
    const aligned = await submit('aligned', RESTARTS);
    const unaligned = await submit('unaligned', { ...RESTARTS, ...UNALIGNED });
    const switching = await submit('switching', { ...RESTARTS, ...ALIGNMENT_TIMES_OUT });
    const kept = await submit('kept', { ...KEPT, 'restart-strategy.type': 'none' });

    await Promise.all([unaligned, switching, kept].map((job) => job.overtaking(1)));
    const before = (await aligned.checkpoints()).counts.completed;
    const [overtaking, switched] = await Promise.all([
      unaligned.overtaking(6),
      switching.overtaking(4),
      kept.overtaking(2),
    ]);
    const { counts } = await aligned.checkpoints();
    assert.equal(counts.completed, before, 'aligned ones complete: nothing is full');
    const millis = (all: readonly CheckpointRecord[]): readonly number[] =>
      all.map(({ durationMillis }) => durationMillis);
    const bytes = overtaking.map(({ inFlightBytes }) => inFlightBytes);
    context.diagnostic(`unaligned: ${millis(overtaking).join(' ')} ms, ${bytes.join(' ')} bytes`);
    context.diagnostic(`switching: ${millis(switched).join(' ')} ms`);
    assert.ok(overtaking.every(isUnaligned));
    assert.ok(switched.every(isUnaligned));
    assert.ok(millis(switched).every((each) => each >= ALIGNED_TIMEOUT_MILLIS));

    for (const each of cluster.taskManagers) each.kill('SIGKILL');
    const { status } = await kept.client.result();
    assert.equal(status, 'FAILED');
    const spare = replacement(host, port);
    try {
      rmSync(slow);
      await Promise.all([aligned, unaligned, switching].map((job) => job.requireExact()));
      for (const job of [unaligned, switching]) {
        const { latestRestored, history } = await job.checkpoints();
        const from = history.find(
          ({ checkpointId }) => checkpointId === latestRestored?.checkpointId,
        );
        assert.ok(from!.inFlightBytes > MUCH, 'it went on from records in flight');
      }
      const { latestCompleted } = await kept.checkpoints();
      assert.ok(latestCompleted!.inFlightBytes > MUCH);
      const again = await submit('kept', {
        ...UNALIGNED,
        'parallelism.default': '3',
        'execution.state-recovery.path': latestCompleted!.externalPath!,
        'execution.state-recovery.claim-mode': 'CLAIM',
      });
      await again.requireExact();
      for (const job of [aligned, unaligned, switching, kept, again]) job.client.close();
      await told.close();
    } finally {
      spare.kill();
      await spare.exited;
    }
  });
});
