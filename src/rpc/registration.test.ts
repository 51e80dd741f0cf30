import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { MainThread } from './main-thread.ts';
import { Registration } from './registration.ts';
import { RpcService } from './rpc-service.ts';
import { testEnv } from './test-env.test-kit.ts';

function rig(register: () => Promise<string> = async () => 'hello') {
  const env = testEnv();
  const { clock } = env;
  const rpc = new RpcService({ env, name: 'client' });
  const main = new MainThread('client', clock, () => assert.fail());
  const events: string[] = [];
  const note = (what: string): void => {
    main.assertInside();
    events.push(what);
  };
  const registration = new Registration({
    ...{ main, rpc, address: 'there:7', register },
    registered: (_connection, answer) => note(`registered ${answer}`),
    lost: () => note('lost'),
    failed: () => note('failed'),
  });
  const serve = async (): Promise<RpcService> => {
    const server = new RpcService({ env, name: 'server' });
    const listening = server.listen('there', 7);
    await clock.pass();
    await listening;
    return server;
  };
  return { clock, rpc, events, registration, serve };
}

test('it tries again with growing pauses until somebody is there', async () => {
  const { clock, events, serve } = rig();
  await clock.pass(99);
  assert.deepEqual(events, ['failed']);
  await clock.pass(1);
  await clock.pass(200);
  assert.deepEqual(events, ['failed', 'failed', 'failed']);
  await serve();
  await clock.pass(400);
  assert.equal(events.at(-1), 'registered hello');
});

test('G1: a loss is told once, and it registers again', async () => {
  const { clock, events, serve, registration } = rig();
  const server = await serve();
  await clock.pass(100);
  assert.ok(registration.stands);
  const closing = server.close();
  await clock.pass();
  await closing;
  assert.ok(!registration.stands);
  await serve();
  await clock.pass(1000);
  const told = events.filter((event) => event !== 'failed');
  assert.deepEqual(told, ['registered hello', 'lost', 'registered hello']);
});

test('a refused registration is tried again on a new connection', async () => {
  let attempts = 0;
  const { clock, events, serve } = rig(async () => {
    if (++attempts < 3) throw new EngineError('RPC_FENCED', { endpoint: 'x', method: 'y' });
    return 'at last';
  });
  await serve();
  await clock.pass(1000);
  assert.deepEqual([attempts, events.at(-1)], [3, 'registered at last']);
});

test('G2: after disposal nothing is told and nothing is left, whenever it comes', async () => {
  for (const when of [0, 50, 150]) {
    const { clock, events, rpc, serve, registration } = rig();
    await serve();
    await clock.pass(when);
    const before = events.length;
    registration[Symbol.dispose]();
    await clock.pass(10_000);
    assert.deepEqual(
      [events.length - before, rpc.connectionCount],
      [0, 0],
      `disposed after ${when}`,
    );
  }
});
