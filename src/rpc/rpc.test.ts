import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Connection, Network } from '../env/env.ts';
import { ask, service, tell } from '../protocol/service.ts';
import { t } from '../types/index.ts';
import { FRAME_LIMIT_BYTES } from './frame.ts';
import { MainThread } from './main-thread.ts';
import { ManualClock } from './manual-clock.test-kit.ts';
import type { RpcConnection } from './rpc-connection.ts';
import type { Caller, RpcEndpoint } from './rpc-endpoint.ts';
import { RpcService } from './rpc-service.ts';
import { testEnv } from './test-env.test-kit.ts';

const Text = t.struct({ text: t.string });
const Empty = t.struct({});

const echoService = service('echo', {
  identify: ask(Empty, t.struct({ token: t.string }), { unfenced: true }),
  echo: ask(Text, Text),
  fail: ask(Text, Empty),
  crash: ask(Empty, Empty),
  hang: ask(Empty, Empty),
  slow: ask(Empty, Empty, { timeout: 'never' }),
  note: tell(Text),
  bytes: ask(t.struct({ bytes: t.bytes }), Empty),
  callBack: ask(Text, Text),
});

class Rig {
  readonly env = testEnv();
  readonly clock = this.env.clock;
  readonly network = this.env.network;
  readonly server = this.rpc('server');
  readonly client = this.rpc('client');
  readonly notes: string[] = [];
  readonly fatal: EngineError[] = [];
  readonly main = new MainThread('echo', this.clock, (_component, error) => this.fatal.push(error));
  token = 'now';
  endpoint!: RpcEndpoint;
  connection!: RpcConnection;
  hanging: { caller: Caller; resolve: (value: {}) => void }[] = [];

  rpc(name: string): RpcService {
    return new RpcService({ env: this.env, name });
  }

  async start(): Promise<this> {
    this.endpoint = this.server.register({
      name: 'echo/1',
      service: echoService,
      main: this.main,
      fence: (token) => token === this.token,
      handlers: {
        identify: () => ({ token: this.token }),
        echo: (request) => {
          this.main.assertInside();
          return request;
        },
        fail: ({ text }) => {
          throw new EngineError(
            'JOB_NOT_FOUND',
            { jobId: text },
            { cause: new EngineError('INTERNAL', { message: 'inner' }) },
          );
        },
        crash: () => {
          throw new TypeError('bug');
        },
        hang: (_request, caller) =>
          new Promise((resolve) => this.hanging.push({ caller, resolve })),
        slow: (_request, caller) =>
          new Promise((resolve) => this.hanging.push({ caller, resolve })),
        note: ({ text }) => void this.notes.push(text),
        bytes: () => ({}),
        callBack: (request, caller) =>
          caller.connection.gateway(echoService, 'echo/2', 'x').echo(request),
      },
    });
    const address = await this.now(this.server.listen('here', 0));
    this.connection = await this.now(this.client.connect(address));
    return this;
  }

  /** The value of a promise that needs no time. */
  async now<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    await this.clock.pass();
    return promise;
  }

  async code(promise: Promise<unknown>, code: ErrorCode): Promise<EngineError> {
    try {
      await this.now(promise);
    } catch (error) {
      assert.ok(isEngineError(error), String(error));
      assert.equal(error.code, code, error.message);
      return error;
    }
    return assert.fail(`expected ${code}`);
  }

  gateway(token = 'now') {
    return this.connection.gateway(echoService, 'echo/1', token);
  }
}

test('an ask is answered, a tell arrives, in order', async () => {
  const rig = await new Rig().start();
  const gateway = rig.gateway();
  gateway.note({ text: 'a' });
  const answer = gateway.echo({ text: 'ä\ud800' });
  gateway.note({ text: 'b' });
  assert.deepEqual(await rig.now(answer), { text: 'ä\ud800' });
  assert.deepEqual(rig.notes, ['a', 'b']);
});

test('errors cross with code, parameters and cause', async () => {
  const rig = await new Rig().start();
  const error = await rig.code(rig.gateway().fail({ text: 'j1' }), 'JOB_NOT_FOUND');
  assert.equal(error.parameters['jobId'], 'j1');
  assert.ok(isEngineError(error.cause, 'INTERNAL'));
  assert.deepEqual(rig.fatal, []);
});

test('E1: a stale token is refused and counted, unfenced methods are not', async () => {
  const rig = await new Rig().start();
  const old = rig.gateway();
  rig.token = 'later';
  await rig.code(old.echo({ text: 'a' }), 'RPC_FENCED');
  old.note({ text: 'never' });
  assert.deepEqual(await rig.now(old.identify({})), { token: 'later' });
  assert.deepEqual(rig.notes, []);
  assert.equal(rig.server.fenced, 2);
});

test('an error that is no EngineError is fatal for the endpoint, and its caller hears of it', async () => {
  const rig = await new Rig().start();
  await rig.code(rig.gateway().crash({}), 'INTERNAL');
  assert.deepEqual(
    rig.fatal.map((error) => error.message),
    ['Internal error: bug'],
  );
  await rig.code(rig.gateway().echo({ text: 'a' }), 'RPC_ENDPOINT_CLOSED');
});

test('C1: a call times out, and its late answer is ignored and counted', async () => {
  const rig = await new Rig().start();
  const hanging = rig.gateway().hang({});
  hanging.catch(() => undefined);
  await rig.clock.pass(seconds(9));
  await rig.clock.pass(seconds(1));
  await rig.code(hanging, 'RPC_TIMEOUT');
  rig.hanging[0]!.resolve({});
  await rig.clock.pass();
  assert.deepEqual({ ...rig.client.counters }, { timedOut: 1, late: 1, broken: 0 });
  assert.equal((await rig.now(rig.gateway().echo({ text: 'on' }))).text, 'on');
});

