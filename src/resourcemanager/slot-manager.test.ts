import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { multiplyResources, NO_RESOURCES } from '../protocol/resource-profile.ts';
import type { ResourceProfile } from '../protocol/resource-profile.ts';
import type { SlotRequirement } from '../protocol/resource-manager-service.ts';
import { freeResources, freeSlotCount } from './slot-records.ts';
import type { SlotRecord } from './slot-records.ts';
import { initialSlotManager, stepSlotManager } from './slot-manager.ts';
import type {
  LoadBalanceMode,
  SlotManagerEffect,
  SlotManagerEvent,
  SlotManagerState,
} from './slot-manager.ts';

const UNIT: ResourceProfile = { ...NO_RESOURCES, cpuCores: 1, taskHeapBytes: 100 };
const half: ResourceProfile = { ...NO_RESOURCES, cpuCores: 0.5, taskHeapBytes: 50 };
const double: ResourceProfile = { ...NO_RESOURCES, cpuCores: 2, taskHeapBytes: 150 };

const needing = (jobId: string, ...slots: SlotRequirement[]): SlotManagerEvent => ({
  kind: 'declared',
  requirement: { jobId, slots, jobMaster: { jobId, address: 'h:1', endpoint: 'e', token: 't' } },
});
const declared = (jobId: string, slots: number): SlotManagerEvent =>
  needing(jobId, { resource: undefined, slots, tasks: 1 });
const free = (count: number): undefined[] => Array.from({ length: count }, () => undefined);
const registered = (taskExecutorId: string, slots: number): SlotManagerEvent => ({
  kind: 'registered',
  taskExecutorId,
  report: free(slots),
  resources: {
    slotsNumber: slots,
    total: multiplyResources(UNIT, slots),
    defaultSlot: UNIT,
  },
});

function play(
  events: readonly SlotManagerEvent[],
  mode?: LoadBalanceMode,
): [SlotManagerState, readonly SlotManagerEffect[]] {
  let state = initialSlotManager('s', mode);
  let effects: readonly SlotManagerEffect[] = [];
  for (const event of events) [state, effects] = stepSlotManager(state, event);
  return [state, effects];
}

/** Effects in short. */
function brief(effects: readonly SlotManagerEffect[]): string[] {
  return effects.map((effect) =>
    effect.kind === 'missing'
      ? `${effect.jobId} lacks ${effect.slots}`
      : [
          `${effect.taskExecutorId}:${effect.slot}`,
          effect.requirement.jobId,
          effect.allocationId,
        ].join(' '),
  );
}

test('a declaration takes free slots and says what is missing; a new TaskExecutor fills up', () => {
  const [, first] = play([registered('x', 1), declared('j', 3)]);
  assert.deepEqual(brief(first), ['x:0 j s/1', 'j lacks 2']);
  const [, second] = play([registered('x', 1), declared('j', 3), registered('y', 4)]);
  assert.deepEqual(brief(second), ['y:0 j s/2', 'y:1 j s/3', 'j lacks 0']);
});

test('as few processes as possible', () => {
  const [, effects] = play([registered('x', 1), registered('y', 3), declared('j', 2)]);
  assert.deepEqual(brief(effects), ['y:0 j s/1', 'y:1 j s/2']);
});

test('the same declaration again asks for nothing', () => {
  assert.deepEqual(play([registered('x', 2), declared('j', 2), declared('j', 2)])[1], []);
});

// One slot in every state against every event about it; job j declared one slot throughout.
const records = {
  free: { status: 'free' },
  pending: { status: 'pending', allocationId: 's/1', jobId: 'j', resource: undefined, tasks: 1 },
  allocated: {
    status: 'allocated',
    allocationId: 's/1',
    jobId: 'j',
    resource: undefined,
    tasks: 1,
  },
  unknown: { status: 'unknown', resource: undefined },
} as const satisfies Readonly<Record<string, SlotRecord>>;
const about = (kind: 'granted' | 'refused' | 'freed', allocationId: string): SlotManagerEvent => ({
  kind,
  taskExecutorId: 'x',
  slot: 0,
  allocationId,
});
const events = {
  granted: about('granted', 's/1'),
  'granted other': about('granted', 's/0'),
  refused: about('refused', 's/1'),
  freed: about('freed', 's/1'),
  'freed other': about('freed', 's/0'),
  'reported free': { kind: 'reported', taskExecutorId: 'x', report: [undefined] },
  'reported taken': {
    kind: 'reported',
    taskExecutorId: 'x',
    report: [{ allocationId: 's/1', jobId: 'j', tasks: 0 }],
  },
  'registered free': registered('x', 1),
} as const satisfies Readonly<Record<string, SlotManagerEvent>>;

