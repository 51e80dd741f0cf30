/** Strangers at the port of an RpcService: what they send, do not send, and send again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Connection, Log } from '../env/env.ts';
import { ask, service } from '../protocol/service.ts';
import { t } from '../types/index.ts';
import { MainThread } from './main-thread.ts';
import { PENDING_MAX } from './reception.ts';
import { RpcService } from './rpc-service.ts';
import type { RpcServiceOptions } from './rpc-service.ts';
import { testEnv } from './test-env.test-kit.ts';

const SECRET = new TextEncoder().encode('a secret of the cluster, 32 long');
const Text = t.struct({ text: t.string });
const echoService = service('echo', { echo: ask(Text, Text) });

class Rig {
  readonly lines: { readonly message: string; readonly fields: object | undefined }[] = [];
  readonly env = testEnv(this.#log());
  readonly clock = this.env.clock;
  readonly server: RpcService;
  calls = 0;
  address = '';

  constructor(options: Partial<RpcServiceOptions> = {}) {
    this.server = new RpcService({ env: this.env, name: 'server', secret: SECRET, ...options });
    this.server.register({
      name: 'echo/1',
      service: echoService,
      main: new MainThread('echo', this.clock, () => assert.fail()),
      fence: () => true,
      handlers: {
        echo: (request) => {
          this.calls += 1;
          return request;
        },
      },
    });
  }

  async start(): Promise<this> {
    this.address = await this.now(this.server.listen('here', 0));
    return this;
  }

  client(secret: Uint8Array | undefined = SECRET, name = 'client'): RpcService {
    return new RpcService({ env: this.env, name, secret });
  }

  async echo(client: RpcService = this.client()): Promise<string> {
    const connection = await this.now(client.connect(this.address));
    const gateway = connection.gateway(echoService, 'echo/1', '');
    const { text } = await this.now(gateway.echo({ text: 'hi' }));
    connection.close();
    return text;
  }

  async now<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    await this.clock.pass();
    return promise;
  }

  async refusal(promise: Promise<unknown>, code: ErrorCode): Promise<string> {
    const error: unknown = await this.now(promise).then(
      () => assert.fail(`expected ${code}`),
      (thrown: unknown) => thrown,
    );
    assert.ok(isEngineError(error, code), String(error));
    return error.message;
  }

  async stranger(): Promise<Stranger> {
    const port = Number(this.address.split(':')[1]);
    return this.now(this.env.network.connect('here', port).then((made) => new Stranger(made)));
  }

  #log(): Log {
    const log: Log = {
      write: (_level, message, fields) => void this.lines.push({ message, fields }),
      with: () => log,
    };
    return log;
  }
}

class Stranger {
  readonly connection: Connection;
  received = 0;
  isClosed = false;

  /** In the turn in which the connection was handed over. */
  constructor(connection: Connection) {
    this.connection = connection;
    connection.start({
      data: (bytes) => (this.received += bytes.length),
      drained: () => undefined,
      closed: () => (this.isClosed = true),
    });
  }
}

const HOSTILE: Readonly<Record<string, readonly number[]>> = {
  'a frame of 4 GB': [0xff, 0xff, 0xff, 0xff],
  'a frame of 4 KiB and one': [0x01, 0x10, 0x00, 0x00],
  'another protocol': [...new TextEncoder().encode('GET / HTTP/1.1\r\nHost: here\r\n\r\n')],
  TLS: [0x16, 0x03, 0x01, 0x00, 0xc8, 0x01, 0x00, 0x00, 0xc4, 0x03, 0x03],
  'a request without a handshake': [
    ...[0x0f, 0x00, 0x00, 0x00, 0x01, 0x01, 0x0c],
    ...new TextEncoder().encode('echo/1'),
    ...[0x08, 0x65, 0x63, 0x68, 0x6f, 0x00],
  ],
  'another magic': [0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00],
  'a hello cut off': [0x07, 0x00, 0x00, 0x00, 0x00, 0x43, 0x52, 0x4c, 0x4d, 0x01, 0x01],
  'a proof out of turn': [33, 0, 0, 0, 2, ...Array.from({ length: 32 }, () => 7)],
  'a welcome to itself': [1, 0, 0, 0, 3],
  'an empty frame': [0x00, 0x00, 0x00, 0x00],
};

for (const [what, bytes] of Object.entries(HOSTILE)) {
  test(`C3: ${what} closes the connection and nothing else`, async () => {
    const rig = await new Rig().start();
    const stranger = await rig.stranger();
    stranger.connection.send(Uint8Array.from(bytes));
    await rig.clock.pass();
    assert.ok(stranger.isClosed);
    assert.equal(stranger.received, 0);
    assert.equal(rig.server.counters.broken, 1);
    assert.equal(rig.calls, 0);
    assert.equal(await rig.echo(), 'hi');
  });
}

test('C3: any bytes of strangers end in a closed connection or in silence, never in a call', async () => {
  const rig = await new Rig().start();
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), async (all) => {
      const stranger = await rig.stranger();
      for (const bytes of all) stranger.connection.send(bytes);
      await rig.clock.pass(seconds(11));
      assert.ok(stranger.isClosed);
      assert.equal(stranger.received, 0);
    }),
    { seed: 5, numRuns: 200 },
  );
  assert.equal(rig.calls, 0);
  assert.equal(rig.server.connectionCount, 0);
  assert.equal(await rig.echo(), 'hi');
});

