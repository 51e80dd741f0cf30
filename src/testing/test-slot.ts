/**
 * All tasks of all subtasks of a job in one slot, in this thread: wired by the product's TaskWiring
 * and run by its SlotLoop, which gets its turns only from `run`.
 *
 * Invariants
 * S1. The first failure of a task ends the others, and is thrown by every call from then on.
 * S2. After `run` no task can do anything until something comes from outside or time passes.
 */
import { assert, AssertionError } from '../base/assert.ts';
import type { EngineError } from '../base/errors.ts';
import { toEngineError } from '../base/errors.ts';
import type { Configuration } from '../config/configuration.ts';
import { PipelineOptions } from '../config/options/pipeline-options.ts';
import { eventLoopTurn } from '../env/node/event-loop-turn.ts';
import { WallClockGuard } from '../env/node/wall-clock-guard.ts';
import type { CompiledJob, OperatorId } from '../graph/job-graph.ts';
import { deploymentsOf, planJob } from '../jobmaster/job-plan.ts';
import { NetworkMemory } from '../network/network-memory.ts';
import { FLUSH_AT_ONCE } from '../network/flush-round.ts';
import { Doorbell } from '../network/doorbell.ts';
import type { SourceEventToEnumerator, SourceEventToReader } from '../protocol/slot-messages.ts';
import type { SlotLocation, TaskDeployment } from '../protocol/task-deployment.ts';
import { SlotLoop } from '../taskexecutor/slot/slot-loop.ts';
import type { TaskListener, TaskPhase } from '../taskexecutor/slot/task-options.ts';
import type { Task } from '../taskexecutor/slot/task.ts';
import { TaskWiring } from '../taskexecutor/slot/task-wiring.ts';
import { FileSystems } from '../storage/file-systems.ts';
import type { WiredTask } from '../taskexecutor/slot/task-wiring.ts';
import { silentRegion } from './silent-region.ts';
import type { TestWorld } from './test-world.ts';

export interface TestSlotOptions {
  readonly job: CompiledJob;
  readonly world: TestWorld;
  readonly configuration: Configuration;
  readonly wallClock: 'refused' | 'allowed';
  /** Whether something in the job works with promises while it runs. */
  readonly hasAsyncWork: boolean;
  /** From a reader of a source that runs for real. */
  toEnumerator(operator: OperatorId, subtask: number, event: SourceEventToEnumerator): void;
}

/** Turns of the queue of settled promises before the event loop has one. */
const SHORT_TURNS = 12;

/** Phases of a task that it leaves only for something that comes to it. */
const SETTLED: ReadonlySet<TaskPhase> = new Set([
  'running',
  'ready-to-commit',
  'finished',
  'canceled',
  'failed',
]);

const HERE: SlotLocation = {
  taskExecutorId: 'harness',
  slot: 0,
  generation: 1,
  host: 'localhost',
  dataPort: 0,
};

export class TestSlot {
  /** Producers first. */
  readonly tasks: readonly WiredTask[];
  readonly #options: TestSlotOptions;
  readonly #loop: SlotLoop;
  readonly #guard = new WallClockGuard();
  readonly #ended = new Set<string>();
  readonly #readyToCommit = new Set<Task>();
  #failure: EngineError | undefined;

  constructor(options: TestSlotOptions) {
    this.#options = options;
    const { job, world, configuration } = options;
    this.#loop = new SlotLoop({ clock: world.clock, doorbell: new Doorbell(silentRegion(), 0) });
    const plan = planJob(job.graph, 'full');
    const deployments = deploymentsOf(plan, {
      attempt: 1,
      executions: plan.executions.map((_, index) => index),
      locationOf: () => HERE,
      restoreOf: () => undefined,
    });
    const fileSystems = FileSystems.create(world);
    const wiring = new TaskWiring({
      job,
      verify: configuration.get(PipelineOptions.exchangeVerify),
      autoWatermarkInterval: configuration.get(PipelineOptions.autoWatermarkInterval),
      memory: new NetworkMemory({ capacityBytes: 0, segmentBytes: 0, where: 'a harness' }),
      flushTimeout: FLUSH_AT_ONCE,
      clock: world.clock,
      disk: world.disk,
      random: world.random,
      log: world.log,
      isHere: () => true,
      isInProcess: () => true,
      linkTo: () => {
        throw new AssertionError('S2: a harness has one slot');
      },
      listenerOf: (deployment) => this.#listenerOf(deployment),
      sourceWiring: ({ subtask }, operator, pressure, task) => ({
        env: world,
        pressure,
        requestSplit: () => options.toEnumerator(operator, subtask, { kind: 'split-request' }),
        sendToEnumerator: (payload) =>
          options.toEnumerator(operator, subtask, { kind: 'user', payload }),
        reportWatermark: (watermark) =>
          options.toEnumerator(operator, subtask, { kind: 'watermark', watermark }),
        available: () => task().sourceAvailable(),
      }),
      sinkWiring: (_deployment, operator) => ({
        env: world,
        jobId: 'harness',
        operatorId: operator,
        fileSystem: (uri) => fileSystems.of(uri),
        sendToClient: () => undefined,
        underLease: (effect) => effect(),
        commitRetries: 0,
      }),
    });
    this.tasks = wiring.wire([...deployments.values()].flat());
    this.#loop.setTasks(this.tasks.map(({ task }) => task));
  }

