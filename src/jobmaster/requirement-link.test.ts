// The link of a JobMaster to a ResourceManager that knows what the test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds } from '../base/units.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { Handlers } from '../rpc/rpc-endpoint.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { RequirementLink } from './requirement-link.ts';

async function rig() {
  const env = testEnv();
  const fatal = (_component: string, error: Error): never => assert.fail(error);
  const declared: number[] = [];
  const there = new RpcService({ env, name: 'there' });
  const handlers: Partial<Handlers<typeof resourceManagerService>> = {
    identify: () => ({ token: 'rm' }),
    registerJobMaster: () => ({}),
    declareRequirement: ({ requirements }) => {
      declared.push(requirements.reduce((sum, { slots }) => sum + slots, 0));
      return {};
    },
  };
  there.register({
    ...{ name: RESOURCE_MANAGER, service: resourceManagerService, fence: () => true },
    main: new MainThread('there', env.clock, fatal),
    handlers: handlers as Handlers<typeof resourceManagerService>,
  });
  const main = new MainThread('test', env.clock, fatal);
  const link = new RequirementLink({
    ...{ main, log: env.log, rpc: new RpcService({ env, name: 'here' }) },
    address: await there.listen('there', 0),
    jobMaster: { jobId: 'j', address: 'here:1', endpoint: 'job', token: 't' },
    heartbeat: { interval: seconds(1), timeout: minutes(5), failureThreshold: 2 },
  });
  await env.clock.pass(10);
  const declare = (slots: number): void =>
    main.run(() => link.declare([{ resource: undefined, slots, tasks: 1 }]));
  const sign = (slots: number): void => main.run(() => link.sign(slots));
  return { declared, declare, sign, pass: () => env.clock.pass(10) };
}

test('what a heartbeat does not know is declared again, once for each', async () => {
  const { declared, declare, sign, pass } = await rig();
  declare(3);
  await pass();
  assert.deepEqual(declared, [0, 3]);
  sign(3);
  await pass();
  assert.deepEqual(declared, [0, 3], 'it knows');
  sign(1);
  await pass();
  assert.deepEqual(declared, [0, 3, 3]);
});

test('a heartbeat that crosses a declaration is no reason to repeat it', async () => {
  const { declared, declare, sign, pass } = await rig();
  declare(4);
  sign(0);
  sign(0);
  await pass();
  assert.deepEqual(declared, [0, 4]);
});
