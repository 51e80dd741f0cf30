/** Who may join two slots, and who may not: other jobs, generations, places, and strangers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import { seconds } from '../../base/units.ts';
import type { Connection } from '../../env/env.ts';
import { ConnectionLink } from '../../network/connection-link.ts';
import { dial } from '../../rpc/dial.ts';
import { RpcService } from '../../rpc/rpc-service.ts';
import { testEnv } from '../../rpc/test-env.test-kit.ts';
import { DataPort, nameOf } from './data-port.ts';
import type { DataPortOptions, Place } from './data-port.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => i);
const CONSUMER: Place = { taskExecutorId: 'tm-1', slot: 0, generation: 3 };
const PRODUCER: Place = { taskExecutorId: 'tm-2', slot: 1, generation: 3 };

class Rig {
  readonly env = testEnv();
  readonly clock = this.env.clock;
  readonly joined: { readonly name: string; readonly connection: Connection }[] = [];
  /** Bytes and frames that reached links of the producer. */
  received = 0;
  dataPort = 0;

  port(place: Place, more: Partial<DataPortOptions> = {}): DataPort {
    return new DataPort({
      ...{ env: this.env, jobId: 'job-1', key: KEY, place },
      isJoined: (peer) => this.joined.some(({ name }) => name === nameOf(peer)),
      joined: (peer, connection) => this.#join(peer, connection),
      ...more,
    });
  }

  async start(more: Partial<DataPortOptions> = {}): Promise<this> {
    this.dataPort = await this.now(this.port(PRODUCER, more).listen({ host: 'two', port: 0 }));
    return this;
  }

  connect(from: DataPort, to: Place = PRODUCER): Promise<Connection> {
    const { dataPort } = this;
    return this.now(from.connect({ ...to, host: 'two', dataPort }).then((made) => idle(made)));
  }

  async refused(from: DataPort, reason: RegExp, to: Place = PRODUCER): Promise<void> {
    const error: unknown = await this.connect(from, to).then(
      () => assert.fail('was let in'),
      (thrown: unknown) => thrown,
    );
    assert.ok(isEngineError(error), String(error));
    assert.match(error.message, reason);
    assert.deepEqual(this.joined, []);
  }

  async now<T>(promise: Promise<T>): Promise<T> {
    promise.catch(() => undefined);
    await this.clock.pass();
    return promise;
  }

  #join(peer: Place, connection: Connection): void {
    const link = new ConnectionLink(connection, () => {
      this.received += link.poll({ frame: () => undefined }, 100);
    });
    this.joined.push({ name: nameOf(peer), connection });
  }
}

function idle(connection: Connection): Connection {
  connection.start({ data: () => undefined, drained: () => undefined, closed: () => undefined });
  return connection;
}

test('K1: slots of a job and a generation meet, and frames come through from the first on', async () => {
  const rig = await new Rig().start();
  const connecting = rig
    .port(CONSUMER)
    .connect({ ...PRODUCER, host: 'two', dataPort: rig.dataPort });
  const sent = connecting.then((connection) => {
    const link = new ConnectionLink(connection, () => undefined);
    for (let i = 0; i < 5; i++) link.send(1, i, Uint8Array.of(i), 'data');
    link.flush();
  });
  await rig.now(sent);
  await rig.clock.pass();
  assert.deepEqual(
    rig.joined.map(({ name }) => name),
    ['tm-1/0#3'],
  );
  assert.equal(rig.received, 5);
});

test('K1: a slot of another job does not get in, even where it knows the place', async () => {
  const rig = await new Rig().start();
  const key = KEY.map((byte) => byte ^ 1);
  await rig.refused(rig.port(CONSUMER, { jobId: 'job-2', key }), /its secret is another one/);
  await rig.refused(rig.port(CONSUMER, { key }), /its secret is another one/);
  await rig.refused(rig.port(CONSUMER, { jobId: 'job-2' }), /it is for job job-2, this slot for/);
});

test('K1: a slot of an earlier or later generation does not get in', async () => {
  const rig = await new Rig().start();
  for (const generation of [2, 4]) {
    await rig.refused(
      rig.port({ ...CONSUMER, generation }),
      RegExp(`it is of generation ${generation}, this slot of 3`),
    );
    await rig.refused(rig.port(CONSUMER), /it is for tm-2\/1#\d, this is tm-2\/1#3/, {
      ...PRODUCER,
      generation,
    });
  }
});

test('K1: whoever wants another slot is not joined to this one', async () => {
  const rig = await new Rig().start();
  await rig.refused(rig.port(CONSUMER), /it is for tm-2\/0#3/, { ...PRODUCER, slot: 0 });
  await rig.refused(rig.port(CONSUMER), /it is for tm-9\/1#3/, {
    ...PRODUCER,
    taskExecutorId: 'tm-9',
  });
});

test('K1: who does not say which slots are to be joined is refused, key or not', async () => {
  const rig = await new Rig().start();
  for (const context of [new Uint8Array(0), Uint8Array.of(1, 2, 3), new Uint8Array(500)]) {
    const dialling = dial({
      ...{ env: rig.env, host: 'two', port: rig.dataPort, context, key: KEY, name: 'x' },
      ...{ purpose: 'data', versions: { least: 1, greatest: 1 } },
      ...{ meetings: new Set(), isClosed: () => false },
    });
    await assert.rejects(rig.now(dialling), /it does not say which slots it is to join/);
  }
});

test('K1: neither the cluster secret nor a call opens a data port, nor a slot the port of calls', async () => {
  const rig = await new Rig().start();
  const secret = KEY.map((byte) => byte ^ 7);
  const rpc = new RpcService({ env: rig.env, name: 'jobmanager', secret });
  await assert.rejects(
    rig.now(rpc.connect(`two:${rig.dataPort}`)),
    /that port is for something else/,
  );
  const address = await rig.now(rpc.listen('one', 0));
  const calls = { ...PRODUCER, host: 'one', dataPort: Number(address.split(':')[1]) };
  const dialling = rig.port(CONSUMER, { key: secret }).connect(calls);
  await assert.rejects(rig.now(dialling), /that port is for something else/);
});

test('K2: a pair is joined once', async () => {
  const rig = await new Rig().start();
  await rig.connect(rig.port(CONSUMER));
  await assert.rejects(rig.connect(rig.port(CONSUMER)), /tm-1\/0#3 is joined already/);
  await rig.connect(rig.port({ ...CONSUMER, slot: 1 }));
  assert.equal(rig.joined.length, 2);
});

test('bytes of strangers never reach a link', async () => {
  const rig = await new Rig().start();
  const frames = [
    // A frame of the exchange without a handshake: length and kind, channel, payload.
    Uint8Array.of(4, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4),
    Uint8Array.of(0xff, 0xff, 0xff, 0x7f),
    new TextEncoder().encode('GET /taskmanagers HTTP/1.1\r\n\r\n'),
    new Uint8Array(100_000),
  ];
  for (const bytes of frames) {
    let isClosed = false;
    await rig.now(
      rig.env.network.connect('two', rig.dataPort).then((connection) => {
        connection.start({
          data: () => assert.fail('was answered'),
          drained: () => undefined,
          closed: () => (isClosed = true),
        });
        connection.send(bytes);
      }),
    );
    await rig.clock.pass(seconds(10));
    assert.ok(isClosed);
  }
  assert.deepEqual(rig.joined, []);
  assert.equal(rig.received, 0);
});
