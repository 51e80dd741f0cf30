/**
 * The story of a small job in which every crash point lies: it takes a checkpoint and commits with
 * it, loses a TaskManager and goes on from it, takes another one, loses its JobManager and is taken
 * over, stops with a savepoint, goes on with another parallelism, and ends. Each step is asked for
 * until it is done, so that the story comes to its end with one crash more.
 */
import { AssertionError } from '../../src/base/assert.ts';
import { isEngineError } from '../../src/base/errors.ts';
import { milliseconds, minutes, seconds } from '../../src/base/units.ts';
import { JobClient } from '../../src/client/job-client.ts';
import type { Env } from '../../src/env/env.ts';
import { unguarded } from '../../src/graph/build-guard.ts';
import { coordinatorWorker } from '../../src/jobmaster/coordinator-worker.ts';
import { slotWorker } from '../../src/taskexecutor/slot/slot-worker.ts';
import { CheckpointsKept } from '../checkers/checkpoints-kept.ts';
import { clusterKeeps } from '../checkers/cluster-keeps.ts';
import { requireCheckpointsTidy, requireOutputTidy } from '../checkers/files-left.ts';
import { nothingLeft } from '../checkers/nothing-left.ts';
import { OutsideReader } from '../checkers/outside-reader.ts';
import { startCluster } from '../cluster/cluster.ts';
import { jobIdOf } from '../cluster/job-life.ts';
import { NotYet, PatientClient } from '../cluster/patient-client.ts';
import { CHECKPOINTS, OUT, outputOf } from '../cluster/places.ts';
import { CrashPoints } from '../crash-points.ts';
import type { CrashPoint, CrashTarget } from '../crash-points.ts';
import { FaultPlan } from '../fault-plan.ts';
import type { JobModules } from '../modules.ts';
import { runPhases } from '../phases.ts';
import { simulation } from '../simulation.ts';
import type { Simulation } from '../simulation.ts';
import { expectedNumbers } from '../workloads/numbered-records-oracle.ts';

export const STORY_JOB = {
  url: 'job:numbered-records',
  file: new URL('../workloads/numbered-records.ts', import.meta.url),
};

const RECORDS = 60;
const KEYS = 5;
const PARAMETERS = { records: RECORDS, keys: KEYS, ratePerSecond: 15, out: OUT };
const HEADER = 'key,number';
const RETRY = milliseconds(100);
/** For what follows upon a checkpoint, and upon a start. */
const AFTERWARDS = milliseconds(200);
/** The whole story takes a tenth of it when nothing more fails. */
const WITHIN = minutes(3);
const CLEAN_WITHIN = seconds(20);
/** A world without surprises: all of them are crash points. */
const KNOBS = { latencyMicros: 50, diskMicros: 20, cuts: 0, startMicros: 10_000 };

const CONFIGURATION: Readonly<Record<string, string>> = {
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000000',
  'restart-strategy.fixed-delay.delay': '50 ms',
  'slot.request.timeout': '10 min',
  'heartbeat.interval': '1 s',
  'heartbeat.timeout': '5 s',
  'execution.checkpointing.dir': CHECKPOINTS,
  'execution.checkpointing.data-inline-threshold': '0 bytes',
  'execution.checkpointing.incremental': 'true',
};

/** Its points, in the order in which they came. @throws if anything is not as it must be */
export async function tellStory(
  jobs: JobModules,
  target?: CrashTarget,
  print?: (line: string) => void,
): Promise<readonly CrashPoint[]> {
  await jobs.instantiate(STORY_JOB.url, 14);
  const points = new CrashPoints((name) => /^(?:job|task)manager$/.test(name), target);
  const kept = new CheckpointsKept();
  const world = simulation({
    ...{ seed: 1, jobs, points, print, knobs: KNOBS, buggify: false },
    workers: { slot: slotWorker, coordinator: coordinatorWorker(unguarded) },
    sharedFolders: [OUT, CHECKPOINTS],
    watchLog: (message, fields) => {
      kept.observe(message, fields);
      const isComplete = points.phase === 'checkpoint' && kept.completed > 0;
      if (isComplete && message.includes('is complete')) points.phase = 'commit';
    },
  });
  const cluster = startCluster(world, {
    ...{ taskManagers: 3, slots: 1, configuration: CONFIGURATION },
    haunted: jobIdOf(1),
    client: (env, address, secret) =>
      new Story(env, { address, secret, world, points, kept }).run(),
  });
  const reader = new OutsideReader({
    ...{ files: world.mounts[0]!.files, folder: OUT, header: HEADER, now: () => world.elapsed },
  });
  await runPhases(world, {
    plan: new FaultPlan(world, { classes: [] }),
    faultsFor: milliseconds(1),
    until: () => cluster.result !== undefined,
    convergeWithin: WITHIN,
    settleWithin: CLEAN_WITHIN,
    checkers: [kept, reader, nothingLeft(world, { keeps: clusterKeeps })],
  });
  await world.pass(CLEAN_WITHIN);
  const look = (env: Env): Promise<void> => requireExact(env, kept, cluster.result!);
  await world.runProcess(world.host('reader'), look, minutes(1));
  reader.atLast();
  if (target !== undefined && !points.struck) {
    throw new AssertionError(`there is no point ${target.index}`);
  }
  return points.points;
}

