/**
 * One seed of the simulator: a cluster of one JobManager and two TaskManagers of two slots runs a
 * job over 10,000 records, by turns with keyed state, with event time and in parts that fail for
 * themselves, while the faults of the
 * seed strike; then everything is healed, the job must end, and what it has committed must be what
 * a run without faults commits.
 */
import { AssertionError } from '../src/base/assert.ts';
import type { Env } from '../src/env/env.ts';
import { minutes, seconds } from '../src/base/units.ts';
import { unguarded } from '../src/graph/build-guard.ts';
import { coordinatorWorker } from '../src/jobmaster/coordinator-worker.ts';
import type { JobResult } from '../src/protocol/job-report.ts';
import { slotWorker } from '../src/taskexecutor/slot/slot-worker.ts';
import { CheckpointsKept } from './checkers/checkpoints-kept.ts';
import { nothingLeft } from './checkers/nothing-left.ts';
import { drawCheckpointing } from './cluster/draw-checkpointing.ts';
import { startCluster } from './cluster/cluster.ts';
import { FaultPlan } from './fault-plan.ts';
import { clusterFaults } from './cluster/cluster-faults.ts';
import { JobModules } from './modules.ts';
import { runPhases } from './phases.ts';
import { simulation, type Simulation } from './simulation.ts';
import { expectedCopies } from './workloads/copied-records-oracle.ts';
import { expectedRows } from './workloads/keyed-totals-oracle.ts';
import { expectedWindowRows } from './workloads/windowed-totals-oracle.ts';

const RECORDS = 10_000;
/** Each is read by two sources, and comes to several results. */
const WINDOWED_RECORDS = 3_000;
const KEYS = 97;
const OUT = '/out';
const CHECKPOINTS = '/checkpoints';
/** Where somebody looks at the output who is no part of the cluster. */
const READER_HOST = 'reader';
/**
 * The job takes five seconds by the rate of its source; every enabled class strikes before that.
 */
const RATE_PER_SECOND = 2_000;
const FIRST_FAULTS_WITHIN = seconds(4);
const FAULTS_FOR = seconds(20);
const CONVERGE_WITHIN = minutes(10);
/** For what the master does when the job has ended. */
const CLEAN_WITHIN = seconds(20);
/**
 * Instances of the job's module made before virtual time begins; further ones are made as needed.
 */
const INSTANCES = 24;

/** A job and what it must write. */
interface Workload {
  readonly url: string;
  readonly file: URL;
  readonly header: string;
  readonly records: number;
  readonly expected: (records: number, keys: number) => readonly string[];
}

const WORKLOADS: Readonly<Record<WorkloadName, Workload>> = {
  'keyed-totals': {
    url: 'job:keyed-totals',
    file: new URL('./workloads/keyed-totals.ts', import.meta.url),
    header: 'key,count,sum,largest',
    records: RECORDS,
    expected: expectedRows,
  },
  'windowed-totals': {
    url: 'job:windowed-totals',
    file: new URL('./workloads/windowed-totals.ts', import.meta.url),
    header: 'what,key,at,value',
    records: WINDOWED_RECORDS,
    expected: expectedWindowRows,
  },
  'copied-records': {
    url: 'job:copied-records',
    file: new URL('./workloads/copied-records.ts', import.meta.url),
    header: 'source,index,square',
    records: RECORDS,
    expected: expectedCopies,
  },
};

type WorkloadName = 'keyed-totals' | 'windowed-totals' | 'copied-records';

/** Of the seeds, one after the other. */
const TURNS: readonly WorkloadName[] = [
  'keyed-totals',
  'windowed-totals',
  'keyed-totals',
  'copied-records',
];

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
  readonly print?: ((line: string) => void) | undefined;
}

/** Bundles the jobs of the simulator; to be disposed. */
export function bundleJobs(): Promise<JobModules> {
  return JobModules.bundle(
    Object.fromEntries(Object.values(WORKLOADS).map(({ url, file }) => [url, file])),
  );
}

function workloadOf({ seed, workload }: SeedOptions): Workload {
  return WORKLOADS[workload ?? TURNS[seed % TURNS.length]!];
}

