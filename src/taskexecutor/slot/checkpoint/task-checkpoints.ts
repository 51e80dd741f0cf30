/**
 * The checkpoints of one task (Flink's SubtaskCheckpointCoordinator): takes the state of its
 * operators at a barrier, sends the barrier on, writes the state in the background and tells the
 * JobMaster what it has written, or why there is nothing.
 *
 * Invariants
 * T1. For every barrier that was taken there is one answer, an acknowledgement or a refusal, unless
 *     the checkpoint was aborted before or the task has ended.
 * T2. What was written and not acknowledged is deleted by the task; what was acknowledged is the
 *     master's.
 * T3. The barrier goes on whatever becomes of the snapshot: a failure is of this checkpoint alone.
 * T4. Data in flight is whole when it is acknowledged: from the task's inputs up to the barriers
 *     that were overtaken, and from its outputs what a barrier has passed.
 */
import { EngineError, toEngineError } from '../../../base/errors.ts';
import type { Clock } from '../../../env/env.ts';
import type { BarrierElement } from '../../../network/control-element.ts';
import type { AlignedBarrier, InputGate } from '../../../network/input-gate.ts';
import type { OperatorChain } from '../../../operators/operator-chain.ts';
import type { TaskSnapshot } from '../../../protocol/checkpoint.ts';
import type { FromSlot } from '../../../protocol/slot-messages.ts';
import type { BackgroundWork } from './background-work.ts';
import { OperatorStates } from './operator-states.ts';
import type { StatefulOperator } from './operator-states.ts';
import { OutputFlight } from './output-flight.ts';
import type { OutputEdge } from './output-flight.ts';
import { SnapshotMetrics } from './snapshot-metrics.ts';
import { SnapshotRun } from './snapshot-run.ts';
import type { RunResult } from './snapshot-run.ts';
import type { SnapshotStreams } from './snapshot-streams.ts';
import type { BarrierHandler } from './taken-barrier.ts';

/** The channel at a place of the gate. */
interface InputPlace {
  readonly edge: string;
  readonly producer: number;
}

export interface TaskCheckpointsOptions {
  readonly executionId: string;
  readonly name: string;
  readonly subtask: number;
  readonly chain: OperatorChain;
  readonly gate: InputGate | undefined;
  readonly inputs: readonly InputPlace[];
  readonly outputs: readonly OutputEdge[];
  readonly operators: readonly StatefulOperator[];
  readonly hadFinished: boolean;
  readonly streams: SnapshotStreams;
  /** Later checkpoints refer to files of earlier ones. */
  readonly incremental: boolean;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  readonly background: BackgroundWork;
  /** Bytes that have come to the task so far. */
  bytesIn(): number;
  answer(message: CheckpointAnswer): void;
}

export type CheckpointAnswer = Extract<
  FromSlot,
  { kind: 'acknowledge-checkpoint' | 'decline-checkpoint' }
>;

interface Current {
  readonly run: SnapshotRun;
  /** That its barrier has overtaken on the way in, by places of the gate. */
  readonly captured: AlignedBarrier['inFlight'];
  readonly outputs: OutputFlight;
}

export class TaskCheckpoints implements BarrierHandler {
  readonly #options: TaskCheckpointsOptions;
  readonly #states: OperatorStates;
  /** Being written, by checkpoint. */
  readonly #current = new Map<number, Current>();
  /** That its operators have been asked for, and whose fate is not known yet. */
  readonly #taken = new Set<number>();
  /** Of the barrier for which operators prepare. */
  #syncBegan = 0;
  #closed = false;

  constructor(options: TaskCheckpointsOptions) {
    this.#options = options;
    const { operators, streams, incremental } = options;
    this.#states = new OperatorStates({ operators, streams, incremental });
  }