type Cell = SlotRecord['status'];
const TABLE: Readonly<Record<keyof typeof records, Readonly<Record<keyof typeof events, Cell>>>> = {
  free: {
    granted: 'free',
    'granted other': 'free',
    refused: 'free',
    freed: 'free',
    'freed other': 'free',
    'reported free': 'free',
    'reported taken': 'allocated',
    'registered free': 'free',
  },
  pending: {
    granted: 'allocated',
    'granted other': 'pending',
    refused: 'unknown',
    freed: 'free',
    'freed other': 'pending',
    'reported free': 'pending',
    'reported taken': 'allocated',
    'registered free': 'free',
  },
  allocated: {
    granted: 'allocated',
    'granted other': 'allocated',
    refused: 'allocated',
    freed: 'free',
    'freed other': 'allocated',
    'reported free': 'free',
    'reported taken': 'allocated',
    'registered free': 'free',
  },
  unknown: {
    granted: 'unknown',
    'granted other': 'unknown',
    refused: 'unknown',
    freed: 'unknown',
    'freed other': 'unknown',
    'reported free': 'free',
    'reported taken': 'allocated',
    'registered free': 'free',
  },
};

test('every state of a slot and every event about it', () => {
  for (const record of Object.keys(records) as (keyof typeof records)[]) {
    for (const event of Object.keys(events) as (keyof typeof events)[]) {
      const state = {
        ...initialSlotManager('s'),
        taskExecutors: new Map([
          ['x', { records: [records[record]], slotsNumber: 1, total: UNIT, defaultSlot: UNIT }],
        ]),
      };
      const [next] = stepSlotManager(state, events[event]);
      assert.equal(
        next.taskExecutors.get('x')!.records[0]!.status,
        TABLE[record][event],
        `${record}, ${event}`,
      );
    }
  }
});

test('A3: a refused slot is not asked for again until it was reported', () => {
  const before = [registered('x', 1), declared('j', 1), about('refused', 's/1')] as const;
  assert.deepEqual(brief(play(before)[1]), ['j lacks 1']);
  assert.deepEqual(brief(play([...before, events['reported free']])[1]), [
    'x:0 j s/2',
    'j lacks 0',
  ]);
});

test('the slots of a lost TaskExecutor are found elsewhere', () => {
  const [, effects] = play([
    registered('x', 1),
    declared('j', 1),
    about('granted', 's/1'),
    registered('y', 1),
    { kind: 'lost', taskExecutorId: 'x' },
  ]);
  assert.deepEqual(brief(effects), ['y:0 j s/2']);
});

test('a slot that a job gives back goes to the next', () => {
  const [, effects] = play([
    registered('x', 1),
    declared('j', 1),
    about('granted', 's/1'),
    declared('k', 1),
    { kind: 'job-gone', jobId: 'j' },
    about('freed', 's/1'),
  ]);
  assert.deepEqual(brief(effects), ['x:0 k s/2', 'k lacks 0']);
});

const step: fc.Arbitrary<(world: World) => SlotManagerEvent | undefined> = fc.oneof(
  fc.tuple(fc.constantFrom('j', 'k'), fc.nat(4)).map(
    ([jobId, slots]) =>
      () =>
        declared(jobId, slots),
  ),
  fc.constantFrom('x', 'y').map((id) => (world: World) => world.register(id)),
  fc.constantFrom('x', 'y').map((id) => (world: World) => world.lose(id)),
  fc.constantFrom('x', 'y').map((id) => (world: World) => world.report(id)),
  fc.nat(20).map((choice) => (world: World) => world.answer(choice)),
  fc.nat(20).map((choice) => (world: World) => world.free(choice)),
  fc.constantFrom('j', 'k').map((jobId) => () => ({ kind: 'job-gone', jobId }) as const),
);

/**
 * TaskExecutors as they really are; messages to and from them take their time but keep their order.
 */
class World {
  readonly slots = new Map<
    string,
    ({ allocationId: string; jobId: string; tasks: number } | undefined)[]
  >();
  requests: Extract<SlotManagerEffect, { kind: 'request-slot' }>[] = [];
  readonly granted = new Set<string>();

