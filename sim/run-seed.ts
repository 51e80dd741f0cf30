/**
 * One seed of the simulator: a cluster of one JobManager and two TaskManagers runs a job, by turns
 * with keyed state, with event time and in parts that fail for themselves; most with checkpoints,
 * and half of those are stopped and cancelled on the way and go on with another parallelism. While
 * the faults of the seed strike somebody outside looks at the output; then everything is healed,
 * the job must end, and what it has committed must be what a run without faults commits.
 */
import { AssertionError } from '../src/base/assert.ts';
import type { Env } from '../src/env/env.ts';
import { minutes, seconds } from '../src/base/units.ts';
import { unguarded } from '../src/graph/build-guard.ts';
import { coordinatorWorker } from '../src/jobmaster/coordinator-worker.ts';
import type { JobResult } from '../src/protocol/job-report.ts';
import { slotWorker } from '../src/taskexecutor/slot/slot-worker.ts';
import { CheckpointFolders } from './checkers/checkpoint-folders.ts';
import { CheckpointsKept } from './checkers/checkpoints-kept.ts';
import { clusterKeeps } from './checkers/cluster-keeps.ts';
import { nothingLeft } from './checkers/nothing-left.ts';
import { OutsideReader } from './checkers/outside-reader.ts';
import { clusterFaults } from './cluster/cluster-faults.ts';
import { startCluster } from './cluster/cluster.ts';
import { drawCourse, KEYS, TASK_MANAGERS } from './cluster/draw-course.ts';
import { jobIdOf, liveThrough } from './cluster/job-life.ts';
import { CHECKPOINTS, OUT, outputOf, writeOldOutput } from './cluster/places.ts';
import {
  requireCheckpointsTidy,
  requireNoCopies,
  requireOutputTidy,
} from './checkers/files-left.ts';
import type { FilesLeftOptions } from './checkers/files-left.ts';
import { FaultPlan } from './fault-plan.ts';
import type { LogWatch } from './log.ts';
import { JobModules } from './modules.ts';
import { runPhases } from './phases.ts';
import { simulation, type Simulation } from './simulation.ts';
import { STORY_JOB } from './sweep/story.ts';
import { WORKLOADS, workloadOf } from './workloads/workloads.ts';
import type { Workload, WorkloadName } from './workloads/workloads.ts';

/** Where somebody looks at the output who is no part of the cluster. */
const READER_HOST = 'reader';
/** Every enabled class strikes before the job can have read its input. */
const FIRST_FAULTS_WITHIN = seconds(4);
const FAULTS_FOR = seconds(20);
const CONVERGE_WITHIN = minutes(10);
/** For slots of a worker that missed the end of its job: a few heartbeats that do not come. */
const SETTLE_WITHIN = seconds(20);
/** For what the master does when the job has ended. */
const CLEAN_WITHIN = seconds(20);
/**
 * Instances of the job's module made before virtual time begins; further ones are made as needed.
 */
const INSTANCES = 24;

export interface SeedOutcome {
  readonly seed: number;
  /** The job, and how it is run. */
  readonly what: string;
  readonly hash: string;
  readonly events: number;
  readonly virtualSeconds: number;
  readonly injected: ReadonlyMap<string, number>;
  /** Complete ones. */
  readonly checkpoints: number;
  /** Among them. */
  readonly savepoints: number;
  readonly restores: number;
  readonly jobManagerStarts: number;
  readonly taskManagerStarts: number;
}

export interface SeedOptions {
  readonly seed: number;
  readonly jobs: JobModules;
  /** That of the seed, unless said. */
  readonly workload?: WorkloadName | undefined;
  /** False for the run without faults. */
  readonly faults?: boolean | undefined;
  /**
   * Whether the job takes checkpoints, in the way that the seed draws; as it draws, unless said.
   */
  readonly checkpoints?: boolean | undefined;
  /** Whether the seed may draw an exchange so small that records wait in the outputs of tasks. */
  readonly smallExchange?: boolean | undefined;
  readonly print?: ((line: string) => void) | undefined;
}

/** Bundles the jobs of the simulator; to be disposed. */
export function bundleJobs(): Promise<JobModules> {
  return JobModules.bundle(
    Object.fromEntries(
      [...Object.values(WORKLOADS), STORY_JOB].map(({ url, file }) => [url, file]),
    ),
  );
}

