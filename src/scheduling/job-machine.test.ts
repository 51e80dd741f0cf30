import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { JobStatus } from '../protocol/job-status.ts';
import { COMMIT_ATTEMPTS, COMMIT_ATTEMPTS_USER } from './job-failover.ts';
import { initialJob, plannedJob, stepJob } from './job-machine.ts';
import type { JobEffect, JobEvent, JobState, SlotPhase } from './job-state.ts';
import type { RestartStrategy } from './restart-strategy.ts';

const FIXED: RestartStrategy = { kind: 'fixed-delay', attempts: 2, delay: milliseconds(10) };
const NONE: RestartStrategy = { kind: 'none' };
const input = { now: milliseconds(1000), draw: 0.5 };
const failed = new EngineError('SLOT_WORKER_DIED', { slot: 0, taskExecutor: 'a', reason: 'test' });
const thrown = new EngineError('USER_CODE_FAILED', { role: 'map', operator: 'a', message: 'x' });
const fatal = new EngineError('DATA_MALFORMED', { field: 'a', reason: 'x' });

function run(
  from: JobState,
  events: readonly JobEvent[],
): readonly [JobState, readonly JobEffect[]] {
  let state = from;
  let effects: readonly JobEffect[] = [];
  for (const event of events) [state, effects] = stepJob(state, event, input);
  return [state, effects];
}

const STARTED: readonly JobEvent[] = [{ kind: 'created' }, { kind: 'start' }];
const DEPLOYED: readonly JobEvent[] = [
  ...STARTED,
  { kind: 'slot-assigned', slot: 0 },
  { kind: 'slot-assigned', slot: 1 },
  { kind: 'slot-prepared', slot: 0, generation: 1 },
  { kind: 'slot-prepared', slot: 1, generation: 1 },
];
const ready = (execution: number, generation = 1): JobEvent => ({
  kind: 'ready-to-commit',
  execution,
  generation,
  committables: [{ operator: `op${execution}`, committables: [new Uint8Array([execution])] }],
});
const task = (
  execution: number,
  state: 'FINISHED' | 'FAILED' | 'CANCELED' | 'RUNNING' | 'INITIALIZING',
  generation = 1,
  error: EngineError | undefined = state === 'FAILED' ? failed : undefined,
): JobEvent => ({ kind: 'task-state', execution, generation, state, error });
const stopped = (slot: number, generation = 1): JobEvent => ({
  kind: 'slot-stopped',
  slot,
  generation,
});

function generationOf({ regions }: JobState): number | undefined {
  return regions[0]?.generation;
}

/** Two slots, each with one execution, in one region. */
function job(strategy: RestartStrategy = FIXED): JobState {
  return plannedJob({ slotOf: [0, 1], regionOf: [0, 0] }, strategy);
}

// ------------------------------------------------------------------------------ the total table

const EVENTS = {
  created: { kind: 'created' },
  start: { kind: 'start' },
  'slot-assigned': { kind: 'slot-assigned', slot: 0 },
  'slot-prepared': { kind: 'slot-prepared', slot: 0, generation: 1 },
  'slot-stopped unasked': { kind: 'slot-stopped', slot: 0, generation: 1, error: failed },
  'slot-lost with proof': { kind: 'slot-lost', slot: 0, proof: true, error: failed },
  'slot-lost in doubt': { kind: 'slot-lost', slot: 0, proof: false, error: failed },
  'lease-over': { kind: 'lease-over', slot: 0, generation: 1 },
  'task FINISHED': task(0, 'FINISHED'),
  'task CANCELED': task(0, 'CANCELED'),
  'task FAILED': task(0, 'FAILED'),
  'task FAILED for good': task(0, 'FAILED', 1, fatal),
  'ready-to-commit': ready(0),
  failure: { kind: 'failure', error: failed },
  'region-failed': { kind: 'region-failed', region: 0, generation: 1, error: failed },
  'stale region-failed': { kind: 'region-failed', region: 0, generation: 9, error: failed },
  'sources-failed': { kind: 'sources-failed', epoch: 1, error: failed },
  'stale sources-failed': { kind: 'sources-failed', epoch: 9, error: failed },
  'delay-over': { kind: 'delay-over', region: 0, generation: 1 },
  cancel: { kind: 'cancel' },
} as const satisfies Readonly<Record<string, JobEvent>>;

type EventName = keyof typeof EVENTS;

