/**
 * What the operators of a task keep, as snapshots of them begin: their keyed state, their operator
 * state, and what their sinks have prepared to commit.
 *
 * Invariants
 * S1. All of it shows the moment of `begin`.
 */
import type { BarrierElement } from '../../../network/control-element.ts';
import type { OperatorId } from '../../../graph/job-graph.ts';
import type { Operator } from '../../../operators/operator.ts';
import type {
  CommittablesOfCheckpoint,
  OperatorSnapshot,
  StateHandle,
} from '../../../protocol/checkpoint.ts';
import type { KeyedStateBackend } from '../../../state/keyed-state-backend.ts';
import type { OperatorStateBackend } from '../../../state/operator-state.ts';
import { KeyedIncrements } from './keyed-increments.ts';
import type { RunPart } from './snapshot-run.ts';
import type { SnapshotStreams } from './snapshot-streams.ts';

export interface StatefulOperator {
  readonly id: OperatorId;
  readonly operator: Operator;
  readonly keyedState: KeyedStateBackend | undefined;
  readonly operatorState: OperatorStateBackend;
  /** Of a sink that commits. */
  readonly committables: (() => readonly CommittablesOfCheckpoint[]) | undefined;
}

export interface OperatorStatesOptions {
  readonly operators: readonly StatefulOperator[];
  readonly streams: SnapshotStreams;
  readonly incremental: boolean;
}

/** Snapshots of all operators that have begun. */
export interface BegunStates {
  readonly parts: readonly RunPart[];
  /** @param handles of the parts, in their order */
  done(handles: readonly StateHandle[]): readonly OperatorSnapshot[];
  /** They have come to nothing. */
  forget(): void;
}

interface BegunKeyed {
  /** Of its part. */
  readonly index: number;
  readonly base: readonly StateHandle[];
}

interface Begun {
  readonly operator: StatefulOperator;
  readonly committables: readonly CommittablesOfCheckpoint[];
  readonly keyed: BegunKeyed | undefined;
  /** Of its part. */
  readonly list: number | undefined;
}

export class OperatorStates {
  readonly #options: OperatorStatesOptions;
  readonly #increments: ReadonlyMap<StatefulOperator, KeyedIncrements>;

  constructor(options: OperatorStatesOptions) {
    this.#options = options;
    this.#increments = new Map(
      options.operators.flatMap((operator) =>
        operator.keyedState === undefined
          ? []
          : [[operator, new KeyedIncrements(operator.keyedState)] as const],
      ),
    );
  }

  /** @param hadFinished the operators keep nothing any more, and were not opened */
  begin(barrier: BarrierElement, hadFinished: boolean): BegunStates {
    const { checkpointId } = barrier;
    const parts: RunPart[] = [];
    const begun: Begun[] = [];
    try {
      for (const operator of this.#options.operators) {
        const committables = operator.committables?.() ?? [];
        const { operatorState } = operator;
        const isEmpty = hadFinished || operatorState.isEmpty;
        const keyed = hadFinished ? undefined : this.#beginKeyed(operator, barrier, parts);
        const list = isEmpty ? undefined : parts.push(this.#list(operatorState, barrier)) - 1;
        begun.push({ operator, committables, keyed, list });
      }
    } catch (thrown) {
      for (const { writer } of parts) writer.abort();
      this.aborted(checkpointId);
      throw thrown;
    }
    return {
      parts,
      done: (handles) => begun.map((each) => this.#done(checkpointId, each, handles)),
      forget: () => this.aborted(checkpointId),
    };
  }

  /** Of operators that have finished: what is to be committed belongs to this checkpoint too. */
  async adopt(checkpointId: number): Promise<void> {
    for (const { operator, committables } of this.#options.operators) {
      if (committables !== undefined) await operator.prepareSnapshot?.(checkpointId);
    }
  }

  finished(): readonly OperatorSnapshot[] {
    return this.#options.operators.map(({ id, committables }) => ({
      ...{ operator: id, keyed: undefined, operatorState: undefined },
      committables: committables?.() ?? [],
    }));
  }

  completed(checkpointId: number): void {
    for (const increments of this.#increments.values()) increments.completed(checkpointId);
  }

  aborted(checkpointId: number): void {
    for (const increments of this.#increments.values()) increments.aborted(checkpointId);
  }

  #done(
    checkpointId: number,
    { operator, committables, keyed, list }: Begun,
    handles: readonly StateHandle[],
  ): OperatorSnapshot {
    const operatorState = list === undefined ? undefined : handles[list];
    const { id } = operator;
    if (keyed === undefined) {
      return { operator: id, keyed: undefined, operatorState, committables };
    }
    const { first, last } = operator.keyedState!.keyGroups;
    const parts = [...keyed.base, handles[keyed.index]!];
    this.#increments.get(operator)!.written(checkpointId, parts);
    return {
      ...{ operator: id, operatorState, committables },
      keyed: { firstKeyGroup: first, lastKeyGroup: last, parts },
    };
  }

  #beginKeyed(
    operator: StatefulOperator,
    { checkpointId, latestComplete, options }: BarrierElement,
    parts: RunPart[],
  ): BegunKeyed | undefined {
    const { keyedState } = operator;
    if (keyedState === undefined) return undefined;
    const { incremental, streams } = this.#options;
    const marked = incremental && options.purpose === 'checkpoint';
    const increments = this.#increments.get(operator)!;
    const base = marked && !options.full ? increments.base(latestComplete) : undefined;
    const output = streams.open(options.location, marked ? 'shared' : 'exclusive');
    const order = options.format === 'canonical' ? 'canonical' : 'natural';
    const writer = keyedState.beginSnapshot(output, { order, marked, base: base?.mark });
    if (writer.mark !== undefined) increments.begun(checkpointId, writer.mark);
    return { index: parts.push({ output, writer }) - 1, base: base?.parts ?? [] };
  }

  #list(backend: OperatorStateBackend, { options }: BarrierElement): RunPart {
    const output = this.#options.streams.open(options.location, 'exclusive');
    return { output, writer: backend.beginSnapshot(output) };
  }
}