/** @throws if the output differs, an invariant is broken, or the job does not end in time */
export async function runSeed(options: SeedOptions): Promise<SeedOutcome> {
  const { seed, jobs, print } = options;
  const workload = workloadOf(options);
  const { url, records } = workload;
  await jobs.instantiate(url, INSTANCES);
  const checkpoints = new CheckpointsKept();
  const world = simulation({
    watchLog: (message) => checkpoints.observe(message),
    seed,
    jobs,
    print,
    workers: { slot: slotWorker, coordinator: coordinatorWorker(unguarded) },
    sharedFolders: [OUT, CHECKPOINTS],
  });
  const withCheckpoints = options.checkpoints ?? world.random('checkpoints').chance(0.6);
  await world.runProcess(world.host(READER_HOST), writeOldOutput, minutes(1));
  const configuration = {
    ...CONFIGURATION,
    ...(withCheckpoints ? drawCheckpointing(world, CHECKPOINTS) : {}),
  };
  const cluster = startCluster(world, {
    taskManagers: 2,
    slots: 2,
    configuration,
    job: {
      jobId: '00000000000000000000000000000001',
      moduleUrl: url,
      exportName: undefined,
      parameters: {
        records,
        keys: KEYS,
        ratePerSecond: (RATE_PER_SECOND * records) / RECORDS,
        out: OUT,
      },
      configuration,
    },
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
    checkers: [checkpoints, nothingLeft(world, { keeps: () => true, expects: isInjected })],
  });
  checkResult(seed, cluster.result!);
  if (withCheckpoints) await checkFiles(world, checkpoints);
  losePower(world);
  checkOutput(seed, await committedRows(world, workload), workload);
  checkFaults(seed, plan);
  return {
    seed,
    what: `${url.slice('job:'.length)} with${withCheckpoints ? '' : 'out'} checkpoints`,
    hash: world.trace.hash(),
    events: world.scheduler.steps,
    virtualSeconds: world.elapsed / 1000,
    injected: plan.injected,
    checkpoints: checkpoints.completed,
    restores: checkpoints.restores,
    jobManagerStarts: cluster.jobManagerStarts(),
    taskManagerStarts: cluster.taskManagerStarts(),
  };
}

const CONFIGURATION: Readonly<Record<string, string>> = {
  'parallelism.default': '4',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.attempts': '1000000',
  'restart-strategy.fixed-delay.delay': '100 ms',
  'slot.request.timeout': '10 min',
  'heartbeat.interval': '1 s',
  'heartbeat.timeout': '5 s',
  'millrace.exchange.verify': 'all',
};

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

/** Of checkpoints nothing stays, unless a fault was in the way of their removal, which was told. */
async function checkFiles(world: Simulation, { leftFiles }: CheckpointsKept): Promise<void> {
  await world.pass(CLEAN_WITHIN);
  if (leftFiles) return;
  const read = (env: Env): Promise<readonly string[]> => filesBelow(env, CHECKPOINTS);
  const left = await world.runProcess(world.host(READER_HOST), read, minutes(1));
  if (left.length === 0) return;
  throw new AssertionError(`seed ${world.seed}: checkpoints have left ${left.join(', ')}`);
}

async function filesBelow(env: Env, folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name, kind } of await env.disk.list(folder)) {
    const path = `${folder}/${name}`;
    if (kind === 'directory') found.push(...(await filesBelow(env, path)));
    else found.push(path);
  }
  return found;
}

function checkOutput(seed: number, rows: readonly string[], workload: Workload): void {
  const expected = workload.expected(workload.records, KEYS);
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

/** What an earlier job has left in the folder, which this one is to replace. */
async function writeOldOutput({ disk }: Env): Promise<void> {
  for (let subtask = 0; subtask < 6; subtask += 1) {
    const file = await disk.open(`${OUT}/part-${subtask}-0.csv`, 'create');
    await file.write(new TextEncoder().encode(`old\n${subtask}\n`), 0);
    await file.sync();
    await file.close();
  }
  await disk.syncDirectory(OUT);
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

/** The rows of all files under their final names, as somebody outside sees them. */
function committedRows(world: Simulation, { header }: Workload): Promise<readonly string[]> {
  return world.runProcess(world.host(READER_HOST), (env) => readRows(env, header), minutes(1));
}

async function readRows({ disk }: Env, header: string): Promise<readonly string[]> {
  const rows: string[] = [];
  for (const { name } of await disk.list(OUT)) {
    if (name.startsWith('.')) continue;
    const file = await disk.open(`${OUT}/${name}`, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(bytes, 0);
    await file.close();
    const [first, ...lines] = new TextDecoder().decode(bytes).trimEnd().split('\n');
    if (first !== header) throw new AssertionError(`${name} begins with ${first}`);
    rows.push(...lines);
  }
  return rows.toSorted();
}
