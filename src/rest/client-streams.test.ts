// What reaches somebody who follows a job over HTTP, and what holds the job back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type { DispatcherService } from '../protocol/dispatcher-service.ts';
import {
  jobClientEndpoint,
  jobClientService,
  jobMasterService,
} from '../protocol/job-master-service.ts';
import type { JobMasterService } from '../protocol/job-master-service.ts';
import type { JobResult } from '../protocol/job-report.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers } from '../rpc/rpc-endpoint.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { ClientStreams } from './client-streams.ts';

const JOB = { moduleUrl: 'file:///x', exportName: undefined, parameters: {}, configuration: {} };
const RESULT: JobResult = {
  jobId: 'j',
  status: 'FINISHED',
  error: undefined,
  accumulators: [],
  runtimeMillis: 1,
};

/** A JobManager with one job that sends what the test says. */
class Rig {
  readonly env = testEnv();
  readonly master = new RpcService({ env: this.env, name: 'jobmanager' });
  readonly main = new MainThread('master', this.env.clock, () => assert.fail());
  readonly acknowledged: number[] = [];
  readonly result = Promise.withResolvers<JobResult>();
  /** Of the client that is attached. */
  client: RpcConnection | undefined;
  location = { jobId: 'j', address: '', endpoint: 'jobmaster/j', token: 'token' };
  known = true;
  streams!: ClientStreams;

  async start(): Promise<this> {
    this.#register();
    const address = await this.pass(this.master.listen('m', 0));
    const rpc = new RpcService({ env: this.env, name: 'rest' });
    this.streams = new ClientStreams({ env: this.env, rpc, address });
    return this;
  }

  /** Lets happen what happens now, and within `span`. */
  async pass<T>(promise: Promise<T>, span: number = 0): Promise<T> {
    promise.catch(() => undefined);
    await this.env.clock.pass(span);
    return promise;
  }

  submit(): Promise<void> {
    return this.pass(this.streams.submit({ job: { ...JOB, jobId: 'j' }, graph: undefined }));
  }

  async open(): Promise<AsyncIterator<Uint8Array>> {
    const lines = await this.pass(this.streams.open('j'));
    return lines[Symbol.asyncIterator]();
  }

  /** The next piece: the bytes of a message, an empty line, or undefined at the end. */
  async next(
    lines: AsyncIterator<Uint8Array>,
    span?: number,
  ): Promise<readonly number[] | '' | undefined> {
    const { done, value } = await this.pass(lines.next(), span);
    if (done === true) return undefined;
    const text = new TextDecoder().decode(value);
    assert.ok(text.endsWith('\n'));
    if (text === '\n') return '';
    const { operator, executionId, payload } = JSON.parse(text);
    assert.deepEqual([operator, executionId], ['op', 'v/0/1']);
    return [...Buffer.from(payload, 'base64')];
  }

  send(...bytes: readonly number[]): void {
    const gateway = this.client!.gateway(jobClientService, jobClientEndpoint('j'), 'token');
    for (const byte of bytes) {
      const payload = new Uint8Array([byte]);
      gateway.clientMessage({ executionId: 'v/0/1', operator: 'op', payload });
    }
  }

  #register(): void {
    const unused = (): never => assert.fail();
    const dispatcher = {
      identify: () => ({ token: 'd' }),
      submitJob: ({ attached }, { connection }) => {
        assert.ok(attached);
        this.client = connection;
        return this.location;
      },
      locateJob: ({ jobId }) => {
        if (!this.known) throw new EngineError('JOB_NOT_FOUND', { jobId });
        return this.location;
      },
      requestJobResult: ({ jobId }) => {
        if (jobId !== 'j') throw new EngineError('JOB_NOT_FOUND', { jobId });
        return this.result.promise;
      },
    } as Partial<Handlers<DispatcherService>>;
    const jobMaster = {
      attachClient: (_request, { connection }) => {
        this.client = connection;
        return {};
      },
      clientAcknowledge: ({ executionId, operator, bytes }) => {
        assert.deepEqual([executionId, operator], ['v/0/1', 'op']);
        this.acknowledged.push(bytes);
      },
    } as Partial<Handlers<JobMasterService>>;
    const others = { get: (of: object, name: string) => Reflect.get(of, name) ?? unused };
    this.master.register({
      ...{ name: DISPATCHER, service: dispatcherService, main: this.main },
      fence: (token) => token === 'd',
      handlers: new Proxy(dispatcher, others) as Handlers<DispatcherService>,
    });
    this.master.register({
      ...{ name: 'jobmaster/j', service: jobMasterService, main: this.main },
      fence: (token) => token === 'token',
      handlers: new Proxy(jobMaster, others) as Handlers<JobMasterService>,
    });
  }
}