/** @throws if the output differs, an invariant is broken, or the job does not end in time */
export async function runSeed(options: SeedOptions): Promise<SeedOutcome> {
  const { seed, jobs } = options;
  const workload = workloadOf(seed, options.workload);
  await jobs.instantiate(workload.url, INSTANCES);
  const kept = new CheckpointsKept();
  const world = worldOf(options, (message, fields) => {
    kept.observe(message, fields);
    folders.observe(message, fields);
  });
  const folders = new CheckpointFolders({
    ...{ files: world.mounts[1]!.files, now: () => world.elapsed },
    ...{ masters: () => cluster.jobManagerStarts(), isTold: () => kept.triesAgain },
  });
  const reader = world.host(READER_HOST);
  await world.runProcess(reader, writeOldOutput, minutes(1));
  const course = drawCourse(world, workload, options);
  const outside = new OutsideReader({
    files: world.mounts[0]!.files,
    ...{ folder: OUT, header: workload.header, now: () => world.elapsed },
  });
  const { slots, configuration, parameters, episodes, retains } = course;
  const cluster = startCluster(world, {
    ...{ taskManagers: TASK_MANAGERS, slots, configuration },
    haunted: jobIdOf(1),
    client: (env, address, secret) =>
      liveThrough(env, {
        ...{ address, secret, kept, folder: CHECKPOINTS, episodes, retains },
        job: { moduleUrl: workload.url, exportName: undefined, parameters, configuration },
        afresh: () => outside.afresh(),
      }),
  });
  const plan = new FaultPlan(world, {
    classes: options.faults === false ? [] : clusterFaults(),
    firstWithin: FIRST_FAULTS_WITHIN,
  });
  await runPhases(world, {
    plan,
    faultsFor: FAULTS_FOR,
    until: () => cluster.result !== undefined,
    convergeWithin: CONVERGE_WITHIN,
    settleWithin: SETTLE_WITHIN,
    checkers: [
      kept,
      folders,
      outside,
      nothingLeft(world, { keeps: clusterKeeps, expects: isInjected }),
    ],
  });
  const { result, ...life } = cluster.result!;
  checkResult(seed, result);
  await world.pass(CLEAN_WITHIN);
  await checkFiles(world, { ...life, kept });
  losePower(world);
  const rows = await world.runProcess(reader, (env) => outputOf(env, workload.header), minutes(1));
  checkOutput(seed, rows, workload, course.atLeastOnce);
  outside.atLast();
  checkFaults(seed, plan);
  return {
    ...{ seed, what: course.what, hash: world.trace.hash(), events: world.scheduler.steps },
    virtualSeconds: world.elapsed / 1000,
    injected: plan.injected,
    ...{ checkpoints: kept.completed, savepoints: kept.savepoints, restores: kept.restores },
    jobManagerStarts: cluster.jobManagerStarts(),
    taskManagerStarts: cluster.taskManagerStarts(),
  };
}

function worldOf({ seed, jobs, print }: SeedOptions, watchLog: LogWatch): Simulation {
  return simulation({
    ...{ seed, jobs, print, watchLog },
    workers: { slot: slotWorker, coordinator: coordinatorWorker(unguarded) },
    sharedFolders: [OUT, CHECKPOINTS],
  });
}

/** Errors that a fault explains: a worker or process that ends because of it says so. */
function isInjected({ error }: { readonly error: unknown }): boolean {
  return error instanceof Error && INJECTED.test(error.message);
}

const INJECTED = /injected fault/;

function checkResult(seed: number, result: JobResult): void {
  if (result.status === 'FINISHED') return;
  const why = result.error === undefined ? '' : `: ${JSON.stringify(result.error)}`;
  throw new AssertionError(`seed ${seed}: the job ended ${result.status}${why}`);
}

function checkOutput(
  seed: number,
  rows: readonly string[],
  workload: Workload,
  atLeastOnce: boolean,
): void {
  const expected = workload.expected(workload.records, KEYS);
  if (atLeastOnce) {
    const lacking = workload.lacks!(rows, expected);
    if (lacking.length === 0) return;
    throw new AssertionError(`seed ${seed}: the output lacks ${lacking.slice(0, 3).join(' ')}`);
  }
  if (rows.length === expected.length && rows.every((row, index) => row === expected[index]))
    return;
  const missing = expected.filter((row) => !rows.includes(row));
  const surplus = rows.filter((row, index) => !expected.includes(row) || rows[index - 1] === row);
  throw new AssertionError(
    `seed ${seed}: the output differs from that of a run without faults: ${rows.length} rows ` +
      `instead of ${expected.length}; missing ${missing.slice(0, 3).join(' ')}; ` +
      `surplus ${surplus.slice(0, 3).join(' ')}`,
  );
}

function checkFaults(seed: number, plan: FaultPlan): void {
  for (const [name, count] of plan.injected) {
    if (count === 0) throw new AssertionError(`seed ${seed}: ${name} is enabled and never struck`);
  }
}

/** What is there when everything has ended. */
async function checkFiles(
  world: Simulation,
  { kept, ...options }: Omit<FilesLeftOptions, 'isTold'> & { readonly kept: CheckpointsKept },
): Promise<void> {
  const look = async (env: Env): Promise<void> => {
    await requireCheckpointsTidy(env, { ...options, isTold: kept.leftFiles });
    await requireOutputTidy(env, options.jobs);
  };
  await world.runProcess(world.host(READER_HOST), look, minutes(1));
  if (kept.leftCopies) return;
  for (const host of world.hosts) {
    if (host.name.startsWith('worker-')) await world.runProcess(host, requireNoCopies, minutes(1));
  }
}

/**
 * Whatever happened before, all hosts of the cluster lose their power: what was committed must be
 * there.
 */
function losePower(world: Simulation): void {
  for (const host of world.hosts) {
    if (host.name !== READER_HOST && host.up)
      host.crash(world.random(`last crash of ${host.name}`));
  }
}