/** A representative state of each status; slot 1 is at work wherever one can be. */
const STATES: Readonly<Record<JobStatus, JobState>> = {
  INITIALIZING: initialJob(),
  CREATED: run(job(), [{ kind: 'created' }])[0],
  RUNNING: run(job(), DEPLOYED)[0],
  RESTARTING: run(job(), [...DEPLOYED, task(1, 'FAILED')])[0],
  COMMITTING: run(job(), [...DEPLOYED, ready(0), ready(1)])[0],
  FAILING: run(job(NONE), [...DEPLOYED, task(1, 'FAILED')])[0],
  CANCELLING: run(job(), [...DEPLOYED, { kind: 'cancel' }])[0],
  FAILED: run(job(NONE), [...DEPLOYED, task(1, 'FAILED'), stopped(0), stopped(1)])[0],
  CANCELED: run(job(), [...DEPLOYED, { kind: 'cancel' }, stopped(0), stopped(1)])[0],
  FINISHED: run(job(), [
    ...DEPLOYED,
    task(0, 'FINISHED'),
    task(1, 'FINISHED'),
    stopped(0),
    stopped(1),
  ])[0],
};

/** Status and phase of slot 0 after the event, and the kinds of the effects. */
type Cell = readonly [JobStatus, SlotPhase | undefined, ...JobEffect['kind'][]];
type Row = Readonly<Record<EventName, Cell>>;

function row(same: Cell, differing: Partial<Record<EventName, Cell>> = {}): Row {
  const all = Object.keys(EVENTS) as EventName[];
  return Object.fromEntries(all.map((name) => [name, differing[name] ?? same])) as Row;
}

const INITIALIZING: Cell = ['INITIALIZING', undefined];
const CREATED: Cell = ['CREATED', 'absent'];
const RUNNING: Cell = ['RUNNING', 'deployed'];
const RESTARTED: Cell = [
  'RESTARTING',
  'stopping',
  'status',
  'await-delay',
  'close-sources',
  'stop-slot',
  'stop-slot',
];
const COMMITTING: Cell = ['COMMITTING', 'deployed'];
const RECOMMIT: Cell = ['COMMITTING', 'stopping', 'await-delay', 'stop-slot', 'stop-slot'];

const TABLE: Readonly<Record<JobStatus, Row>> = {
  INITIALIZING: row(INITIALIZING, {
    created: ['CREATED', undefined, 'status'],
    'slot-lost with proof': INITIALIZING,
    failure: ['FAILED', undefined, 'status', 'ended'],
    cancel: ['CANCELED', undefined, 'status', 'ended'],
  }),
  CREATED: row(CREATED, {
    start: ['RUNNING', 'requested', 'status', 'request-slot', 'request-slot'],
    failure: ['FAILED', 'absent', 'status', 'ended'],
    cancel: ['CANCELED', 'absent', 'status', 'ended'],
  }),
  RUNNING: row(RUNNING, {
    'slot-stopped unasked': [
      'RESTARTING',
      'idle',
      'status',
      'await-delay',
      'close-sources',
      'stop-slot',
    ],
    'slot-lost with proof': [
      'RESTARTING',
      'requested',
      'status',
      'await-delay',
      'close-sources',
      'stop-slot',
      'request-slot',
    ],
    'slot-lost in doubt': [
      'RESTARTING',
      'doubtful',
      'await-lease',
      'status',
      'await-delay',
      'close-sources',
      'stop-slot',
    ],
    'task CANCELED': RESTARTED,
    'task FAILED': RESTARTED,
    'task FAILED for good': [
      'FAILING',
      'stopping',
      'status',
      'close-sources',
      'stop-slot',
      'stop-slot',
    ],
    failure: RESTARTED,
    'region-failed': RESTARTED,
    'sources-failed': RESTARTED,
    cancel: ['CANCELLING', 'stopping', 'status', 'close-sources', 'stop-slot', 'stop-slot'],
  }),
  RESTARTING: row(['RESTARTING', 'stopping'], {
    'slot-stopped unasked': ['RESTARTING', 'idle'],
    'slot-lost with proof': ['RESTARTING', 'requested', 'request-slot'],
    'slot-lost in doubt': ['RESTARTING', 'doubtful', 'await-lease'],
    cancel: ['CANCELLING', 'stopping', 'status'],
  }),
  COMMITTING: row(COMMITTING, {
    'slot-stopped unasked': ['COMMITTING', 'idle', 'await-delay', 'stop-slot'],
    'slot-lost with proof': ['COMMITTING', 'requested', 'await-delay', 'stop-slot', 'request-slot'],
    'slot-lost in doubt': ['COMMITTING', 'doubtful', 'await-lease', 'await-delay', 'stop-slot'],
    'task CANCELED': RECOMMIT,
    'task FAILED': RECOMMIT,
    'task FAILED for good': ['FAILING', 'stopping', 'status', 'stop-slot', 'stop-slot'],
    failure: RECOMMIT,
    'region-failed': RECOMMIT,
  }),
  FAILING: row(['FAILING', 'stopping'], {
    'slot-stopped unasked': ['FAILING', 'idle'],
    'slot-lost with proof': ['FAILING', 'absent'],
    'slot-lost in doubt': ['FAILING', 'doubtful', 'await-lease'],
  }),
  CANCELLING: row(['CANCELLING', 'stopping'], {
    'slot-stopped unasked': ['CANCELLING', 'idle'],
    'slot-lost with proof': ['CANCELLING', 'absent'],
    'slot-lost in doubt': ['CANCELLING', 'doubtful', 'await-lease'],
  }),
  FAILED: row(['FAILED', 'idle']),
  CANCELED: row(['CANCELED', 'idle']),
  FINISHED: row(['FINISHED', 'idle']),
};

