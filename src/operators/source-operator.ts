/**
 * The head of a chain that reads a source: owns the SourceReader of one subtask and gives its
 * records to the chain. The driver calls `poll` instead of `process`.
 *
 * Invariants
 * R1. After `poll` answered `end` the reader is not polled again.
 * R2. A reader emits only inside `poll`.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import type { Timestamp } from '../base/units.ts';
import type { Pressure } from '../network/pressure.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type {
  AnySource,
  ConnectorEnv,
  PollResult,
  SourceOutput,
  SourceReader,
} from '../functions/source.ts';
import type { Downstream, Operator, OperatorContext } from './operator.ts';

/** What a source operator needs beyond an operator's context. */
export interface SourceWiring {
  readonly env: ConnectorEnv;
  readonly pressure: Pressure;
  requestSplit(): void;
  sendToEnumerator(event: Uint8Array): void;
  available(): void;
}

/** Records per call of `poll`: bounds the time of a step. */
const POLL_RECORDS = 1024;

export class SourceOperator implements Operator {
  readonly #source: AnySource;
  readonly #wiring: SourceWiring;
  #reader: SourceReader<unknown, never> | undefined;
  #output: ReaderOutput | undefined;
  #ended = false;

  constructor(source: AnySource, wiring: SourceWiring) {
    this.#source = source;
    this.#wiring = wiring;
  }

  open(context: OperatorContext): void | Promise<void> {
    this.#output = new ReaderOutput(context, this.#wiring.pressure);
    const wiring = this.#wiring;
    this.#reader = this.#source.createReader({
      ...context.open,
      env: wiring.env,
      requestSplit: () => wiring.requestSplit(),
      sendToEnumerator: (event) => wiring.sendToEnumerator(event),
      available: () => wiring.available(),
    }) as SourceReader<unknown, never>;
    return this.#reader.start();
  }

  close(): void | Promise<void> {
    return this.#reader?.close();
  }

  /** Lets the reader emit a bounded number of records. */
  poll(): PollResult {
    assert(!this.#ended, 'R1: a reader that has ended is not polled');
    const output = this.#output!;
    output.begin();
    const result = this.#reader!.poll(output);
    output.end();
    if (result === 'end') this.#ended = true;
    return result;
  }

  /** Records emitted by the last `poll`. */
  get polled(): number {
    return this.#output!.count;
  }

  /** Where the record at hand comes from, if the reader says so. */
  get place(): string | undefined {
    return this.#output?.place?.();
  }

  addSplits(splits: readonly Uint8Array[]): void {
    const codec = this.#source.split.codec;
    this.#reader!.addSplits(splits.map((bytes) => codec.decode(new ByteReader(bytes)) as never));
  }

  noMoreSplits(): void {
    this.#reader!.noMoreSplits();
  }

  handleEvent(payload: Uint8Array): void {
    this.#reader!.handleEvent?.(payload);
  }
}

class ReaderOutput implements SourceOutput<unknown> {
  readonly #output: Downstream;
  readonly #context: OperatorContext;
  readonly #pressure: Pressure;
  #polling = false;
  count = 0;
  place: (() => string) | undefined = undefined;

  constructor(context: OperatorContext, pressure: Pressure) {
    this.#context = context;
    this.#output = context.output;
    this.#pressure = pressure;
  }

  begin(): void {
    this.count = 0;
    this.#polling = true;
  }

  end(): void {
    this.#polling = false;
  }

  get full(): boolean {
    return this.count >= POLL_RECORDS || this.#pressure.holds !== 0;
  }

  collect(value: unknown, timestamp?: Timestamp): void {
    assert(this.#polling, 'R2: a reader emits only while it is polled');
    this.count += 1;
    this.#output.process(value, timestamp === undefined ? NO_TIMESTAMP : timestamp);
  }

  collectTo(output: string, value: unknown): void {
    assert(this.#polling, 'R2: a reader emits only while it is polled');
    this.count += 1;
    this.#context.sideOutput(output).process(value, NO_TIMESTAMP);
  }

  locate(place: () => string): void {
    this.place = place;
  }
}
