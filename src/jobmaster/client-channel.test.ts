import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../env/env.ts';
import { jobClientEndpoint, jobClientService } from '../protocol/job-master-service.ts';
import type { ClientMessage } from '../protocol/job-master-service.ts';
import { ask, service } from '../protocol/service.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { t } from '../types/index.ts';
import { ClientChannel } from './client-channel.ts';

const Empty = t.struct({});
const greeter = service('greeter', { greet: ask(Empty, Empty) });

/** A channel in one process, and clients that come to it from another. */
async function rig() {
  const warnings: string[] = [];
  const log: Log = { write: (_level, message) => void warnings.push(message), with: () => log };
  const env = testEnv(log);
  const { clock } = env;
  const main = new MainThread('master', clock, () => assert.fail());
  const master = new RpcService({ env, name: 'master' });
  let caller: RpcConnection | undefined;
  const greet = (_request: {}, { connection }: { connection: RpcConnection }): {} => {
    caller = connection;
    return {};
  };
  const fence = (): boolean => true;
  master.register({ name: 'greeter', service: greeter, main, fence, handlers: { greet } });
  const listening = master.listen('m', 0);
  await clock.pass();
  const address = await listening;
  const acknowledged: string[] = [];
  const changes: boolean[] = [];
  const channel = new ClientChannel({
    ...{ jobId: 'j', main, log },
    acknowledge: (executionId, operator, bytes) =>
      acknowledged.push(`${executionId} ${operator} ${bytes}`),
    onChanged: (attached) => changes.push(attached),
  });
  const attach = async () => {
    const client = new RpcService({ env, name: 'client' });
    const received: number[] = [];
    client.register({
      ...{ name: jobClientEndpoint('j'), service: jobClientService, fence },
      main: new MainThread('client', clock, () => assert.fail()),
      handlers: { clientMessage: ({ payload }) => void received.push(payload[0]!) },
    });
    const connecting = client.connect(address);
    await clock.pass();
    const greeting = (await connecting).gateway(greeter, 'greeter', '').greet({});
    await clock.pass();
    await greeting;
    main.run(() => channel.attach(caller!, 'token'));
    const close = async (): Promise<void> => {
      const closing = client.close();
      await clock.pass();
      await closing;
    };
    return { received, close };
  };
  const deliver = (...firsts: readonly number[]): void =>
    main.run(() => firsts.forEach((first) => channel.deliver(message(first))));
  return { clock, main, channel, acknowledged, changes, warnings, attach, deliver };
}

function message(first: number): ClientMessage {
  return { executionId: 'v/0/1', operator: 'op', payload: new Uint8Array([first, 0, 0]) };
}

test('B1: without a client messages are acknowledged and counted, and the first is logged', async () => {
  const { channel, acknowledged, warnings, deliver } = await rig();
  deliver(1, 2);
  assert.deepEqual(acknowledged, ['v/0/1 op 3', 'v/0/1 op 3']);
  assert.deepEqual([channel.dropped, warnings.length], [2, 1]);
});

test('B2: messages reach the client in order, and its acknowledgements the sender', async () => {
  const { channel, main, clock, acknowledged, attach, deliver } = await rig();
  const client = await attach();
  deliver(1, 2, 3);
  await clock.pass();
  assert.deepEqual([client.received, acknowledged], [[1, 2, 3], []]);
  main.run(() => channel.acknowledged('v/0/1', 'op', 6));
  assert.deepEqual(acknowledged, ['v/0/1 op 6']);
});

test('B1: nobody acknowledges more than was sent', async () => {
  const { channel, main, acknowledged, attach, deliver } = await rig();
  await attach();
  deliver(1);
  main.run(() => {
    channel.acknowledged('v/0/1', 'op', 100);
    channel.acknowledged('v/0/1', 'op', 3);
    channel.acknowledged('v/1/1', 'op', 3);
  });
  assert.deepEqual(acknowledged, ['v/0/1 op 3']);
});

test('B1: what a lost client has not acknowledged is acknowledged in its place', async () => {
  const { channel, clock, acknowledged, changes, attach, deliver } = await rig();
  const client = await attach();
  deliver(1, 2);
  await clock.pass();
  assert.deepEqual([channel.attached, changes], [true, [true]]);
  await client.close();
  assert.deepEqual([channel.attached, changes], [false, [true, false]]);
  assert.deepEqual(acknowledged, ['v/0/1 op 6']);
  deliver(3);
  assert.equal(acknowledged.length, 2);
  assert.equal(channel.dropped, 2);
});

test('a second client takes the place of the first', async () => {
  const { channel, clock, attach, deliver } = await rig();
  const first = await attach();
  const second = await attach();
  await first.close();
  assert.ok(channel.attached);
  deliver(7);
  await clock.pass();
  assert.deepEqual([first.received, second.received], [[], [7]]);
});