test('C3: who says nothing, or says it byte by byte, is sent away after ten seconds', async () => {
  const rig = await new Rig().start();
  const [silent, slow] = [await rig.stranger(), await rig.stranger()];
  for (let at = 0; at < 10; at++) {
    slow.connection.send(Uint8Array.of(at === 0 ? 60 : 0));
    await rig.clock.pass(milliseconds(999));
  }
  assert.deepEqual([silent.isClosed, slow.isClosed], [false, false]);
  await rig.clock.pass(seconds(1));
  assert.deepEqual([silent.isClosed, slow.isClosed], [true, true]);
  assert.equal(rig.clock.armed, 0);
});

test('a process without the secret, or with another one, reaches nothing and is told why', async () => {
  const rig = await new Rig().start();
  const without = new RpcService({ env: rig.env, name: 'taskmanager-9' });
  assert.match(
    await rig.refusal(without.connect(rig.address), 'RPC_SECRET_MISMATCH'),
    /here:\d+ .*everybody has to authenticate himself, and this process has no secret/,
  );
  const other = rig.client(SECRET.map((byte) => byte ^ 1));
  assert.match(
    await rig.refusal(other.connect(rig.address), 'RPC_SECRET_MISMATCH'),
    /its secret is another one/,
  );
  assert.equal(rig.calls, 0);
  assert.equal(rig.server.connectionCount, 0);
  assert.match(rig.lines[0]!.message, /refused a connection: .*did not authenticate itself/);
  await rig.clock.pass(seconds(1));
  assert.equal(rig.clock.armed, 0, 'nothing is left of them');
});

test('a process with a secret does not talk to one without', async () => {
  const rig = await new Rig({ secret: undefined }).start();
  assert.match(
    await rig.refusal(rig.client().connect(rig.address), 'RPC_SECRET_MISMATCH'),
    /was given no secret/,
  );
  const plain = new RpcService({ env: rig.env, name: 'client' });
  assert.equal(await rig.echo(plain), 'hi');
});

test('nothing but the handshake is sent to a server that has not shown the secret', async () => {
  const rig = new Rig();
  let received = 0;
  const fake = rig.env.network.listen('fake', 1, (connection) =>
    connection.start({
      data: (bytes) => (received += bytes.length),
      drained: () => undefined,
      closed: () => undefined,
    }),
  );
  await rig.now(fake);
  const connecting = rig.client().connect('fake:1');
  connecting.catch(() => undefined);
  await rig.clock.pass(seconds(10));
  assert.match(await rig.refusal(connecting, 'RPC_PROTOCOL'), /no handshake within 10 s/);
  assert.ok(received > 40 && received < 120, `a hello, ${received} bytes`);
});

test('who listens but never answers is given up', async () => {
  const rig = new Rig();
  const network = { ...rig.env.network, connect: () => new Promise<never>(() => undefined) };
  const client = new RpcService({ env: { ...rig.env, network }, name: 'client' });
  const connecting = client.connect('10.1.2.3:4');
  connecting.catch(() => undefined);
  await rig.clock.pass(seconds(10));
  assert.match(await rig.refusal(connecting, 'NETWORK_FAILED'), /10\.1\.2\.3:4: no answer in 10 s/);
});

test('V1: strangers that say nothing keep nobody out: the oldest of them go', async () => {
  const rig = await new Rig().start();
  const strangers: Stranger[] = [];
  for (let i = 0; i < PENDING_MAX + 50; i++) strangers.push(await rig.stranger());
  assert.equal(await rig.echo(), 'hi');
  await rig.clock.pass();
  const gone = strangers.filter(({ isClosed }) => isClosed).length;
  assert.equal(gone, 51);
  assert.ok(
    strangers.slice(0, 51).every(({ isClosed }) => isClosed),
    'the oldest',
  );
  await rig.now(rig.server.close());
  assert.ok(strangers.every(({ isClosed }) => isClosed));
  assert.equal(rig.clock.armed, 0);
});

test('V2: connections are limited, and one that ends makes room', async () => {
  const rig = await new Rig({ connectionsMax: 3 }).start();
  const client = rig.client();
  const open = [];
  for (let i = 0; i < 3; i++) open.push(await rig.now(client.connect(rig.address)));
  await rig.refusal(client.connect(rig.address), 'RPC_UNREACHABLE');
  assert.match(rig.lines.at(-1)!.message, /there are 3 connections already, which is the limit/);
  open[0]!.close();
  await rig.clock.pass();
  assert.equal(await rig.echo(client), 'hi');
});

test('V3: a flood of strangers does not flood the log', async () => {
  const rig = await new Rig().start();
  for (let i = 0; i < 300; i++) {
    const stranger = await rig.stranger();
    stranger.connection.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    await rig.clock.pass(milliseconds(10));
  }
  assert.equal(rig.lines.length, 3);
  assert.deepEqual(
    { ...rig.lines[1]!.fields, from: '' },
    { from: '', to: 'server', purpose: 'rpc', others: 99 },
  );
  assert.equal(rig.server.counters.broken, 300);
});

test('a secret that could be guessed is refused', () => {
  const { env } = new Rig();
  const secret = new Uint8Array(15);
  assert.throws(() => new RpcService({ env, name: 'x', secret }), /less than 16 bytes/);
});

test('the secret is in no line of the log and in no error', async () => {
  const rig = await new Rig().start();
  const other = rig.client(SECRET.map((byte) => byte ^ 1));
  const message = await rig.refusal(other.connect(rig.address), 'RPC_SECRET_MISMATCH');
  const said = JSON.stringify([message, rig.lines]);
  for (const form of ['utf8', 'hex', 'base64'] as const) {
    assert.ok(!said.includes(Buffer.from(SECRET).toString(form).slice(0, 12)));
  }
});