for (const status of Object.keys(TABLE) as JobStatus[]) {
  test(`a job that is ${status}: every event`, () => {
    assert.equal(STATES[status].status, status);
    for (const name of Object.keys(EVENTS) as EventName[]) {
      // Before there is a plan no event about slots or tasks can be.
      if (status === 'INITIALIZING' && /^(slot|lease|task|ready)/.test(name)) continue;
      const [next, effects] = stepJob(STATES[status], EVENTS[name], input);
      const actual = [next.status, next.slots[0], ...effects.map((effect) => effect.kind)];
      assert.deepEqual(actual, TABLE[status][name], `${status}, ${name}`);
    }
  });
}

// --------------------------------------------------------------------------------- whole stories

test('slots are prepared when all are there, and deployed when all are prepared', () => {
  const [one, first] = run(job(), [...STARTED, { kind: 'slot-assigned', slot: 1 }]);
  assert.deepEqual(first, []);
  const [two, second] = run(one, [{ kind: 'slot-assigned', slot: 0 }]);
  assert.deepEqual(second, [{ kind: 'prepare-slots', region: 0, generation: 1, slots: [0, 1] }]);
  const [three, third] = run(two, [{ kind: 'slot-prepared', slot: 1, generation: 1 }]);
  assert.deepEqual(third, []);
  const [four, fourth] = run(three, [{ kind: 'slot-prepared', slot: 0, generation: 1 }]);
  assert.deepEqual(fourth, [
    { kind: 'start-sources', epoch: 1 },
    { kind: 'attach-readers', generation: 1, executions: [0, 1] },
    {
      kind: 'deploy',
      region: 0,
      generation: 1,
      slots: [0, 1],
      executions: [0, 1],
      commitOnly: false,
    },
  ]);
  assert.deepEqual(
    four.executions.map((one) => one.state),
    ['DEPLOYING', 'DEPLOYING'],
  );
});

test('J1: the next generation waits for every slot of the last, and for the delay', () => {
  const [restarting] = run(job(), [...DEPLOYED, task(0, 'FAILED'), stopped(0)]);
  const [waiting, none] = run(restarting, [{ kind: 'delay-over', region: 0, generation: 1 }]);
  assert.deepEqual([waiting.status, none], ['RESTARTING', []]);
  const [again, effects] = run(waiting, [stopped(1)]);
  assert.deepEqual(effects, [
    { kind: 'status', from: 'RESTARTING', to: 'RUNNING' },
    { kind: 'prepare-slots', region: 0, generation: 2, slots: [0, 1] },
  ]);
  assert.equal(generationOf(again), 2);

  const [quiet, early] = run(restarting, [stopped(1)]);
  assert.deepEqual([quiet.status, early], ['RESTARTING', []]);
  assert.equal(generationOf(run(quiet, [{ kind: 'delay-over', region: 0, generation: 1 }])[0]), 2);
});

test('J1: a slot lost in doubt holds up the restart until its lease is over', () => {
  const lost: JobEvent = { kind: 'slot-lost', slot: 0, proof: false, error: failed };
  const [waiting] = run(job(), [
    ...DEPLOYED,
    lost,
    stopped(1),
    { kind: 'delay-over', region: 0, generation: 1 },
  ]);
  assert.deepEqual([waiting.status, waiting.slots], ['RESTARTING', ['doubtful', 'idle']]);
  const [next] = run(waiting, [{ kind: 'lease-over', slot: 0, generation: 1 }]);
  assert.deepEqual(
    [next.status, next.slots, generationOf(next)],
    ['RUNNING', ['requested', 'idle'], 2],
  );
});

