/** What a task is made of, whom it tells, and the phases of its life. */
import type { EngineError } from '../../base/errors.ts';
import type { Clock } from '../../env/env.ts';
import type { VertexId } from '../../graph/job-graph.ts';
import type { InputGate } from '../../network/input-gate.ts';
import type { Pressure } from '../../network/pressure.ts';
import type { ContextOf, OperatorChain } from '../../operators/operator-chain.ts';
import type { BarrierHandler } from './checkpoint/taken-barrier.ts';

export type TaskPhase =
  | 'created'
  | 'initializing'
  | 'running'
  | 'finishing'
  | 'ready-to-commit'
  | 'committing'
  | 'closing'
  | 'finished'
  | 'canceled'
  | 'failed';

export interface TaskListener {
  running(): void;
  /**
   * All input has ended and all output is handed over; `commit` is to be called when the job
   * allows.
   */
  readyToCommit(): void;
  /** At once when the task fails, before its operators are closed; `ended` follows. */
  failing?(error: EngineError): void;
  ended(state: 'FINISHED' | 'CANCELED' | 'FAILED', error: EngineError | undefined): void;
  /** Something happened outside of a step; the slot's loop must look again. */
  wake(): void;
}

export interface TaskOptions {
  readonly chain: OperatorChain;
  /** Undefined for a chain with a source at its head. */
  readonly gate: InputGate | undefined;
  /** Who fills the channels of the gate, in its order. */
  readonly producers: readonly { readonly vertex: VertexId; readonly subtask: number }[];
  readonly pressure: Pressure;
  readonly contextOf: ContextOf;
  readonly listener: TaskListener;
  /** Milliseconds for which its output may gather; see flush-round.ts. */
  readonly flushTimeout: number;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  /**
   * Commits what the sinks of the chain prepared, and answers whether all of it is known to be
   * committed: not if they were closed before that. Undefined if there is no committer.
   */
  readonly commit: (() => Promise<boolean>) | undefined;
  /** Takes the operators' state at barriers; undefined if the job has no checkpoints. */
  readonly checkpoints?: BarrierHandler | undefined;
  /** Before the operators are opened: brings back the state that they go on from. */
  readonly restore?: (() => Promise<void>) | undefined;
  /**
   * It had read all its input before a restart, and its operators have nothing left to do: it reads
   * no more than the ends of its input, commits and ends.
   */
  readonly hadFinished?: boolean | undefined;
  /** Adds place and names to an error on its way up. */
  readonly locate: (error: EngineError) => EngineError;
}
