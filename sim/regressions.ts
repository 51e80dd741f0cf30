/**
 * Seeds that have found a bug, each under the job and the way of checkpoints that it had then. They
 * run with every change. What a seed does drifts as the engine and the draws change: where a test
 * without the simulator holds what it has found, that is named, and speaks of the seed.
 */
import type { WorkloadName } from './workloads/workloads.ts';

export interface Regression {
  readonly seeds: readonly number[];
  readonly workload: WorkloadName;
  readonly checkpoints: boolean;
  /** What is true since. */
  readonly what: string;
  /** Of the test that holds it without the simulator, from the root of the repository. */
  readonly test?: string | undefined;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    // A client that got no answer submitted a job again that had ended meanwhile.
    seeds: [22, 32, 66, 79],
    workload: 'keyed-totals',
    checkpoints: false,
    what: 'answers a resubmission of a job that has ended',
  },
  {
    // A JobManager that was started again counted attempts from 1, and found the files of the
    // first.
    seeds: [27],
    workload: 'copied-records',
    checkpoints: false,
    what: 'numbers attempts on from those of an earlier master',
  },
  {
    // Every further submission was answered with the failure of the first.
    seeds: [43],
    workload: 'copied-records',
    checkpoints: false,
    what: 'takes a job again that it could not store',
  },
  {
    // The folder of the jobs itself was not durable: a loss of power took it along.
    seeds: [55],
    workload: 'copied-records',
    checkpoints: false,
    what: 'finds its jobs after the host was lost',
  },
  {
    // Splits of a source were given to readers that had finished, and never read.
    seeds: [2],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'reads all splits after a restore when some readers had finished',
  },
  {
    // A JobManager that took over a job without a checkpoint failed it for good, as if it began.
    seeds: [24],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'goes on with a job whose folder is full when a master takes over',
  },
  {
    // The folder of checkpoints could not be made, and nobody submitted the job again.
    seeds: [42],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'begins again where the folder of checkpoints could not be made',
    test: 'sim/checkpoint-folder.test.ts',
  },
  {
    // The same, at the probe.
    seeds: [169],
    workload: 'windowed-totals',
    checkpoints: true,
    what: 'begins again where the folder of checkpoints could not be used',
    test: 'sim/checkpoint-folder.test.ts',
  },
  {
    // Noted as having failed once; no commit shows with what.
    seeds: [44],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'has the right output',
  },
  {
    seeds: [117],
    workload: 'windowed-totals',
    checkpoints: true,
    what: 'has the right output',
  },
  {
    // The probe of a job that failed as it began stayed, and so did the folder.
    seeds: [65],
    workload: 'windowed-totals',
    checkpoints: true,
    what: 'leaves nothing of a job that could not use its folder',
    test: 'sim/checkpoint-folder.test.ts',
  },
  {
    // Slots told to commit under a lease that was revoked held their threads.
    seeds: [90],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'ends slots at once that are to commit under a lease that is gone',
    test: 'src/taskexecutor/slot/commit-only-tasks.test.ts',
  },
  {
    // A slot had gone back when the decision to commit was stored, and the JobManager ended.
    seeds: [183],
    workload: 'copied-records',
    checkpoints: true,
    what: 'does not ask a task to commit whose checkpoint already has',
    test: 'src/jobmaster/job-deployment.test.ts',
  },
  {
    // The worker that built a new job was killed, and the job failed for good.
    seeds: [185],
    workload: 'windowed-totals',
    checkpoints: true,
    what: 'builds a new job in another worker when the first is killed',
    test: 'src/jobmaster/job-coordinator.test.ts',
  },
  {
    // Its next master did not know that nothing stays of a job that is cancelled.
    seeds: [596],
    workload: 'keyed-totals',
    checkpoints: true,
    what: 'leaves nothing of a job that is cancelled before it is opened again',
    test: 'test/claimed-folders.test.ts',
  },
  {
    // A job that ended with more than the checkpoint that it had claimed kept its claim for ever.
    seeds: [557],
    workload: 'windowed-totals',
    checkpoints: true,
    what: 'takes back the claim on a checkpoint that a job gives back',
    test: 'test/claimed-folders.test.ts',
  },
  {
    // The answer to an offer freed a slot that the job had taken by the next offer, for ever.
    seeds: [683],
    workload: 'copied-records',
    checkpoints: false,
    what: 'keeps slots that a job has accepted while an earlier offer was refused',
    test: 'src/taskexecutor/task-executor.test.ts',
  },
];