  register(id: string): SlotManagerEvent | undefined {
    if (this.slots.has(id)) return undefined;
    this.slots.set(id, free(2));
    return registered(id, 2);
  }

  lose(id: string): SlotManagerEvent | undefined {
    if (!this.slots.delete(id)) return undefined;
    this.requests = this.requests.filter(({ taskExecutorId }) => taskExecutorId !== id);
    return { kind: 'lost', taskExecutorId: id };
  }

  report(id: string): SlotManagerEvent | undefined {
    const report = this.slots.get(id);
    return report && { kind: 'reported', taskExecutorId: id, report: [...report] };
  }

  answer(choice: number): SlotManagerEvent | undefined {
    const [effect] = this.requests.splice(choice % Math.max(this.requests.length, 1), 1);
    if (effect === undefined) return undefined;
    const { taskExecutorId, slot, allocationId, requirement } = effect;
    const slots = this.slots.get(taskExecutorId)!;
    assert.ok(!this.granted.has(allocationId), 'A1: an allocation id was given twice');
    this.granted.add(allocationId);
    const taken = slots[slot] !== undefined;
    if (!taken) slots[slot] = { allocationId, jobId: requirement.jobId, tasks: 0 };
    return { kind: taken ? 'refused' : 'granted', taskExecutorId, slot, allocationId };
  }

  free(choice: number): SlotManagerEvent | undefined {
    const taken = [...this.slots].flatMap(([taskExecutorId, slots]) =>
      slots.flatMap((each, slot) =>
        each === undefined ? [] : [{ taskExecutorId, slot, ...each }],
      ),
    );
    if (taken.length === 0) return undefined;
    const { taskExecutorId, slot, allocationId } = taken[choice % taken.length]!;
    this.slots.get(taskExecutorId)![slot] = undefined;
    return { kind: 'freed', taskExecutorId, slot, allocationId };
  }
}

test('A1, A2: no slot is given twice and no job gets too many, whatever happens in whatever order', () => {
  let refusals = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const world = new World();
      let state = initialSlotManager('s');
      const needs = new Map<string, number>();
      for (const next of steps) {
        const event = next(world);
        if (event === undefined) continue;
        if (event.kind === 'declared') {
          needs.set(event.requirement.jobId, event.requirement.slots[0]!.slots);
        }
        if (event.kind === 'job-gone') needs.delete(event.jobId);
        if (event.kind === 'refused') refusals++;
        const held = (jobId: string, of: SlotManagerState): number =>
          [...of.taskExecutors.values()]
            .flatMap(({ records: all }) => all)
            .filter((each) => 'jobId' in each && each.jobId === jobId).length;
        const before = state;
        const [after, effects] = stepSlotManager(state, event);
        state = after;
        for (const effect of effects)
          if (effect.kind === 'request-slot') world.requests.push(effect);
        for (const jobId of ['j', 'k']) {
          if (held(jobId, state) > held(jobId, before) && event.kind !== 'reported') {
            assert.ok(held(jobId, state) <= (needs.get(jobId) ?? 0), 'A2');
          }
        }
        const open = world.requests.map(({ taskExecutorId, slot }) => `${taskExecutorId}:${slot}`);
        assert.equal(new Set(open).size, open.length, 'A1: two requests for one slot');
      }
    }),
    { numRuns: 1500, seed: 7 },
  );
  assert.equal(
    refusals,
    0,
    'A1: with messages in order a slot is never asked for while it is taken',
  );
});

// ---------------------------------------------------------------------------- slots by resources

/** Where the slots of a job come from, one after the other. */
function places(events: readonly SlotManagerEvent[], mode?: LoadBalanceMode): readonly string[] {
  let state = initialSlotManager('s', mode);
  const all: string[] = [];
  for (const event of events) {
    const [next, effects] = stepSlotManager(state, event);
    state = next;
    for (const effect of effects)
      if (effect.kind === 'request-slot') all.push(effect.taskExecutorId);
  }
  return all;
}