test('W1: messages wait for a reader, and each is acknowledged when the next is asked for', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  rig.send(1, 2, 3);
  const lines = await rig.open();
  assert.deepEqual(rig.acknowledged, []);
  assert.deepEqual(await rig.next(lines), [1]);
  assert.deepEqual(rig.acknowledged, []);
  assert.deepEqual(await rig.next(lines), [2]);
  assert.deepEqual(rig.acknowledged, [1]);
  assert.deepEqual(await rig.next(lines), [3]);
  const next = rig.next(lines);
  await rig.env.clock.pass();
  assert.deepEqual(rig.acknowledged, [1, 1, 1]);
  rig.send(4);
  assert.deepEqual(await next, [4]);
});

test('W4: the lines end after the last message of a job that has ended', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  rig.send(1, 2);
  rig.result.resolve(RESULT);
  const lines = await rig.open();
  assert.deepEqual(await rig.next(lines), [1]);
  assert.deepEqual(await rig.next(lines), [2]);
  assert.equal(await rig.next(lines), undefined);
  assert.equal(rig.streams.count, 0);
  assert.equal(rig.env.clock.armed, 0);
});

test('an empty line now and then while there is nothing to say', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  const lines = await rig.open();
  assert.equal(await rig.next(lines, 10_000), '');
  rig.send(1);
  assert.deepEqual(await rig.next(lines), [1]);
});

test('W1, W3: what a lost reader was given last is given to the next, who may come later', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  const first = await rig.open();
  rig.send(1, 2);
  assert.deepEqual(await rig.next(first), [1]);
  await first.return!();
  await rig.env.clock.pass(20_000);
  assert.ok(!rig.client!.closed);
  const second = await rig.open();
  assert.deepEqual(await rig.next(second), [1]);
  assert.deepEqual(await rig.next(second), [2]);
  assert.deepEqual(rig.acknowledged, [1]);
});

test('W2: a new reader takes the place of an earlier one, with nothing lost', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  const first = await rig.open();
  rig.send(1);
  assert.deepEqual(await rig.next(first), [1]);
  const second = await rig.open();
  assert.equal(await rig.next(first), undefined);
  assert.deepEqual(await rig.next(second), [1]);
  const waiting = rig.next(second);
  await rig.env.clock.pass();
  const third = await rig.open();
  assert.equal(await waiting, undefined);
  rig.send(2);
  assert.deepEqual(await rig.next(third), [2]);
  assert.equal(rig.streams.count, 1);
});

test('W3: a job that nobody reads goes on without a client', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  await rig.env.clock.pass(29_999);
  assert.ok(!rig.client!.closed);
  await rig.env.clock.pass(1);
  assert.ok(rig.client!.closed);
  assert.equal(rig.streams.count, 0);
});

test('who comes to a job that runs gets what it sends from then on; after its end, nothing', async () => {
  const rig = await new Rig().start();
  const lines = await rig.open();
  rig.send(7);
  assert.deepEqual(await rig.next(lines), [7]);
  await lines.return!();
  rig.streams.close();
  await rig.env.clock.pass();
  assert.ok(rig.client!.closed);

  const late = await new Rig().start();
  late.known = false;
  late.result.resolve(RESULT);
  assert.equal(await late.next(await late.open()), undefined);
  await assert.rejects(late.pass(late.streams.open('k')), { code: 'JOB_NOT_FOUND' });
});

test('a lost JobManager breaks the lines off instead of ending them', async () => {
  const rig = await new Rig().start();
  await rig.submit();
  const lines = await rig.open();
  rig.send(1);
  assert.deepEqual(await rig.next(lines), [1]);
  const next = rig.next(lines);
  next.catch(() => undefined);
  rig.client!.close();
  await rig.env.clock.pass();
  await assert.rejects(next, { code: 'RPC_UNREACHABLE' });
  assert.equal(rig.streams.count, 0);
});
