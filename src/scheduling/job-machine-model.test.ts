// The job machine against a small world of slots and workers that fails at every point: what the
// machine decides must keep the promises about outside effects whatever the order of events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { isTerminal } from '../protocol/job-status.ts';
import { isQuiet } from './job-draft.ts';
import { plannedJob, stepJob } from './job-machine.ts';
import type { PlannedSlots } from './job-machine.ts';
import type { JobEffect, JobEvent, JobState } from './job-state.ts';
import type { RestartStrategy } from './restart-strategy.ts';

const failed = new EngineError('SLOT_WORKER_DIED', { slot: 0, taskExecutor: 'a', reason: 'test' });
const fatal = new EngineError('USER_CODE_ASYNC', { role: 'map', operator: 'a', message: 'x' });

interface Worker {
  readonly generation: number;
  /** Asked to stop. */
  stopping: boolean;
  /** Its TaskExecutor is lost; it may act until the lease is over. */
  zombie: boolean;
  readonly tasks: Map<number, { state: 'running' | 'ready' | 'committing' | 'done' }>;
}

/** What a task prepared: which execution, and in which generation it ran. */
type Prepared = `${number}@${number}`;

class World {
  state: JobState;
  readonly workers = new Map<number, Worker>();
  readonly waiting: JobEvent[] = [];
  readonly committed = new Set<Prepared>();
  readonly committer: readonly boolean[];
  decided: readonly Prepared[] | undefined;
  cancelled = false;
  /** What the enumerator has: undefined while none runs. */
  enumerator: { pending: number[]; readonly given: Map<number, number[]> } | undefined;
  /** The splits that the last attempt of each execution has read. */
  readonly read = new Map<number, number[]>();
  /** Regions that went on while another one restarted. */
  survivals = 0;
  /** Slots that were given back before the end. */
  releases = 0;
  /** Of each region when a savepoint to stop was complete last. */
  stoppedAt: readonly number[] | undefined;
  #now = 0;

  constructor(planned: PlannedSlots, committer: readonly boolean[], strategy: RestartStrategy) {
    this.state = plannedJob(planned, strategy);
    this.committer = committer;
    this.feed({ kind: 'created' });
    this.feed({ kind: 'start' });
  }

