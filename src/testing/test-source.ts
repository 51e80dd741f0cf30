/** A source in the hand of a test. */
import type { TimestampInput } from '../base/units.ts';
import type { FedSource, FedSubtask } from './fed-source.ts';

/** One split of a source in the hand of a test. */
export interface TestSplit<T> {
  emit(value: T, at?: TimestampInput): void;
  /** One that is not above the last says nothing new. */
  watermark(at: TimestampInput): void;
  /** It no longer holds the source back until it says something again. */
  idle(): void;
  /** It has been read to its end. */
  end(): void;
}

/**
 * @example
 * const orders = harness.source('orders', Order);
 * orders.emit({ id: 'a', amount: 3 }, 1_000);
 * orders.watermark(2_000);
 * orders.end();
 */
export class TestSource<T> {
  readonly #source: FedSource;
  readonly #subtasks: readonly FedSubtask[];
  readonly #step: () => void;
  readonly #alone: boolean;

  constructor(source: FedSource, step: () => void, subtask?: number) {
    this.#source = source;
    this.#step = step;
    this.#alone = subtask !== undefined;
    this.#subtasks = subtask === undefined ? source.subtasks : [source.subtasks[subtask]!];
  }

  get parallelism(): number {
    return this.#source.subtasks.length;
  }

  /** One subtask of the source alone. */
  subtask(index: number): TestSource<T> {
    return new TestSource<T>(this.#source, this.#step, index);
  }

  /**
   * A split (partition, file) of the source, which has an event time of its own and holds that of
   * the source from now on; the subtasks get them in turn.
   * @example orders.split('partition 3').emit({ id: 'a', amount: 3 }, 1_000);
   */
  split(id: string): TestSplit<T> {
    const subtask = this.#source.ofSplit(id);
    subtask.openSplit(id);
    this.#step();
    return {
      emit: (value, at) => {
        subtask.emitTo(id, value, at);
        this.#step();
      },
      watermark: (at) => {
        subtask.watermarkOf(id, at);
        this.#step();
      },
      idle: () => {
        subtask.idleSplit(id);
        this.#step();
      },
      end: () => {
        subtask.endSplit(id);
        this.#step();
      },
    };
  }

  /** A record, with its event time if it has one; from the subtasks in turn. */
  emit(value: T, at?: TimestampInput): void {
    this.#next().emit(value, at);
    this.#step();
  }

  /** Several records, which lie ready together before the first is processed. */
  emitAll(values: Iterable<T>, timestampOf?: (value: T) => TimestampInput): void {
    for (const value of values) this.#next().emit(value, timestampOf?.(value));
    this.#step();
  }

  /** No record at or below `at` will follow; from all subtasks. */
  watermark(at: TimestampInput): void {
    for (const subtask of this.#subtasks) subtask.watermark(at);
    this.#step();
  }

  /** Holds nobody back any more until it says something again. */
  idle(): void {
    for (const subtask of this.#subtasks) subtask.idle();
    this.#step();
  }

  /** No more records. */
  end(): void {
    for (const subtask of this.#subtasks) if (!subtask.state.ended) subtask.end();
    this.#step();
  }

  #next(): FedSubtask {
    return this.#alone ? this.#subtasks[0]! : this.#source.next();
  }
}
