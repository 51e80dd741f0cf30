// A TaskExecutor between a ResourceManager and a JobMaster that do what the test says; its slots
// stay without workers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import { jobMasterService } from '../protocol/job-master-service.ts';
import type { SlotOffer, SlotOfferAnswer } from '../protocol/job-master-service.ts';
import { multiplyResources, NO_RESOURCES } from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type { SlotReport } from '../protocol/resource-manager-service.ts';
import { TASK_EXECUTOR, taskExecutorService } from '../protocol/task-executor-service.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { Handlers, RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import { RpcService } from '../rpc/rpc-service.ts';
import { testEnv } from '../rpc/test-env.test-kit.ts';
import { TaskExecutor } from './task-executor.ts';

const UNIT: ResourceProfile = { ...NO_RESOURCES, cpuCores: 1, taskHeapBytes: 100 };
const HALF: ResourceProfile = { ...NO_RESOURCES, cpuCores: 0.5, taskHeapBytes: 50 };

class Rig {
  readonly env = testEnv();
  readonly offers: SlotOffer[] = [];
  readonly freed: string[] = [];
  readonly master = new RpcService({ env: this.env, name: 'master' });
  #job!: RpcEndpoint;
  resourceManager!: RpcConnection;
  jobMaster!: RpcConnection;
  address = '';
  /** Of the master of the job, to offers. */
  answer = (ids: readonly string[]): SlotOfferAnswer | Promise<SlotOfferAnswer> => ({
    accepted: ids,
    rejected: [],
  });

  async start(slots: number): Promise<this> {
    this.address = await this.master.listen('master', 0);
    const main = new MainThread('master', this.env.clock, this.#fatal);
    const ofResourceManager: Partial<Handlers<typeof resourceManagerService>> = {
      identify: () => ({ token: 'rm' }),
      registerTaskExecutor: (_request, { connection }) => {
        this.resourceManager = connection;
        return {};
      },
      slotFreed: ({ allocationId }) => void this.freed.push(allocationId),
    };
    const ofJobMaster: Partial<Handlers<typeof jobMasterService>> = {
      registerTaskExecutor: (_request, { connection }) => {
        this.jobMaster = connection;
        return { leaseDuration: milliseconds(800), clientAttached: false };
      },
      renewLease: () => ({}),
      offerSlots: ({ offers }) => {
        this.offers.push(...offers);
        return this.answer(offers.map(({ allocationId }) => allocationId));
      },
    };
    this.master.register({
      ...{ name: RESOURCE_MANAGER, service: resourceManagerService, main, fence: () => true },
      handlers: ofResourceManager as Handlers<typeof resourceManagerService>,
    });
    this.#job = this.master.register({
      ...{ name: 'job', service: jobMasterService, main, fence: () => true },
      handlers: ofJobMaster as Handlers<typeof jobMasterService>,
    });
    this.#executor(slots);
    await this.env.clock.pass();
    return this;
  }

  #executor(slots: number): TaskExecutor {
    const totalResource = multiplyResources(UNIT, slots);
    return new TaskExecutor({
      env: { ...this.env, memory: { allocate: region } as never, workers: undefined as never },
      rpc: new RpcService({ env: this.env, name: 'te' }),
      ...{ taskExecutorId: 'te', slots, host: 'h', bindHost: 'h', dataPort: 0, spareWorkers: 0 },
      resourceManagerAddress: this.address,
      heartbeat: { interval: seconds(1), timeout: minutes(60), failureThreshold: 2 },
      registrationTimeout: minutes(60),
      slotTimeout: minutes(60),
      cancellationTimeout: seconds(1),
      heapBudgetBytes: undefined,
      network: { channelBytes: 0, ringBytes: 0, segmentBytes: 0 },
      description: {
        ...{ path: 'te', host: 'h', dataPort: 0, slotsNumber: slots },
        ...{ totalResource, defaultSlotResource: UNIT, hardware: {}, memory: {} },
      } as never,
      onFatal: this.#fatal,
    });
  }

  /** The master of the job ends, and another process answers at its address. */
  async jobMasterDies(): Promise<void> {
    this.master.unregister(this.#job);
    this.jobMaster.close();
    await this.env.clock.pass(1000);
  }

  readonly #fatal = (_component: string, error: Error): never => assert.fail(error);

  async request(slot: number, allocationId: string, resource?: ResourceProfile): Promise<unknown> {
    const gateway = this.resourceManager.gateway(taskExecutorService, TASK_EXECUTOR, 'rm');
    const jobMaster = { jobId: 'j', address: this.address, endpoint: 'job', token: 'jm' };
    const answer = gateway.requestSlot({ slot, allocationId, resource, jobMaster });
    const settled = answer.then(
      () => 'granted',
      (error: unknown) => (isEngineError(error) ? error.code : error),
    );
    await this.env.clock.pass();
    return settled;
  }

  async report(): Promise<SlotReport> {
    const gateway = this.resourceManager.gateway(taskExecutorService, TASK_EXECUTOR, 'rm');
    const answer = gateway.heartbeatFromResourceManager({});
    await this.env.clock.pass();
    return (await answer).slots;
  }

  async heartbeat(...allocationIds: readonly string[]): Promise<readonly string[]> {
    const gateway = this.jobMaster.gateway(taskExecutorService, TASK_EXECUTOR, 'jm');
    const answer = gateway.heartbeatFromJobMaster({ allocationIds });
    await this.env.clock.pass();
    return (await answer).executionIds;
  }
}