  feed(event: JobEvent): void {
    const [state, effects] = stepJob(this.state, event, {
      now: milliseconds(this.#now++),
      draw: 0.5,
    });
    const before = this.state;
    this.state = state;
    for (const effect of effects) this.#execute(effect);
    if (isTerminal(before.status)) assert.deepEqual(effects, [], 'J5');
    if (before.status === 'COMMITTING') {
      assert.ok(['COMMITTING', 'FINISHED', 'FAILING', 'FAILED'].includes(state.status), 'J2');
    }
  }

  #execute(effect: JobEffect): void {
    switch (effect.kind) {
      case 'request-slot':
        this.waiting.push({ kind: 'slot-assigned', slot: effect.slot });
        break;
      case 'prepare-slots':
        for (const slot of this.state.regions[effect.region]!.slots) {
          assert.ok(!this.workers.has(slot), 'J1: a worker of an earlier generation can still act');
        }
        if (this.workers.size > 0 && effect.generation > 1) this.survivals++;
        for (const slot of effect.slots) {
          this.workers.set(slot, {
            generation: effect.generation,
            stopping: false,
            zombie: false,
            tasks: new Map(),
          });
          this.waiting.push({ kind: 'slot-prepared', slot, generation: effect.generation });
        }
        break;
      case 'deploy':
        for (const index of effect.executions) {
          if (!effect.commitOnly) this.read.set(index, []);
          const { slot, committables } = this.state.executions[index]!;
          const worker = this.workers.get(slot);
          if (worker === undefined || worker.generation !== effect.generation) continue;
          worker.tasks.set(index, { state: effect.commitOnly ? 'committing' : 'running' });
          if (effect.commitOnly) assert.equal(committables.length, 1, 'J3: nothing to commit');
        }
        break;
      case 'commit': {
        const task = this.workers
          .get(this.state.executions[effect.execution]!.slot)
          ?.tasks.get(effect.execution);
        if (task?.state === 'ready') task.state = 'committing';
        break;
      }
      case 'stop-slot': {
        const worker = this.workers.get(effect.slot);
        if (worker !== undefined) worker.stopping = true;
        this.waiting.push({
          kind: 'slot-stopped',
          slot: effect.slot,
          generation: effect.generation,
        });
        break;
      }
      case 'release-slot': {
        assert.ok(!this.workers.has(effect.slot), 'J11: given back with a worker in it');
        const region = this.state.regionOf[effect.slot];
        const own = this.state.executions.filter(
          ({ slot }) => this.state.regionOf[slot] === region,
        );
        assert.ok(
          own.every(({ state }) => state === 'FINISHED'),
          'J11: its region has not finished',
        );
        this.releases++;
        break;
      }
      case 'await-lease':
        this.waiting.push({ kind: 'lease-over', slot: effect.slot, generation: effect.generation });
        break;
      case 'await-delay':
        this.waiting.push({
          kind: 'delay-over',
          region: effect.region,
          generation: effect.generation,
        });
        break;
      case 'status':
        if (effect.to === 'COMMITTING') {
          assert.equal(this.decided, undefined, 'J2: decided twice');
          const again = this.stoppedAt?.map((last, region) => this.#generationOf(region) > last);
          assert.ok(again === undefined || new Set(again).size === 1, 'J12: some stopped alone');
          const ready = this.state.executions.entries().filter(([, one]) => one.ready);
          this.decided = ready
            .map(([index, { generation }]): Prepared => `${index}@${generation}`)
            .toArray();
        }
        break;
      case 'start-sources':
        assert.equal(this.enumerator, undefined, 'J10: enumerators of two starts');
        this.enumerator = { pending: [...SPLITS], given: new Map() };
        break;
      case 'attach-readers':
        for (const execution of effect.executions) {
          this.enumerator!.pending.push(...(this.enumerator!.given.get(execution) ?? []));
          this.enumerator!.given.delete(execution);
        }
        break;
      case 'close-sources':
        assert.notEqual(this.enumerator, undefined, 'J10: closed twice');
        this.enumerator = undefined;
        break;
      case 'ended':
    }
  }

  stops(): void {
    const { status } = this.state;
    if (status !== 'RUNNING' && status !== 'RESTARTING') return;
    this.stoppedAt = this.state.regions.map((_, region) => this.#generationOf(region));
    this.feed({ kind: 'stops' });
  }

  #generationOf(region: number): number {
    return this.state.regions[region]!.generation;
  }

  /**
   * Delivers the n-th waiting event; the worker dies when its end is reported or its lease is over.
   */
  deliver(choice: number): void {
    const [event] = this.waiting.splice(choice % Math.max(this.waiting.length, 1), 1);
    if (event === undefined) return;
    if (event.kind === 'slot-stopped' || event.kind === 'lease-over') {
      if (this.workers.get(event.slot)?.generation === event.generation) {
        this.workers.delete(event.slot);
      }
    }
    this.feed(event);
  }

  /** A task takes a step of its own. */
  work(choice: number): void {
    const tasks = [...this.workers.values()].flatMap((worker) =>
      [...worker.tasks].map(([index, task]) => ({ worker, index, task })),
    );
    if (tasks.length === 0) return;
    const { worker, index, task } = tasks[choice % tasks.length]!;
    const { generation, zombie } = worker;
    const report = (event: JobEvent): void => {
      if (!zombie) this.feed(event);
    };
    if (task.state === 'running' && this.#readSplit(index, zombie)) return;
    if (task.state === 'running') {
      task.state = this.committer[index] ? 'ready' : 'done';
      report(
        this.committer[index]
          ? {
              kind: 'ready-to-commit',
              execution: index,
              generation,
              committables: [{ operator: 'o', committables: [new Uint8Array([generation])] }],
            }
          : { kind: 'task-state', execution: index, generation, state: 'FINISHED' },
      );
    } else if (task.state === 'committing') {
      const from = this.state.executions[index]!.committables[0]!.committables[0]![0]!;
      const prepared: Prepared = `${index}@${from}`;
      assert.ok(this.decided?.includes(prepared), 'J4: committed without a decision');
      this.committed.add(prepared);
      task.state = 'done';
      report({ kind: 'task-state', execution: index, generation, state: 'FINISHED' });
    }
  }

  /** Whoever is cut off gets none; it may end, but nobody hears of it. */
  #readSplit(execution: number, zombie: boolean): boolean {
    if (zombie || this.enumerator === undefined) return false;
    const { pending, given } = this.enumerator;
    const split = pending.shift();
    if (split === undefined) return false;
    given.set(execution, [...(given.get(execution) ?? []), split]);
    this.read.set(execution, [...this.read.get(execution)!, split]);
    return true;
  }

  fail(choice: number, error: EngineError): void {
    const live = [...this.workers].filter(([, worker]) => !worker.zombie);
    if (live.length === 0) return;
    const [, worker] = live[choice % live.length]!;
    const running = [...worker.tasks].filter(([, task]) => task.state !== 'done');
    if (running.length === 0) return;
    const [execution, task] = running[choice % running.length]!;
    task.state = 'done';
    this.feed({
      kind: 'task-state',
      execution,
      generation: worker.generation,
      state: 'FAILED',
      error,
    });
  }

  die(choice: number): void {
    const live = [...this.workers].filter(([, worker]) => !worker.zombie);
    if (live.length === 0) return;
    const [slot, { generation }] = live[choice % live.length]!;
    this.workers.delete(slot);
    this.feed({ kind: 'slot-stopped', slot, generation, error: failed });
  }

  lose(choice: number, proof: boolean): void {
    const phases = this.state.slots;
    if (phases.length === 0) return;
    const slot = choice % phases.length;
    const worker = this.workers.get(slot);
    if (proof) this.workers.delete(slot);
    else if (worker !== undefined) worker.zombie = true;
    this.feed({ kind: 'slot-lost', slot, proof, error: failed });
  }
}

/** What the sources of a job read. */
const SPLITS = [1, 2, 3];

type Action = readonly [
  'deliver' | 'work' | 'fail' | 'fatal' | 'die' | 'lose' | 'doubt' | 'cancel' | 'sources' | 'stops',
  number,
];

function act(world: World, [what, choice]: Action): void {
  if (what === 'deliver') world.deliver(choice);
  else if (what === 'work') world.work(choice);
  else if (what === 'fail') world.fail(choice, failed);
  else if (what === 'fatal') world.fail(choice, fatal);
  else if (what === 'die') world.die(choice);
  else if (what === 'lose') world.lose(choice, true);
  else if (what === 'doubt') world.lose(choice, false);
  else if (what === 'stops') world.stops();
  else if (what === 'sources') {
    world.feed({ kind: 'sources-failed', epoch: world.state.sourcesEpoch, error: failed });
  } else {
    world.cancelled = true;
    world.feed({ kind: 'cancel' });
  }
}

const action: fc.Arbitrary<Action> = fc.tuple(
  fc.oneof(
    { weight: 12, arbitrary: fc.constant('deliver' as const) },
    { weight: 12, arbitrary: fc.constant('work' as const) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        'fail' as const,
        'die' as const,
        'lose' as const,
        'doubt' as const,
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'cancel' as const,
        'fatal' as const,
        'sources' as const,
        'stops' as const,
      ),
    },
  ),
  fc.nat(1000),
);