test('a method may wait for ever', async () => {
  const rig = await new Rig().start();
  const slow = rig.gateway().slow({});
  await rig.clock.pass(seconds(1e6));
  rig.hanging[0]!.resolve({});
  assert.deepEqual(await rig.now(slow), {});
});

test('C2: loss of the connection fails what is pending at once, on both sides', async () => {
  const rig = await new Rig().start();
  const pending = rig.gateway().hang({});
  pending.catch(() => undefined);
  await rig.clock.pass();
  const reasons: string[] = [];
  rig.connection.onClosed((reason) => reasons.push(reason.code));
  rig.hanging[0]!.caller.connection.onClosed((reason) => reasons.push(reason.code));
  await rig.now(rig.server.close());
  await rig.code(pending, 'RPC_UNREACHABLE');
  await rig.code(rig.gateway().echo({ text: 'a' }), 'RPC_UNREACHABLE');
  assert.deepEqual(reasons, ['RPC_UNREACHABLE', 'RPC_UNREACHABLE']);
  rig.connection.onClosed((reason) => reasons.push(reason.code));
  assert.equal(reasons.length, 3);
});

test('nothing is left after both sides have closed', async () => {
  const rig = await new Rig().start();
  rig
    .gateway()
    .hang({})
    .catch(() => undefined);
  await rig.clock.pass();
  await rig.now(rig.client.close());
  await rig.now(rig.server.close());
  assert.deepEqual(
    [rig.client.connectionCount, rig.server.connectionCount, rig.clock.armed],
    [0, 0, 0],
  );
});

test('whoever is called can call back on the same connection', async () => {
  const rig = await new Rig().start();
  const main = new MainThread('two', rig.clock, () => assert.fail());
  const handlers = { echo: ({ text }: { text: string }) => ({ text: `${text}!` }) };
  rig.client.register({
    name: 'echo/2',
    service: echoService,
    main,
    fence: (token) => token === 'x',
    handlers: handlers as never,
  });
  assert.deepEqual(await rig.now(rig.gateway().callBack({ text: 'hi' })), { text: 'hi!' });
});

test('an unknown endpoint or method is an answer, not a break', async () => {
  const rig = await new Rig().start();
  const wrong = rig.connection.gateway(echoService, 'echo/9', 'now');
  await rig.code(wrong.echo({ text: 'a' }), 'RPC_NO_ENDPOINT');
  const other = service('other', { constructor: ask(Empty, Empty) });
  await rig.code(rig.connection.gateway(other, 'echo/1', 'now').constructor({}), 'RPC_NO_ENDPOINT');
});

test('a message over the limit is refused before it is sent', async () => {
  const rig = await new Rig().start();
  await rig.code(
    rig.gateway().bytes({ bytes: new Uint8Array(FRAME_LIMIT_BYTES) }),
    'RPC_FRAME_TOO_LARGE',
  );
  const most = new Uint8Array(FRAME_LIMIT_BYTES - 100);
  assert.deepEqual(await rig.now(rig.gateway().bytes({ bytes: most })), {});
});

test('frames arrive whole however the stream is cut', async () => {
  const rig = new Rig();
  const { network } = rig;
  const cut = (connection: Connection): Connection => ({
    remote: connection.remote,
    start: (handler) =>
      connection.start({
        ...{ drained: () => handler.drained(), closed: (reason) => handler.closed(reason) },
        data: (bytes) => {
          for (let at = 0; at < bytes.length; at += 3) handler.data(bytes.slice(at, at + 3));
        },
      }),
    send: (bytes) => connection.send(bytes),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  });
  const cutting: Network = {
    listen: (host, port, accept) =>
      network.listen(host, port, (connection) => accept(cut(connection))),
    connect: async (host, port) => cut(await network.connect(host, port)),
  };
  Object.assign(rig, {
    server: new RpcService({ env: { ...rig.env, network: cutting }, name: 's' }),
    client: new RpcService({ env: { ...rig.env, network: cutting }, name: 'c' }),
  });
  await rig.start();
  const texts = Array.from({ length: 20 }, (_, i) => 'x'.repeat(i * 7));
  const answers = texts.map((text) => rig.gateway().echo({ text }));
  await rig.clock.pass();
  assert.deepEqual(
    (await Promise.all(answers)).map(({ text }) => text),
    texts,
  );
});

// ------------------------------------------------------------------------------------ main thread

test('M1, M3: mails run one after another in order, also those given from inside', () => {
  const order: string[] = [];
  const main = new MainThread('m', new ManualClock(), () => assert.fail());
  main.run(() => {
    main.run(() => order.push('second'));
    order.push('first');
  });
  main.run(() => order.push('third'));
  assert.deepEqual(order, ['first', 'second', 'third']);
  assert.throws(() => main.assertInside(), /M1/);
});

test('M2: nothing runs after close, timers and promises included', async () => {
  const clock = new ManualClock();
  const main = new MainThread('m', clock, () => assert.fail());
  const late = (): void => assert.fail('ran after close');
  main.run(() => {
    main.after(milliseconds(5), late);
    main.follow(Promise.resolve(1), late, late);
    main.close();
    main.run(late);
  });
  main.run(late);
  await clock.pass(10);
  assert.equal(clock.armed, 0);
});

test('an error in a mail is fatal, once', () => {
  const fatal: string[] = [];
  const main = new MainThread('m', new ManualClock(), (component, error) =>
    fatal.push(`${component}: ${error.message}`),
  );
  main.run(() => {
    throw new Error('boom');
  });
  main.run(() => assert.fail());
  main.fatal(new Error('again'));
  assert.deepEqual(fatal, ['m: Internal error: boom']);
});
