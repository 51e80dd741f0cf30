// The Dispatcher between masters and a store that do what the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import { minutes, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { memoryJobResultStore, memoryJobStore } from '../ha/job-store.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type { DispatcherService, JobSubmission } from '../protocol/dispatcher-service.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { Gateway } from '../protocol/service.ts';
import type { StoredJob } from '../protocol/stored-job.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { Dispatcher } from './dispatcher.ts';
import type { JobMasterHandle } from './dispatcher.ts';

function submission(jobId: string): JobSubmission {
  const job = { jobId, moduleUrl: 'file:///job.ts', exportName: undefined };
  const whole = { ...job, parameters: {}, configuration: {} };
  return { job: whole, graph: undefined, attached: false };
}

interface Rig {
  readonly gateway: Gateway<DispatcherService>;
  readonly cancelled: string[];
  /** Lets all that is under way come to its end. */
  readonly pass: (span?: Duration) => Promise<void>;
  /** Lets the store answer that the job has another master now. */
  readonly takeOver: () => void;
  /** Of the stored jobs. */
  readonly names: () => Promise<readonly (string | undefined)[]>;
  readonly close: () => Promise<void>;
}

/** A Dispatcher that has just found a job of an earlier process. */
async function recovering(jobId: string, clientHeartbeatTimeout?: Duration): Promise<Rig> {
  const env = testEnv();
  const rpc = new RpcService({ env, name: 'jobmanager' });
  const address = await rpc.listen('jobmanager', 0);
  const takeOver = Promise.withResolvers<void>();
  const cancelled: string[] = [];
  const store = memoryJobStore();
  await store.put(submission(jobId));
  const dispatcher = new Dispatcher({
    ...{ env, rpc },
    jobs: { ...store, takeOver: (id) => takeOver.promise.then(() => store.takeOver(id)) },
    results: memoryJobResultStore(10),
    startJobMaster: (given) => master(given, cancelled),
    resources: () => ({ taskManagers: 0, total: 0, free: 0 }),
    cleanUpEnded: () => Promise.reject(new Error('not asked for')),
    disposeSavepoint: () => Promise.reject(new Error('not asked for')),
    endedJobs: { capacity: 10, maxBytes: 1e6, expiration: minutes(1) },
    onFatal: (component, error) => assert.fail(`${component}: ${error.message}`),
  });
  const found = { ...submission(jobId), clientHeartbeatTimeout };
  const stored: StoredJob = { submission: found, decision: undefined, masters: 1 };
  dispatcher.recover([stored]);
  const pass = (span?: Duration): Promise<void> => env.clock.pass(span);
  const connecting = rpc.connect(address);
  await pass();
  const connection = await connecting;
  return {
    ...{ cancelled, pass, takeOver: takeOver.resolve },
    gateway: connection.gateway(dispatcherService, DISPATCHER, dispatcher.token),
    names: async () => (await store.all()).map(({ name }) => name),
    close: async () => {
      const closed = Promise.all([dispatcher.close(), rpc.close()]);
      await pass();
      await closed;
    },
  };
}

const REFUSAL = new EngineError('JOB_NOT_FOUND', { jobId: 'refused' });
/** Jobs that end at once, the first before it is built. */
const ENDS = new Set(['refused', 'fails']);

function failed(jobId: string): JobResult {
  const none = { accumulators: [], runtimeMillis: 0 };
  return { jobId, status: 'FAILED', error: REFUSAL.toData(), ...none };
}