const shape = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(3), fc.boolean()), { minLength: 1, maxLength: 6 }),
    fc.array(fc.nat(2), { minLength: 4, maxLength: 4 }),
  )
  .map(([tasks, regions]) => {
    const slots = [...new Set(tasks.map(([slot]) => slot))].sort((a, b) => a - b);
    const used = [...new Set(slots.map((slot) => regions[slot]!))].sort((a, b) => a - b);
    return {
      planned: {
        slotOf: tasks.map(([slot]) => slots.indexOf(slot)),
        regionOf: slots.map((slot) => used.indexOf(regions[slot]!)),
      },
      committer: tasks.map(([, committer]) => committer),
    };
  });

test('a job keeps its promises whatever fails and whenever, and ends once faults stop', () => {
  const seen = { FINISHED: 0, FAILED: 0, CANCELED: 0, recommitted: 0, survived: 0, released: 0 };
  const strategy: RestartStrategy = { kind: 'fixed-delay', attempts: 50, delay: milliseconds(10) };
  fc.assert(
    fc.property(
      shape,
      fc.array(action, { maxLength: 160, size: 'max' }),
      ({ planned, committer }, actions) => {
        const world = new World(planned, committer, strategy);
        for (const each of actions) act(world, each);
        // No more faults: every waiting event arrives and every task works.
        for (let turn = 0; turn < 500 && !isTerminal(world.state.status); turn++) {
          world.deliver(turn);
          world.work(turn);
        }
        check(world);
        seen[world.state.status as 'FINISHED']++;
        const { decided, state } = world;
        const last = (each: Prepared): Prepared =>
          `${Number.parseInt(each, 10)}@${state.executions[Number.parseInt(each, 10)]!.generation}`;
        if (decided?.some((each) => each !== last(each)) === true) seen.recommitted++;
        if (world.releases > 0 && state.status === 'FINISHED') seen.released++;
        if (world.survivals > 0 && state.status === 'FINISHED') seen.survived++;
      },
    ),
    { numRuns: 1500, seed: 7 },
  );
  for (const [what, count] of Object.entries(seen))
    assert.ok(count > 20, `the runs saw ${what} only ${count} times: ${JSON.stringify(seen)}`);
});

function check(world: World): void {
  const { state, decided, committed } = world;
  assert.ok(isTerminal(state.status), `the job hangs in ${state.status}`);
  assert.ok(state.slots.every(isQuiet), 'J5');
  switch (state.status) {
    case 'FINISHED':
      assert.ok(state.executions.every((one) => one.state === 'FINISHED'));
      assert.deepEqual(
        [...committed].sort(),
        [...(decided ?? [])].sort(),
        'all of the decision and nothing else',
      );
      assert.deepEqual(
        [...world.read.values()].flat().sort((a, b) => a - b),
        SPLITS,
        'J10: every split is read once by the attempts that count',
      );
      break;
    case 'CANCELED':
      assert.ok(world.cancelled);
      assert.equal(committed.size, 0, 'J4');
      assert.equal(decided, undefined);
      break;
    case 'FAILED':
      assert.notEqual(state.failure, undefined);
      if (decided === undefined) assert.equal(committed.size, 0, 'J4');
      else assert.equal(state.failure!.code, 'JOB_COMMIT_FAILED');
  }
}