  prepare({ barrier }: AlignedBarrier): Promise<void> | undefined {
    this.#syncBegan = this.#options.clock.monotonic();
    if (this.#options.hadFinished) return undefined;
    this.#taken.add(barrier.checkpointId);
    const { chain } = this.#options;
    chain.closeEpoch();
    const waiting: Promise<void>[] = [];
    for (const { operator } of chain.members) {
      const promise = operator.prepareSnapshot?.(barrier.checkpointId, barrier.options.purpose);
      if (promise !== undefined) waiting.push(promise);
    }
    return waiting.length === 0 ? undefined : Promise.all(waiting).then(() => undefined);
  }

  take(event: AlignedBarrier): void {
    const { barrier } = event;
    const { checkpointId } = barrier;
    this.#giveUpCaptures(event);
    const metrics = this.#metrics(event);
    const outputs = new OutputFlight(this.#options.outputs, this.#options.clock);
    let states;
    try {
      states = this.#states.begin(barrier, this.#options.hadFinished);
    } catch (thrown) {
      // T3. Nothing is open: whatever could not begin has aborted the others.
      outputs.send(barrier);
      this.#options.gate?.stopCapture();
      this.#refuse(checkpointId, thrown);
      return;
    }
    outputs.send(barrier);
    const inputs = event.inFlight.map(({ data }) => data);
    const run = new SnapshotRun({
      parts: states.parts,
      inFlight: () => [...inputs, ...outputs.data],
      isSettled: () => outputs.isSettled(checkpointId),
      open: () => this.#options.streams.open(barrier.options.location, 'exclusive'),
      background: this.#options.background,
      monotonic: () => this.#options.clock.monotonic(),
      done: (result) => {
        this.#end(checkpointId);
        const snapshot: TaskSnapshot = {
          operators: states.done(result.parts),
          inputs: this.#inputChannels(event, result),
          outputs: outputs.channels(this.#options.subtask, result.inFlight),
          finished: this.#options.hadFinished,
        };
        this.#acknowledge(
          checkpointId,
          snapshot,
          metrics.read(snapshot, [...inputs, ...outputs.data]),
        );
      },
      failed: (thrown) => {
        this.#end(checkpointId);
        states.forget();
        this.#refuse(checkpointId, thrown);
      },
    });
    this.#current.set(checkpointId, { run, captured: event.inFlight, outputs });
    metrics.syncDone();
    run.start();
  }

  takeFinished(barrier: BarrierElement): void {
    const { checkpointId } = barrier;
    this.#taken.add(checkpointId);
    const event = { kind: 'barrier', barrier, since: this.#now(), inFlight: [] } as const;
    this.#syncBegan = this.#now();
    const metrics = this.#metrics(event);
    this.#states.adopt(checkpointId).then(
      () => {
        metrics.syncDone();
        const operators = this.#states.finished();
        const snapshot = { operators, inputs: [], outputs: [], finished: true };
        this.#acknowledge(checkpointId, snapshot, metrics.read(snapshot, []));
      },
      (thrown: unknown) => this.#refuse(checkpointId, thrown),
    );
  }

  /** A newer barrier has come from a channel from which this one never will. */
  superseded(checkpointId: number, by: number): void {
    this.decline(checkpointId, `the barrier of checkpoint ${by} has come before its own`);
  }

  decline(checkpointId: number, reason: string): void {
    const { name: task } = this.#options;
    this.#refuse(
      checkpointId,
      new EngineError('CHECKPOINT_DECLINED', { task, checkpointId, reason }),
    );
  }

  /** Whether its operators were asked for their state, and have not been told what became of it. */
  tookPart(checkpointId: number): boolean {
    return this.#taken.has(checkpointId);
  }

  /** It is durable: later ones may refer to it. */
  completed(checkpointId: number, latestComplete: number): void {
    for (const id of this.#taken) if (id <= checkpointId) this.#taken.delete(id);
    this.#states.completed(Math.max(checkpointId, latestComplete));
  }

  /** T2. It never will be durable. */
  aborted(checkpointId: number): void {
    this.#taken.delete(checkpointId);
    this.#states.aborted(checkpointId);
    const current = this.#current.get(checkpointId);
    if (current === undefined) return;
    if (current.captured.length > 0) this.#options.gate?.stopCapture();
    this.#end(checkpointId);
    // What could not be deleted goes with the checkpoint's folder.
    current.run.abort().catch(() => undefined);
  }

  async close(orderly: boolean): Promise<void> {
    if (orderly) {
      await Promise.all([...this.#current.values()].map(({ run }) => run.ended));
      return;
    }
    this.#closed = true;
    const aborts = [...this.#current.values()].map(({ run, outputs }) => {
      outputs.close();
      return run.abort();
    });
    this.#current.clear();
    await Promise.allSettled(aborts);
  }

  // -------------------------------------------------------------------------------------- answers

  #acknowledge(
    checkpointId: number,
    snapshot: TaskSnapshot,
    metrics: ReturnType<SnapshotMetrics['read']>,
  ): void {
    if (this.#closed) return;
    const { executionId } = this.#options;
    const kind = 'acknowledge-checkpoint';
    this.#options.answer({ kind, executionId, checkpointId, snapshot, metrics });
  }

  #refuse(checkpointId: number, thrown: unknown): void {
    if (this.#closed) return;
    const { executionId } = this.#options;
    const error = toEngineError(thrown).toData();
    this.#options.answer({ kind: 'decline-checkpoint', executionId, checkpointId, error });
  }

  #end(checkpointId: number): void {
    this.#current.get(checkpointId)?.outputs.close();
    this.#current.delete(checkpointId);
  }

  /** A channel captures for one checkpoint only: older ones that still do so never end. */
  #giveUpCaptures({ barrier, inFlight }: AlignedBarrier): void {
    if (inFlight.length === 0) return;
    for (const [checkpointId, { run, captured }] of this.#current) {
      if (captured.every(({ data }) => data.isComplete)) continue;
      this.#end(checkpointId);
      run.abort().then(
        () => this.superseded(checkpointId, barrier.checkpointId),
        (thrown: unknown) => this.#refuse(checkpointId, thrown),
      );
    }
  }

  #inputChannels(
    { inFlight }: AlignedBarrier,
    { inFlight: handles }: RunResult,
  ): TaskSnapshot['inputs'] {
    return inFlight.flatMap(({ place, data }) => {
      const handle = handles.get(data);
      if (handle === undefined) return [];
      const { edge, producer } = this.#options.inputs[place]!;
      return [{ edge, producer, consumer: this.#options.subtask, handle }];
    });
  }

  #metrics({ barrier, since, inFlight }: AlignedBarrier): SnapshotMetrics {
    const { clock } = this.#options;
    return new SnapshotMetrics({
      clock,
      ...{ triggeredAt: barrier.triggeredAt, since, syncBegan: this.#syncBegan },
      unaligned: barrier.options.alignment === 'unaligned' && inFlight.length > 0,
      bytesIn: () => this.#options.bytesIn(),
    });
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }
}
