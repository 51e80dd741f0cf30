/**
 * A step of the job machine under way: copies of what it may change, and the effects that it has
 * had so far. The invariants named here are those of job-machine.ts.
 */
import type { JobStatus } from '../protocol/job-status.ts';
import { isTerminalExecution } from './execution-state.ts';
import type {
  ExecutionRecord,
  JobEffect,
  JobState,
  RegionState,
  SlotPhase,
  StepInput,
} from './job-state.ts';
import { transition } from './job-status.ts';

export function isQuiet(phase: SlotPhase): boolean {
  return phase === 'absent' || phase === 'requested' || phase === 'idle';
}

/** One step over copies of what it changes. */
export class JobDraft {
  state: { -readonly [K in keyof JobState]: JobState[K] };
  readonly slots: SlotPhase[];
  readonly executions: ExecutionRecord[];
  readonly regions: RegionState[];
  readonly input: StepInput;
  readonly effects: JobEffect[] = [];

  constructor(state: JobState, input: StepInput) {
    this.slots = [...state.slots];
    this.executions = [...state.executions];
    this.regions = [...state.regions];
    this.state = {
      ...state,
      slots: this.slots,
      executions: this.executions,
      regions: this.regions,
    };
    this.input = input;
  }

  change(region: number, to: Partial<RegionState>): void {
    this.regions[region] = { ...this.regions[region]!, ...to };
  }

  enter(to: JobStatus): void {
    const from = this.state.status;
    this.state.status = transition(from, to);
    this.effects.push({ kind: 'status', from, to });
  }

  /** The worker of the slot is gone: what it did not finish is cancelled. */
  quieten(slot: number, phase: 'idle' | 'absent'): void {
    this.slots[slot] = phase;
    for (const [index, execution] of this.executions.entries()) {
      if (execution.slot !== slot || isTerminalExecution(execution.state)) continue;
      this.executions[index] = { ...execution, state: 'CANCELED' };
    }
  }

  /**
   * Nobody needs its worker any more. Before the decision a task that has finished may still be
   * read from, unless all others of its region have finished too.
   */
  isSpent(slot: number): boolean {
    if (this.state.status === 'COMMITTING') return this.hasFinished((one) => one === slot);
    const region = this.state.regionOf[slot]!;
    return this.hasFinished((one) => this.state.regionOf[one] === region);
  }

  hasFinished(counts: (slot: number) => boolean): boolean {
    return this.executions.every((one) => one.state === 'FINISHED' || !counts(one.slot));
  }

  closeSources(): void {
    if (!this.state.sourcesRun) return;
    this.state.sourcesRun = false;
    this.effects.push({ kind: 'close-sources', epoch: this.state.sourcesEpoch });
  }
}