  /** Opens all operators. Nothing runs before `run`. */
  async open(): Promise<void> {
    await Promise.all(this.tasks.map(({ task }) => task.start()));
    this.check();
  }

  /** Runs until nothing can run (S2). @returns whether anything did. */
  run(): boolean {
    const { clock } = this.#options.world;
    if (this.#options.wallClock === 'allowed') return clock.runSoon();
    let any = false;
    this.#guard.run(() => {
      any = clock.runSoon();
    });
    return any;
  }

  /** Runs, and takes in what promises bring, until neither brings anything any more. */
  async settle(): Promise<void> {
    this.run();
    for (let idle = 0; this.#isWaiting; idle += 1) {
      // Most of what is waited for is there after a few of these, which cost next to nothing.
      await (idle < SHORT_TURNS ? Promise.resolve() : eventLoopTurn());
      if (this.run()) idle = -1;
      else if (idle === SHORT_TURNS) return;
    }
  }

  /** Whether a promise may bring something: most jobs have none between their first and last. */
  get #isWaiting(): boolean {
    return (
      this.#options.hasAsyncWork ||
      this.tasks.some(({ task }) => task.isHeld || !SETTLED.has(task.phase))
    );
  }

  /** Commits when all tasks are ready to, as a JobMaster decides. */
  async commit(): Promise<void> {
    if (this.#ended.size + this.#readyToCommit.size < this.tasks.length) return;
    for (const task of this.#readyToCommit) task.commit();
    await this.settle();
  }

  get isFinished(): boolean {
    return this.#ended.size === this.tasks.length;
  }

  /** @throws the failure of a task (S1). */
  check(): void {
    if (this.#failure === undefined) return;
    for (const { task } of this.tasks) task.cancel();
    throw this.#failure;
  }

  /** The job fails of something outside of its tasks. */
  fail(error: unknown): void {
    this.#failure ??= toEngineError(error);
  }

  async close(): Promise<void> {
    for (const { task } of this.tasks) task.cancel();
    await this.settle();
  }

  toReader(operator: OperatorId, subtask: number, event: SourceEventToReader): void {
    const wired = this.tasks.find(
      ({ deployment, task }) =>
        deployment.subtask === subtask &&
        task.source !== undefined &&
        deployment.vertex === operator,
    );
    assert(wired !== undefined, 'S2: an event for a source that is not there');
    const { task } = wired;
    task.mail(() => {
      if (event.kind === 'splits') task.source!.addSplits(event.splits);
      else if (event.kind === 'no-more-splits') task.source!.noMoreSplits();
      else if (event.kind === 'watermark-limit') task.source!.alignTo(event.limit);
      else task.source!.handleEvent(event.payload);
      task.sourceAvailable();
    });
  }

  #listenerOf({ executionId }: TaskDeployment): TaskListener {
    const wired = (): WiredTask =>
      this.tasks.find(({ deployment }) => deployment.executionId === executionId)!;
    return {
      running: () => {
        const { task, deployment } = wired();
        if (task.source === undefined) return;
        const registered = { kind: 'reader-registered' } as const;
        this.#options.toEnumerator(deployment.vertex, deployment.subtask, registered);
      },
      readyToCommit: () => this.#readyToCommit.add(wired().task),
      failing: (error) => {
        this.#failure ??= error;
      },
      ended: (state, error) => {
        if (state === 'FINISHED') this.#ended.add(executionId);
        this.#readyToCommit.delete(wired().task);
        if (error !== undefined) this.#failure ??= error;
      },
      wake: () => this.#loop.wake(),
    };
  }
}