test('J2: the decision is taken when the last task is ready, and goes to the ready tasks', () => {
  const [one] = run(job(), [...DEPLOYED, ready(0)]);
  assert.equal(one.status, 'RUNNING');
  const [two, effects] = run(one, [task(1, 'FINISHED')]);
  assert.equal(two.status, 'COMMITTING');
  assert.deepEqual(effects, [
    { kind: 'status', from: 'RUNNING', to: 'COMMITTING' },
    { kind: 'close-sources', epoch: 1 },
    { kind: 'commit', execution: 0, generation: 1 },
  ]);
  const [three] = run(two, [task(0, 'FINISHED'), stopped(0)]);
  assert.equal(three.status, 'COMMITTING');
  assert.equal(run(three, [stopped(1)])[0].status, 'FINISHED');
});

test('J3: after the decision only what has not finished is deployed, to commit what was prepared', () => {
  const [committing] = run(job(), [...DEPLOYED, ready(0), ready(1), task(0, 'FINISHED')]);
  const [failing] = run(committing, [
    { kind: 'slot-stopped', slot: 1, generation: 1, error: failed },
    stopped(0),
  ]);
  const [preparing, effects] = run(failing, [{ kind: 'delay-over', region: 0, generation: 1 }]);
  assert.deepEqual(effects, [{ kind: 'prepare-slots', region: 0, generation: 2, slots: [1] }]);
  assert.equal(preparing.status, 'COMMITTING');
  const [deployed, deploy] = run(preparing, [{ kind: 'slot-prepared', slot: 1, generation: 2 }]);
  assert.deepEqual(deploy, [
    { kind: 'deploy', region: 0, generation: 2, slots: [1], executions: [1], commitOnly: true },
  ]);
  assert.deepEqual(deployed.executions[1]!.committables, [
    { operator: 'op1', committables: [new Uint8Array([1])] },
  ]);
  assert.equal(run(deployed, [task(1, 'FINISHED', 2), stopped(1, 2)])[0].status, 'FINISHED');
});

test('J3: a worker that dies after its tasks have finished does not hold up the commit', () => {
  const [state, effects] = run(job(), [
    ...DEPLOYED,
    ready(0),
    ready(1),
    task(0, 'FINISHED'),
    { kind: 'slot-stopped', slot: 0, generation: 1, error: failed },
  ]);
  assert.deepEqual([state.status, state.regions[0]!.stopping, effects], ['COMMITTING', false, []]);
});

test('J3: a cancellation after the decision completes the commit', () => {
  const [state] = run(job(), [
    ...DEPLOYED,
    ready(0),
    ready(1),
    { kind: 'cancel' },
    task(0, 'FINISHED'),
    task(1, 'FINISHED'),
    stopped(0),
    stopped(1),
  ]);
  assert.equal(state.status, 'FINISHED');
});

for (const [whose, error, attempts] of [
  ['of others', failed, COMMIT_ATTEMPTS],
  ['of user code', thrown, COMMIT_ATTEMPTS_USER],
  ['for good', fatal, 1],
] as const) {
  test(`J3: failures ${whose} to commit are answered by ${attempts} attempts in all`, () => {
    let [state] = run(job(NONE), [...DEPLOYED, ready(0), ready(1)]);
    const pauses: number[] = [];
    for (let generation = 1; generation <= attempts; generation++) {
      assert.deepEqual([state.status, generationOf(state)], ['COMMITTING', generation]);
      const [failing, effects] = run(state, [task(0, 'FAILED', generation, error)]);
      for (const effect of effects) if (effect.kind === 'await-delay') pauses.push(effect.delay);
      [state] = run(failing, [
        stopped(0, generation),
        stopped(1, generation),
        { kind: 'delay-over', region: 0, generation },
        { kind: 'slot-prepared', slot: 0, generation: generation + 1 },
        { kind: 'slot-prepared', slot: 1, generation: generation + 1 },
      ]);
    }
    assert.equal(state.status, 'FAILED');
    assert.equal(state.failure?.code, 'JOB_COMMIT_FAILED');
    assert.equal(state.failure?.cause, error);
    const expected = [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000];
    assert.deepEqual(pauses, expected.slice(0, attempts - 1));
  });
}

