// A slot whose thread says nothing any more, under a clock that the test moves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Log, WorkerHandle } from '../env/env.ts';
import type { MetricValue } from '../metrics/metric.ts';
import { encodeSlotMessage } from '../protocol/slot-codec.ts';
import { NO_EXCHANGE } from '../protocol/slot-messages.ts';
import type { FromSlot, TaskMetrics } from '../protocol/slot-messages.ts';
import type { SlotPreparation, TaskDeployment } from '../protocol/task-deployment.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { HostedWorker } from './hosted-worker.ts';

/** A slot with two tasks whose thread says what the test says. */
class Rig {
  readonly clock = new ManualClock();
  readonly told: (readonly TaskMetrics[])[] = [];
  readonly logged: string[] = [];
  readonly worker: HostedWorker;
  #deliver: (bytes: Uint8Array) => void = () => undefined;
  #exit: () => void = () => undefined;
  /** What the thread answers who asks for its heap. */
  heap: () => Promise<number | undefined> = () => Promise.resolve(1);
  stack: () => Promise<readonly string[]> = () => Promise.resolve(['f (job.ts:1:2)']);
  terminations = 0;
  gone: EngineError | undefined;

  constructor(cancellationTimeout = 1000) {
    const log: Log = {
      write: (level, message, fields) =>
        void this.logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
      with: () => log,
    };
    const handle: WorkerHandle = {
      port: {
        post: () => undefined,
        receive: (handler) => (this.#deliver = (b) => handler(b, [])),
      },
      exited: new Promise((resolve) => (this.#exit = () => resolve({ kind: 'terminated' }))),
      terminate: () => {
        this.terminations += 1;
        this.#exit();
      },
      heapUsed: () => this.heap(),
      captureOutput: () => undefined,
      stack: () => this.stack(),
      profile: () => assert.fail('not asked for'),
    };
    const region = {} as never;
    this.worker = new HostedWorker({
      main: new MainThread('te', this.clock, (_name, error) => assert.fail(error)),
      env: { clock: this.clock, log },
      worker: handle,
      preparation: {
        heapBudgetBytes: 100,
        job: { jobId: 'j', moduleUrl: 'file:///job.ts' },
        location: { taskExecutorId: 'te', slot: 2, generation: 3, host: 'h' },
      } as SlotPreparation,
      ...{ output: undefined, moduleUrl: 'file:///job.ts', lease: region, doorbells: region },
      ...{
        cancellationTimeout: milliseconds(cancellationTimeout),
        terminationTimeout: milliseconds(1000),
      },
      onMessage: (message) => {
        if (message.kind === 'metrics') this.told.push(message.tasks);
      },
      onGone: (error) => (this.gone = error),
      onStuck: (error) => assert.fail(error),
    });
    this.say({ kind: 'prepared', dataPort: 0 });
  }

  deploy(): this {
    this.worker.deploy([task('source', 'numbers'), task('sink', undefined)]);
    return this;
  }

  say(message: FromSlot): void {
    this.#deliver(encodeSlotMessage(message));
  }

  /** Tells its metrics every second. */
  async works(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.clock.pass(1000);
      this.say({ kind: 'metrics', tasks: [counted('source', 500), counted('sink', 10)] });
    }
  }

  ends(vertex: string): void {
    const executionId = `${vertex}/0/3`;
    this.say({
      ...{ kind: 'task-state', executionId, state: 'FINISHED' },
      ...{ error: undefined, accumulators: [] },
    });
  }
}

function task(vertex: string, name: string | undefined): TaskDeployment {
  const which = { executionId: `${vertex}/0/3`, vertex, name, subtask: 0, attempt: 3 };
  const wiring = { inputs: [], outputs: [], restore: undefined };
  return { ...which, parallelism: 1, maxParallelism: 1, ...wiring };
}

function counted(vertex: string, busyMillis: number): TaskMetrics {
  return {
    ...{ executionId: `${vertex}/0/3`, vertex, subtask: 0, busyMillis, recordsIn: 7 },
    ...{ recordsOut: 7, bytesIn: 0, bytesOut: 0, idleMillis: 90, backPressuredMillis: 0 },
    ...{ watermark: 5, waitsFor: undefined, needsEventTime: true, lateRecordsDropped: 0 },
    exchange: NO_EXCHANGE,
  };
}

test('S3: a slot whose first record does not come back is told as busy all the time', async () => {
  const { clock, told } = new Rig().deploy();
  await clock.pass(2000);
  assert.equal(told.length, 0);
  await clock.pass(3000);
  assert.deepEqual(
    told.map((tasks) => tasks.map(({ vertex, busyMillis }) => [vertex, busyMillis])),
    [3000, 4000, 5000].map((busy) => [
      ['source', busy],
      ['sink', busy],
    ]),
  );
  const [first] = told[0]!;
  assert.deepEqual([first!.recordsIn, first!.idleMillis, first!.waitsFor?.kind], [0, 0, 'records']);
});

test('S3: what a silent task told last stays, and only its busy time grows', async () => {
  const rig = new Rig().deploy();
  await rig.works(20);
  assert.deepEqual([rig.told.length, rig.logged], [20, []]);
  await rig.clock.pass(4000);
  assert.deepEqual(rig.told.slice(20), [
    [counted('source', 3500), counted('sink', 3010)],
    [counted('source', 4500), counted('sink', 4010)],
  ]);
});

test('the log names a silent slot after 10 s, rarely again, and says when it goes on', async () => {
  const rig = new Rig().deploy();
  await rig.works(5);
  await rig.clock.pass(9000);
  assert.deepEqual(rig.logged, []);
  await rig.clock.pass(1000);
  assert.deepEqual(rig.logged, [
    'warn The code of one of "numbers (1/1)", "sink (1/1)" has not come back for 10 s: it holds ' +
      'up all tasks of slot 2 of job j {"jobId":"j","slot":2,"since":"1970-01-01T00:00:05.000Z"}',
  ]);
  await rig.clock.pass(200_000);
  assert.equal(rig.logged.length, 2);
  assert.match(rig.logged[1]!, /for 60 s/);
  await rig.works(1);
  assert.match(rig.logged[2]!, /^info Slot 2 goes on: user code came back after 211 s/);
  await rig.works(1);
  await rig.clock.pass(10_000);
  assert.equal(rig.logged.length, 4);
  assert.match(rig.logged.at(-1)!, /for 10 s/);
});

test('S1: a slot without tasks is not called silent, and one that is stopped neither', async () => {
  const idle = new Rig();
  await idle.clock.pass(60_000);
  idle.deploy();
  idle.ends('source');
  await idle.clock.pass(2000);
  idle.ends('sink');
  await idle.clock.pass(60_000);
  const stopped = new Rig().deploy();
  stopped.worker.stop();
  await stopped.clock.pass(60_000);
  for (const { told, logged } of [idle, stopped]) assert.deepEqual([told, logged], [[], []]);
});

test('S2: after the whole process stood still no slot is blamed', async () => {
  const rig = new Rig().deploy();
  await rig.works(5);
  rig.clock.stopFor(3_600_000);
  await rig.clock.pass(500);
  await rig.works(5);
  assert.deepEqual([rig.told.length, rig.logged], [10, []]);
});

test('who asks a silent slot for its metrics hears at once that its tasks are busy', async () => {
  const rig = new Rig().deploy();
  const gauge = (name: string, value: number | string): MetricValue => ({
    ...{ kind: 'gauge', name, value },
  });
  const scope = { kind: 'task', host: 'h', taskManagerId: 'te', jobId: 'j' } as const;
  const of = { jobName: 'n', vertexId: 'source', taskName: 't', subtask: 0, attempt: 0 };
  const values = (busy: number, idle: number): MetricValue[] => [
    gauge('busyTimeMsPerSecond', busy),
    gauge('idleTimeMsPerSecond', idle),
    gauge('numRecordsInPerSecond', idle),
    { kind: 'counter', name: 'numRecordsIn', value: 7 },
  ];
  const answer = rig.worker.requestMetrics(milliseconds(1000));
  const scopes = [{ scope: { ...scope, ...of }, metrics: values(100, 900) }];
  rig.say({ kind: 'metrics-answer', scopes, networkBytes: 0 });
  assert.deepEqual(await answer, scopes);
  await rig.clock.pass(3000);
  const now = await rig.worker.requestMetrics(milliseconds(1000));
  assert.deepEqual(now, [{ scope: { ...scope, ...of }, metrics: values(1000, 0) }]);
});

const CANCELLATION = 180_000;

test('S4: a slot that is silent when it is stopped is ended after a second, not three minutes', async () => {
  const rig = new Rig(CANCELLATION).deploy();
  await rig.clock.pass(30_000);
  const [told, logged] = [rig.told.length, rig.logged.length];
  rig.worker.stop();
  await rig.clock.pass(900);
  assert.equal(rig.terminations, 0);
  await rig.clock.pass(1200);
  assert.deepEqual([rig.terminations, rig.told.length, rig.logged.length], [1, told, logged]);
});

test('S4: so is one that falls silent while it is stopped', async () => {
  const rig = new Rig(CANCELLATION).deploy();
  await rig.works(5);
  rig.worker.stop();
  await rig.works(5);
  await rig.clock.pass(4000);
  assert.equal(rig.terminations, 0);
  await rig.clock.pass(1500);
  assert.equal(rig.terminations, 1);
});

test('S4: a slot that still speaks has task.cancellation.timeout to end its tasks', async () => {
  const rig = new Rig(CANCELLATION).deploy();
  await rig.clock.pass(30_000);
  rig.worker.stop();
  await rig.works(170);
  assert.equal(rig.terminations, 0);
  await rig.works(12);
  assert.equal(rig.terminations, 1);
});

test('S4: with a time-out of 0 a stopped slot is waited for, however silent', async () => {
  const rig = new Rig(0).deploy();
  await rig.clock.pass(30_000);
  rig.worker.stop();
  await rig.clock.pass(600_000);
  assert.equal(rig.terminations, 0);
});

const never = (): Promise<number | undefined> =>
  Promise.withResolvers<number | undefined>().promise;

test('a thread over its budget that does not answer for 5 s is out of memory', async () => {
  const rig = new Rig().deploy();
  rig.heap = () => Promise.resolve(120);
  await rig.clock.pass(250);
  rig.heap = never;
  await rig.clock.pass(4500);
  assert.equal(rig.terminations, 0);
  await rig.clock.pass(1000);
  assert.deepEqual([rig.gone?.code, rig.terminations], ['SLOT_OUT_OF_MEMORY', 1]);
});

test('one that was under its budget may take its time, and one that answers late may as well', async () => {
  const busy = new Rig().deploy();
  busy.heap = () => Promise.resolve(95);
  await busy.clock.pass(250);
  busy.heap = never;
  await busy.clock.pass(120_000);
  const late = new Rig().deploy();
  late.heap = () =>
    new Promise((resolve) => void late.clock.after(milliseconds(4000), () => resolve(120)));
  await late.clock.pass(60_000);
  for (const { gone, terminations } of [busy, late]) {
    assert.deepEqual([gone, terminations], [undefined, 0]);
  }
});

test('a description of a thread that does not answer says so after 2 s', async () => {
  const rig = new Rig().deploy();
  await rig.clock.pass(50);
  const name = 'slot 2 of job j';
  const rest = '\theap used: 1 bytes\n\ttask source/0/3\n\ttask sink/0/3\n';
  const works = { name, info: `"${name}" RUNNABLE\n\tat f (job.ts:1:2)\n${rest}` };
  assert.deepEqual(await rig.worker.describeThread(), works);
  rig.stack = () => Promise.resolve([]);
  const waits = { name, info: `"${name}" WAITING\n\twaits in its event loop\n${rest}` };
  assert.deepEqual(await rig.worker.describeThread(), waits);
  rig.stack = () =>
    Promise.reject(new EngineError('PROFILER_UNAVAILABLE', { place: 'V8', reason: 'no' }));
  assert.match((await rig.worker.describeThread()).info, /its stack is not known: .*: no\./);
  rig.heap = never;
  const silent = rig.worker.describeThread();
  await rig.clock.pass(2000);
  assert.match(
    (await silent).info,
    /"slot 2 of job j" RUNNABLE\n\tdoes not answer within 2000 ms[^]*sink/,
  );
});
