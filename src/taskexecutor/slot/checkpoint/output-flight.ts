/**
 * How the barrier of one checkpoint leaves a task: in its place behind the records, or past what
 * waits in the outputs, at once or when its time for waiting is over.
 *
 * Invariants
 * F1. What the barrier passes is in `data`; a barrier in its place passes nothing.
 * F2. Settled: the barrier waits in no output, so that nothing can be added to `data`.
 */
import type { Duration } from '../../../base/units.ts';
import type { Clock } from '../../../env/env.ts';
import type { BarrierElement } from '../../../network/control-element.ts';
import { InFlight } from '../../../network/in-flight.ts';
import type { EdgeParallelism } from '../../../network/in-flight.ts';
import type { RecordWriter } from '../../../network/record-writer.ts';
import type { ChannelState, StateHandle } from '../../../protocol/checkpoint.ts';

/** An edge that begins at the task. */
export interface OutputEdge {
  readonly edge: string;
  readonly writer: RecordWriter;
  /** Of each channel, its subtask. */
  readonly consumers: readonly number[];
  /** Undefined: nothing may pass on it. */
  readonly overtakable: EdgeParallelism | undefined;
}

interface Passed {
  readonly edge: string;
  readonly consumer: number;
  readonly data: InFlight;
}

export class OutputFlight {
  readonly #edges: readonly OutputEdge[];
  readonly #clock: Pick<Clock, 'now' | 'after'>;
  readonly #passed: Passed[] = [];
  #timer: Disposable | undefined;
  #mayWait = false;

  constructor(edges: readonly OutputEdge[], clock: Pick<Clock, 'now' | 'after'>) {
    this.#edges = edges;
    this.#clock = clock;
  }

  get data(): readonly InFlight[] {
    return this.#passed.map(({ data }) => data);
  }

  /** F2 */
  isSettled(checkpointId: number): boolean {
    if (!this.#mayWait) return true;
    return !this.#edges.some(
      ({ writer, overtakable }) => overtakable !== undefined && writer.holds(checkpointId),
    );
  }

  send(barrier: BarrierElement): void {
    const { alignment } = barrier.options;
    for (const edge of this.#edges) {
      if (alignment === 'unaligned' && edge.overtakable !== undefined) {
        edge.writer.overtake(barrier, (channel) => this.#pass(edge, channel));
      } else edge.writer.control(barrier);
    }
    if (alignment === 'aligned') this.#startTimer(barrier);
  }

  /** What was written, as the acknowledgement has it. */
  channels(producer: number, handles: ReadonlyMap<InFlight, StateHandle>): ChannelState[] {
    return this.#passed.flatMap(({ edge, consumer, data }) => {
      const handle = handles.get(data);
      return handle === undefined ? [] : [{ edge, producer, consumer, handle }];
    });
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #pass({ edge, consumers, overtakable }: OutputEdge, channel: number): InFlight {
    const data = new InFlight(overtakable!);
    // All there is is passed at once.
    data.complete();
    this.#passed.push({ edge, consumer: consumers[channel]!, data });
    return data;
  }

  #startTimer({ checkpointId, triggeredAt, options }: BarrierElement): void {
    const { alignedTimeout } = options;
    if (alignedTimeout === undefined || this.#isTimeless) return;
    this.#mayWait = true;
    if (this.isSettled(checkpointId)) return;
    const left = triggeredAt + alignedTimeout - this.#clock.now();
    this.#timer = this.#clock.after(Math.min(Math.max(left, 0), alignedTimeout) as Duration, () => {
      for (const edge of this.#edges) {
        if (edge.overtakable === undefined) continue;
        edge.writer.timeOut(checkpointId, (channel) => this.#pass(edge, channel));
      }
    });
  }

  /** Whether no output lets anything pass. */
  get #isTimeless(): boolean {
    return this.#edges.every(({ overtakable }) => overtakable === undefined);
  }
}