test('slots are cut out of what a TaskExecutor has, whatever their number', () => {
  const [state, effects] = play([
    registered('x', 2),
    needing('j', { resource: half, slots: 5, tasks: 1 }),
  ]);
  const indexes = effects.flatMap((each) => (each.kind === 'request-slot' ? [each.slot] : []));
  assert.deepEqual(indexes, [0, 1, 2, 3], 'more than it has slots, no more than it has');
  assert.equal(state.missing.get('j')!.slots, 1);
  const x = state.taskExecutors.get('x')!;
  assert.deepEqual([freeSlotCount(x), freeResources(x).cpuCores], [0, 0]);
});

test('a job gets each kind of slot that it needs, and a slot that is too large nowhere', () => {
  const [state, effects] = play([
    registered('x', 1),
    registered('y', 3),
    needing(
      'j',
      { resource: double, slots: 2, tasks: 1 },
      { resource: undefined, slots: 2, tasks: 1 },
    ),
  ]);
  const got = effects.flatMap((each) =>
    each.kind === 'request-slot' ? [`${each.taskExecutorId} ${each.resource?.cpuCores ?? 1}`] : [],
  );
  assert.deepEqual(got, ['y 2', 'y 1', 'x 1']);
  assert.deepEqual(state.missing.get('j'), { slots: 1, defaultSlots: 2 });
  const lacks = effects.find((each) => each.kind === 'missing');
  assert.equal(
    lacks?.available,
    'There are 4 slots in 2 TaskManagers, 0 of them free. It asks for 2 of 2 cores, 0 MiB of heap.',
  );
});

test('what is missing is said with what there is', () => {
  const [, none] = play([declared('j', 2)]);
  assert.deepEqual(none, [
    { kind: 'missing', jobId: 'j', slots: 2, available: 'There is no TaskManager.' },
  ]);
});

test('a slot that was asked for by its resources stays what it is over reports', () => {
  const granted = [
    registered('x', 1),
    needing('j', { resource: half, slots: 1, tasks: 3 }),
    about('granted', 's/1'),
  ];
  const report = [{ allocationId: 's/1', jobId: 'j', tasks: 0, resource: half }];
  const [state, effects] = play([...granted, { kind: 'reported', taskExecutorId: 'x', report }]);
  assert.deepEqual(effects, []);
  assert.deepEqual(state.taskExecutors.get('x')!.records, [
    { status: 'allocated', allocationId: 's/1', jobId: 'j', resource: half, tasks: 3 },
  ]);
});

test('taskmanager.load-balance.mode', () => {
  const two = [registered('x', 4), registered('y', 4)] as const;
  assert.deepEqual(places([...two, declared('j', 3)], 'NONE'), ['x', 'x', 'x']);
  assert.deepEqual(places([...two, declared('j', 4)], 'SLOTS'), ['x', 'y', 'x', 'y']);
  const uneven = [registered('x', 2), registered('y', 6)] as const;
  assert.deepEqual(places([...uneven, declared('j', 4)], 'SLOTS'), ['y', 'x', 'y', 'y']);
  assert.deepEqual(places([...uneven, declared('j', 3)], 'MIN_RESOURCES'), ['x', 'x', 'y']);
  const jobs = [declared('j', 1), declared('k', 1)] as const;
  assert.deepEqual(places([...two, ...jobs], 'NONE'), ['x', 'y']);
  assert.deepEqual(places([...two, ...jobs], 'MIN_RESOURCES'), ['x', 'x']);
  const heavy = needing('j', { resource: undefined, slots: 1, tasks: 5 });
  assert.deepEqual(places([...two, heavy, declared('k', 3)], 'TASKS'), ['x', 'y', 'y', 'y']);
});

test('A4: whatever is asked for, nothing is given that is not there', () => {
  const profiles = [undefined, half, double];
  const needs = fc.array(fc.tuple(fc.nat(2), fc.nat(4)), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(needs, { minLength: 1, maxLength: 4 }), (jobs) => {
      const [state] = play([
        registered('x', 2),
        registered('y', 3),
        ...jobs.map((each, i) =>
          needing(
            `job-${i}`,
            ...each.map(([profile, slots]) => ({ resource: profiles[profile], slots, tasks: 1 })),
          ),
        ),
      ]);
      for (const slots of state.taskExecutors.values()) {
        const used = slots.records.reduce(
          (sum, record) =>
            record.status === 'free' ? sum : sum + (record.resource ?? UNIT).taskHeapBytes,
          0,
        );
        assert.ok(used <= slots.total.taskHeapBytes, 'A4');
      }
    }),
    { numRuns: 500, seed: 7 },
  );
});
