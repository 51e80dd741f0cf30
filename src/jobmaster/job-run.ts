/**
 * The present of a job: the state of its machine (`scheduling/job-machine.ts`), its plan as soon as
 * there is one, and what its executions have counted. Events go in here, and effects come out.
 *
 * B1. Events enter the machine one at a time, in the order in which they happened.
 */
import { assert } from '../base/assert.ts';
import type { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { Configuration } from '../config/configuration.ts';
import { JobMetrics } from '../metrics/job-metrics.ts';
import type { Accumulator, TaskMetrics } from '../protocol/slot-messages.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { isTerminalExecution } from '../scheduling/execution-state.ts';
import { initialJob, stepJob } from '../scheduling/job-machine.ts';
import type { JobEffect, JobEvent, JobState } from '../scheduling/job-state.ts';
import type { CountsOfAttempt } from './attempt-history.ts';
import { JobHistory } from './job-history.ts';
import type { Moment } from './job-history.ts';
import { parseExecutionId } from './job-plan.ts';
import type { JobPlan } from './job-plan.ts';

export interface JobRunOptions {
  readonly main: MainThread;
  readonly env: Pick<Env, 'clock' | 'random'>;
  readonly configuration: Configuration;
  readonly execute: (effect: JobEffect) => void;
  /** After every event and its effects. */
  readonly onStep: () => void;
}

export class JobRun {
  readonly history: JobHistory;
  readonly metrics: JobMetrics<TaskMetrics> = new JobMetrics();
  /** Of each execution, as reported last. */
  accumulators: (readonly Accumulator[])[] = [];
  readonly #options: JobRunOptions;
  readonly #events: JobEvent[] = [];
  #state: JobState = initialJob();
  #plan: JobPlan | undefined;
  #stepping = false;

  constructor(options: JobRunOptions) {
    this.#options = options;
    this.history = new JobHistory(this.#moment(), options.configuration);
  }

  get state(): JobState {
    return this.#state;
  }

  /** Undefined until the job is built. */
  get plan(): JobPlan | undefined {
    return this.#plan;
  }

  /** The latest of all regions. */
  get generation(): number {
    return Math.max(0, ...this.#state.regions.map(({ generation }) => generation));
  }

  planned(plan: JobPlan, state: JobState): void {
    this.#plan = plan;
    this.#state = state;
    const { main } = this.#options;
    const countsOf = (execution: number): CountsOfAttempt => ({
      counts: this.metrics.last(execution, main.now())?.counts,
      accumulators: this.accumulators[execution] ?? [],
    });
    this.history.planned(plan, countsOf, this.#moment().wall);
  }

  /** B1. */
  feed(event: JobEvent): void {
    const { main, env, execute, onStep } = this.#options;
    main.assertInside();
    this.#events.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
      const input = { now: main.now(), draw: env.random.uint32() / 2 ** 32 };
      const [state, effects] = stepJob(this.#state, next, input);
      this.history.note(this.#state, state, next, this.#moment());
      this.#state = state;
      for (const effect of effects) execute(effect);
      onStep();
    }
    this.#stepping = false;
  }

  /** What the job waits for before it can begin. */
  waits(error: EngineError): void {
    this.history.waits(error, this.#moment());
  }

  which(executionId: string): { readonly index: number; readonly attempt: number } {
    const which = this.#plan && parseExecutionId(this.#plan, executionId);
    assert(which !== undefined, `execution ${executionId} does not belong to this job`);
    return which;
  }

  regionOf(execution: number): number {
    const { executions, regionOf } = this.#state;
    return regionOf[executions[execution]!.slot]!;
  }

  /** Whether it is the present generation of the execution's region. */
  isCurrent(execution: number, generation: number): boolean {
    return this.#state.regions[this.regionOf(execution)]!.generation === generation;
  }

  isAtWork(execution: number, generation: number): boolean {
    const { stopping } = this.#state.regions[this.regionOf(execution)]!;
    return this.isCurrent(execution, generation) && !stopping;
  }

  /** What a task has counted until now; at its end it says it once more. */
  takeCounts(index: number, generation: number, counts: TaskMetrics['accumulators']): void {
    const { state } = this.#state.executions[index]!;
    if (counts === undefined || isTerminalExecution(state)) return;
    if (this.isAtWork(index, generation)) this.accumulators[index] = counts;
  }

  #moment(): Moment {
    const { main, env } = this.#options;
    return { now: main.now(), wall: env.clock.now() };
  }
}