function master({ job }: JobSubmission, cancelled: string[]): JobMasterHandle {
  const { jobId } = job;
  const details: JobDetails = {
    ...{ jobId, name: jobId, status: 'RUNNING', generation: 1, runtimeMillis: 0 },
    ...{ waitingFor: undefined, vertices: [], failures: [], failingCheckpoints: undefined },
  };
  const summary = {
    jobId,
    name: jobId,
    status: ENDS.has(jobId) ? 'FAILED' : 'RUNNING',
    startTime: 0,
    tasks: {},
  };
  return {
    location: { jobId, address: 'jobmanager:1', endpoint: `master ${jobId}`, token: 't' },
    built: jobId === 'refused' ? Promise.reject(REFUSAL) : Promise.resolve(),
    result: ENDS.has(jobId) ? Promise.resolve(failed(jobId)) : new Promise(() => undefined),
    details: () => details,
    info: () => ({ vertices: [], failures: [] }) as never,
    summary: () => summary as ReturnType<JobMasterHandle['summary']>,
    cancel: () => void cancelled.push(jobId),
    triggerSavepoint: () => Promise.reject(new Error('not asked for')),
    triggerCheckpoint: () => Promise.reject(new Error('not asked for')),
    settle: () => Promise.resolve(),
    cleanUp: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

test('D6: who asks for a job of an earlier process is answered when it has a master', async () => {
  const rig = await recovering('a');
  const asked = [
    rig.gateway.requestJobDetails({ jobId: 'a' }).then(({ status }) => status),
    rig.gateway.locateJob({ jobId: 'a' }).then(({ endpoint }) => endpoint),
    rig.gateway.listJobs({}).then((jobs) => jobs.length),
    rig.gateway.requestClusterOverview({}).then(({ jobsRunning }) => jobsRunning),
    rig.gateway.cancelJob({ jobId: 'a' }).then(() => rig.cancelled.join()),
  ];
  let answers = 0;
  for (const each of asked) each.finally(() => answers++).catch(() => undefined);
  await rig.pass();
  assert.equal(answers, 0, 'nobody was told that there is no such job');
  rig.takeOver();
  await rig.pass();
  assert.deepEqual(await Promise.all(asked), ['RUNNING', 'master a', 1, 1, 'a']);
  await rig.close();
});

test('D4: the client of a job of an earlier process has its promised time to be heard', async () => {
  const rig = await recovering('a', seconds(30));
  rig.takeOver();
  await rig.pass(seconds(29));
  assert.deepEqual(rig.cancelled, []);
  await rig.pass(seconds(2));
  assert.deepEqual(rig.cancelled, ['a']);
  await rig.close();
});

test('D4: a word of a client that has promised nothing does not cancel the job', async () => {
  const rig = await recovering('a');
  rig.takeOver();
  await rig.pass();
  const told = rig.gateway.reportClientHeartbeat({ jobId: 'a', expiredTimestamp: 1 });
  await rig.pass(minutes(90));
  await told;
  assert.deepEqual(rig.cancelled, []);
  await rig.close();
});

test('a job that lasts is stored with its name, for who lists it after a restart', async () => {
  const rig = await recovering('a');
  rig.takeOver();
  await rig.pass(seconds(1));
  assert.deepEqual(await rig.names(), [undefined]);
  await rig.pass(seconds(2));
  assert.deepEqual(await rig.names(), ['a']);
  await rig.close();
});

test('D6: a job that nobody knows is not waited for', async () => {
  const rig = await recovering('a');
  const unknown = assert.rejects(rig.gateway.requestJobDetails({ jobId: 'b' }), (thrown) =>
    isEngineError(thrown, 'JOB_NOT_FOUND'),
  );
  await rig.pass();
  await unknown;
  rig.takeOver();
  await rig.close();
});

test('D8: a submission that is refused at its build leaves no job, one that fails later does', async () => {
  const rig = await recovering('a');
  rig.takeOver();
  await rig.pass();
  const submit = async (jobId: string): Promise<unknown> =>
    rig.gateway.submitJob(submission(jobId)).then(
      ({ endpoint }) => endpoint,
      (error: unknown) => (isEngineError(error) ? error.code : error),
    );
  const answers = Promise.all([submit('refused'), submit('fails')]);
  await rig.pass();
  assert.deepEqual(await answers, ['JOB_NOT_FOUND', 'master fails']);
  await rig.pass();
  const listed = rig.gateway.requestClusterOverview({});
  const again = submit('refused');
  const result = rig.gateway.requestJobResult({ jobId: 'refused' });
  await rig.pass();
  const { jobsFailed, jobsRunning } = await listed;
  assert.deepEqual([jobsFailed, jobsRunning], [1, 1]);
  assert.deepEqual([await again, (await result).status], ['JOB_ALREADY_ENDED', 'FAILED']);
  await rig.close();
});