test('J3: failures of user code to commit are counted apart from those of others', () => {
  let [state] = run(job(NONE), [...DEPLOYED, ready(0), ready(1)]);
  const errors = [failed, failed, failed, failed, thrown, failed, thrown, thrown];
  for (const [i, error] of errors.entries()) {
    const generation = i + 1;
    assert.equal(state.status, 'COMMITTING', `after ${i} failures`);
    [state] = run(state, [
      task(0, 'FAILED', generation, error),
      stopped(0, generation),
      stopped(1, generation),
      { kind: 'delay-over', region: 0, generation },
      { kind: 'slot-prepared', slot: 0, generation: generation + 1 },
      { kind: 'slot-prepared', slot: 1, generation: generation + 1 },
    ]);
  }
  assert.equal(state.status, 'FAILED', 'the third of user code');
  assert.equal(state.failure?.parameters['attempts'], 8);
});

test('J4: a failure before the decision forgets what was ready', () => {
  const [state] = run(job(), [
    ...DEPLOYED,
    ready(0),
    task(1, 'FAILED'),
    stopped(0),
    stopped(1),
    { kind: 'delay-over', region: 0, generation: 1 },
  ]);
  assert.deepEqual(state.executions[0], {
    slot: 0,
    state: 'SCHEDULED',
    generation: 2,
    ready: false,
    committables: [],
  });
});

test('J6: reports of an earlier generation change nothing', () => {
  const [state] = run(job(), [
    ...DEPLOYED,
    task(1, 'FAILED'),
    stopped(0),
    stopped(1),
    { kind: 'delay-over', region: 0, generation: 1 },
    { kind: 'slot-prepared', slot: 0, generation: 2 },
    { kind: 'slot-prepared', slot: 1, generation: 2 },
  ]);
  assert.equal(state.status, 'RUNNING');
  const stale: JobEvent[] = [
    task(0, 'FINISHED'),
    task(1, 'FAILED'),
    ready(0),
    stopped(0),
    { kind: 'slot-prepared', slot: 0, generation: 1 },
    { kind: 'lease-over', slot: 0, generation: 1 },
    { kind: 'delay-over', region: 0, generation: 1 },
    { kind: 'region-failed', region: 0, generation: 1, error: failed },
  ];
  for (const event of stale)
    assert.deepEqual(stepJob(state, event, input), [state, []], event.kind);
});

test('J7: the first error is the one that is kept', () => {
  const [state] = run(job(NONE), [
    ...DEPLOYED,
    task(1, 'FAILED', 1, fatal),
    task(0, 'FAILED'),
    stopped(0),
    stopped(1),
  ]);
  assert.deepEqual([state.status, state.failure], ['FAILED', fatal]);
});

test('a job without tasks ends at once', () => {
  const [state] = run(plannedJob({ slotOf: [], regionOf: [] }, NONE), STARTED);
  assert.equal(state.status, 'FINISHED');
});

// ------------------------------------------------------------------ decided by an earlier master

test('J3: after a decision of an earlier master only what it was about is committed', () => {
  const committables = [{ operator: 'op1', committables: [Uint8Array.of(1)] }];
  const decision = { fingerprint: 'f', generation: 4, committables: [undefined, committables] };
  const start: JobEvent = { kind: 'start', decision: { ...decision, accumulators: [] } };
  const [resumed, effects] = run(job(), [{ kind: 'created' }, start]);
  assert.equal(resumed.status, 'COMMITTING');
  assert.equal(generationOf(resumed), 5);
  assert.deepEqual(
    effects.filter(({ kind }) => kind === 'request-slot'),
    [{ kind: 'request-slot', slot: 1 }],
  );
  const [deployed, deploy] = run(resumed, [
    { kind: 'slot-assigned', slot: 1 },
    { kind: 'slot-prepared', slot: 1, generation: 5 },
  ]);
  assert.deepEqual(deploy, [
    { kind: 'deploy', region: 0, generation: 5, slots: [1], executions: [1], commitOnly: true },
  ]);
  assert.deepEqual(deployed.executions[1]!.committables, committables);
  const [ended] = run(deployed, [task(1, 'FINISHED', 5), stopped(1, 5)]);
  assert.equal(ended.status, 'FINISHED');
});

test('J2: a decision of an earlier master with nothing left to commit ends the job', () => {
  const decision = { fingerprint: 'f', generation: 1, committables: [undefined, undefined] };
  const start: JobEvent = { kind: 'start', decision: { ...decision, accumulators: [] } };
  assert.equal(run(job(), [{ kind: 'created' }, start])[0].status, 'FINISHED');
});