async function requireExact(env: Env, kept: CheckpointsKept, savepoint: string): Promise<void> {
  const rows = await outputOf(env, HEADER);
  const expected = expectedNumbers(RECORDS, KEYS);
  const missing = expected.filter((row) => !rows.includes(row));
  const surplus = rows.filter((row, index) => !expected.includes(row) || rows[index - 1] === row);
  if (missing.length > 0 || surplus.length > 0) {
    throw new AssertionError(`missing ${missing.join(' ')}; surplus ${surplus.join(' ')}`);
  }
  const jobs = [
    { jobId: jobIdOf(1), from: undefined, claims: false, keeps: false },
    { jobId: jobIdOf(2), from: savepoint, claims: false, keeps: false },
  ];
  const isTold = kept.leftFiles;
  await requireCheckpointsTidy(env, { jobs, savepoints: [savepoint], isTold });
  await requireOutputTidy(env, jobs);
}

interface StoryOptions {
  readonly address: string;
  readonly secret: Uint8Array;
  readonly world: Simulation;
  readonly points: CrashPoints;
  readonly kept: CheckpointsKept;
}

class Story {
  readonly #options: StoryOptions;
  readonly #client: PatientClient;

  constructor(env: Env, options: StoryOptions) {
    this.#options = options;
    this.#client = new PatientClient(env, { ...options, retry: RETRY });
  }

  /** @returns where the savepoint lies */
  async run(): Promise<string> {
    const { points, kept } = this.#options;
    const [first, second] = [jobIdOf(1), jobIdOf(2)];
    await this.#submit(first, 3, undefined);
    points.phase = 'checkpoint';
    await this.#checkpoint(first);
    points.phase = 'restore';
    await this.#lose('taskmanager');
    points.phase = 'checkpoint';
    await this.#checkpoint(first);
    points.phase = 'takeover';
    await this.#lose('jobmanager');
    points.phase = 'rescale';
    const savepoint = await this.#stop(first);
    kept.given(second);
    await this.#submit(second, 2, savepoint);
    await this.#client.wait(AFTERWARDS);
    points.phase = undefined;
    await this.#finished(second);
    // The one before, too: who was told of its savepoint was not told that it had ended.
    await this.#finished(first);
    return savepoint;
  }

  async #submit(jobId: string, parallelism: number, from: string | undefined): Promise<void> {
    const configuration: Record<string, string> = {
      ...CONFIGURATION,
      'parallelism.default': String(parallelism),
    };
    if (from !== undefined) configuration['execution.state-recovery.path'] = from;
    const job = {
      ...{ jobId, moduleUrl: STORY_JOB.url, exportName: undefined, configuration },
      parameters: PARAMETERS,
    };
    await this.#client.untilDone(async () => {
      try {
        const client = await JobClient.submit(this.#client.place, job, { detached: true });
        client.close();
      } catch (thrown) {
        if (!isEngineError(thrown, 'JOB_ALREADY_ENDED')) throw thrown;
      }
    });
    await this.#running(jobId);
  }

  async #checkpoint(jobId: string): Promise<void> {
    await this.#client.untilDone(() =>
      this.#client.ask((dispatcher) => dispatcher.triggerCheckpoint({ jobId, full: false })),
    );
    await this.#client.wait(AFTERWARDS);
  }

  /** Kills a process, as often as there is one, until its work is done by another. */
  async #lose(name: string): Promise<void> {
    const { world, kept } = this.#options;
    const { restores } = kept;
    const process = world.hosts
      .flatMap(({ processes }) => [...processes])
      .find((each) => each.name === name);
    if (process !== undefined) {
      world.scheduler.world(1, 'kill', process.main.id, 0, () => process.kill());
    }
    const jobId = jobIdOf(1);
    await this.#client.untilDone(async () => {
      if (kept.restores > restores || (await this.#isOver(jobId))) return;
      throw new NotYet();
    });
    await this.#running(jobId);
    await this.#client.wait(AFTERWARDS);
  }

  /** A stop of which it is not known what came of it is known by its savepoint. */
  async #stop(jobId: string): Promise<string> {
    const { kept } = this.#options;
    const directory = `${CHECKPOINTS}/stops`;
    return this.#client.untilDone(async () => {
      try {
        const { location } = await this.#client.ask((dispatcher) =>
          dispatcher.triggerSavepoint({ jobId, directory, stop: 'suspend' }),
        );
        return location;
      } catch (thrown) {
        if (!isEngineError(thrown)) throw thrown;
        if (!['CHECKPOINT_JOB_ENDED', 'JOB_NOT_FOUND'].includes(thrown.code)) throw thrown;
        await this.#finished(jobId);
        const location = kept.stoppedWith(jobId);
        if (location === undefined) throw new AssertionError('the job has ended by itself');
        return location;
      }
    });
  }

  async #finished(jobId: string): Promise<void> {
    const result = await this.#client.untilDone(() =>
      JobClient.resultOf(this.#client.place, jobId),
    );
    if (result.status === 'FINISHED') return;
    throw new AssertionError(`the job ended ${result.status}: ${JSON.stringify(result.error)}`);
  }

  /** All tasks run, or it is too late for that. */
  async #running(jobId: string): Promise<void> {
    await this.#client.untilDone(async () => {
      if (await this.#isOver(jobId)) return;
      const { vertices } = await this.#client.ask((dispatcher) => dispatcher.requestJob({ jobId }));
      const states = vertices.flatMap(({ subtasks }) =>
        subtasks.map(({ current }) => current.state),
      );
      if (states.some((state) => state !== 'RUNNING' && state !== 'FINISHED')) throw new NotYet();
    });
  }

  #isOver(jobId: string): Promise<boolean> {
    return this.#client.isAmong(jobId, ['FINISHED', 'COMMITTING']);
  }
}