/** Shared memory, as far as a TaskExecutor without workers uses it. */
function region() {
  return { load: () => 0, store: () => undefined };
}

test('Y4: slots are cut out of what there is, and refused when it is used up', async () => {
  const rig = await new Rig().start(2);
  assert.equal(await rig.request(0, 'a', HALF), 'granted');
  assert.equal(await rig.request(1, 'b'), 'granted');
  assert.equal(await rig.request(2, 'c', HALF), 'granted', 'beyond its number of slots');
  assert.equal(await rig.request(3, 'd', HALF), 'SLOT_RESOURCES_LACKING');
  assert.equal(await rig.request(2, 'e', HALF), 'SLOT_OCCUPIED');
  assert.equal(await rig.request(2, 'c', HALF), 'granted', 'the same request again');
  assert.deepEqual(
    rig.offers.map(({ allocationId, resource }) => [allocationId, resource?.cpuCores]),
    [
      ['a', 0.5],
      ['b', undefined],
      ['c', 0.5],
    ],
  );
  const report = await rig.report();
  assert.deepEqual(
    report.map((each) => each?.resource?.cpuCores ?? each?.allocationId),
    [0.5, 'b', 0.5, undefined],
  );
});

test('a slot that its job does not know any more is freed, another is not', async () => {
  const rig = await new Rig().start(2);
  await rig.request(0, 'a');
  await rig.request(1, 'b');
  assert.deepEqual(await rig.heartbeat('a', 'b'), []);
  assert.deepEqual(rig.freed, []);
  await rig.heartbeat('b');
  assert.deepEqual(rig.freed, ['a']);
  const report = await rig.report();
  assert.deepEqual(
    report.map((each) => each?.allocationId),
    [undefined, 'b'],
  );
  assert.equal(await rig.request(0, 'c'), 'granted');
});

test('O3: slots of a master that has ended are free as soon as its address does not know it', async () => {
  const rig = await new Rig().start(2);
  await rig.request(0, 'a');
  await rig.request(1, 'b');
  await rig.jobMasterDies();
  assert.deepEqual(rig.freed.toSorted(), ['a', 'b']);
  assert.deepEqual(await rig.report(), [undefined, undefined]);
});

// The first answer took a slot back that the master had accepted by the second: it came to this
// slot again and again, and nobody knew it there (simulator seed 683).
test('L1: what a master accepts by a later offer is not taken back by its first answer', async () => {
  const rig = await new Rig().start(2);
  const first = Promise.withResolvers<SlotOfferAnswer>();
  const has = new Set<string>();
  rig.answer = () => first.promise;
  await rig.request(0, 'a');
  rig.answer = (accepted) => {
    for (const each of accepted) has.add(each);
    return { accepted, rejected: [] };
  };
  await rig.request(1, 'b');
  first.resolve({ accepted: [], rejected: ['a'] });
  await rig.env.clock.pass();
  const report = await rig.report();
  assert.deepEqual(
    report.flatMap((each) => each?.allocationId ?? []),
    [...has],
  );
  assert.deepEqual([...has], ['b'], 'what came meanwhile is offered, too');
});

test('L1: an offer that fails is no reason to offer nothing any more', async () => {
  const rig = await new Rig().start(2);
  const first = Promise.withResolvers<SlotOfferAnswer>();
  rig.answer = () => first.promise;
  await rig.request(0, 'a');
  await rig.request(1, 'b');
  rig.answer = (accepted) => ({ accepted, rejected: [] });
  first.reject(new EngineError('IO_NOT_FOUND', { path: 'of the test' }));
  await rig.env.clock.pass();
  assert.deepEqual(
    rig.offers.map(({ allocationId }) => allocationId),
    ['a', 'a', 'b'],
  );
});
