/**
 * The head of a chain that reads a source: owns the SourceReader of one subtask, gives its records
 * to the chain, and makes the event time of all behind it. The driver calls `poll` instead of
 * `process`.
 *
 * Invariants
 * R1. After `poll` answered `end` the reader is not polled again.
 * R3. While the source waits for others of its group (`isWaiting`) the reader is not polled.
 * R6. A snapshot has the splits of the reader with their positions at that moment, each with its
 *     event time; a restored reader has its splits before it starts.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import type { Duration } from '../base/units.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import type { Pressure } from '../network/pressure.ts';
import type { AnySource, ConnectorEnv, PollResult, SourceReader } from '../functions/source.ts';
import type { RecordOrigins } from '../functions/record-origins.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { EventTimeTicks } from './event-time-ticks.ts';
import type { CheckpointNotice, Operator, OperatorContext, TimeHold } from './operator.ts';
import { ReaderOutput } from './reader-output.ts';
import { SourceAlignment } from './source-alignment.ts';
import { SourceState } from './source-state.ts';
import { SourceTime } from './source-time.ts';

/** What a source operator needs beyond an operator's context. */
export interface SourceWiring {
  readonly env: ConnectorEnv;
  readonly origins?: RecordOrigins | undefined;
  readonly pressure: Pressure;
  requestSplit(): void;
  sendToEnumerator(event: Uint8Array): void;
  /** How far a source is that others of its group wait for. */
  reportWatermark(watermark: number): void;
  available(): void;
}

export interface SourceOperatorOptions {
  readonly source: AnySource;
  readonly strategy: WatermarkStrategy<unknown> | undefined;
  readonly autoWatermarkInterval: Duration;
}

export class SourceOperator implements Operator {
  readonly emits = 'one';
  readonly generatesTime = true;
  readonly #options: SourceOperatorOptions;
  readonly #wiring: SourceWiring;
  #reader: SourceReader<unknown, never> | undefined;
  #time: SourceTime | undefined;
  #output: ReaderOutput | undefined;
  #ticks: EventTimeTicks | undefined;
  #alignment: SourceAlignment | undefined;
  #state: SourceState | undefined;
  #ended = false;
  #begun = false;

  constructor(options: SourceOperatorOptions, wiring: SourceWiring) {
    this.#options = options;
    this.#wiring = wiring;
  }

  open(context: OperatorContext): void | Promise<void> {
    const { source, strategy, autoWatermarkInterval } = this.#options;
    const { env, pressure } = this.#wiring;
    const wiring = this.#wiring;
    const time = new SourceTime({
      strategy,
      operator: context.open.operatorName,
      processingTime: () => context.processingTime(),
      emitWatermark: (timestamp) => context.emitWatermark(timestamp),
      emitStatus: (status) => context.emitStatus(status),
      changed: () => this.#alignment?.look(),
    });
    this.#time = time;
    this.#output = new ReaderOutput({ context, pressure, time, stamps: strategy !== undefined });
    this.#reader = source.createReader({
      ...context.open,
      env,
      origins: wiring.origins,
      requestSplit: () => wiring.requestSplit(),
      sendToEnumerator: (event) => wiring.sendToEnumerator(event),
      available: () => wiring.available(),
    }) as SourceReader<unknown, never>;
    this.#align(context);
    const isWaiting = (id: string): boolean => this.#alignment?.isSplitWaiting(id) === true;
    this.#ticks = new EventTimeTicks(context, autoWatermarkInterval, (activeTime, periodic) =>
      time.tick(activeTime, periodic, isWaiting),
    );
    this.#ticks.start(time.own);
    this.#state = new SourceState(context.operatorState, source);
    const { splits, times } = this.#state.restored();
    for (const each of times) time.restore(each);
    if (splits.length > 0) this.#reader.addSplits(splits as never[]);
    return this.#reader.start();
  }

  close(): void | Promise<void> {
    this.#ticks?.close();
    this.#alignment?.close();
    return this.#reader?.close();
  }

  /** Lets the reader emit up to about `records`, or a default number. */
  poll(records?: number): PollResult {
    assert(!this.#ended, 'R1: a reader that has ended is not polled');
    assert(!this.isWaiting, 'R3: a reader that waits is not polled');
    const output = this.#output!;
    output.begin(records);
    const result = this.#reader!.poll(output);
    output.end();
    if (result === 'end') this.#ended = true;
    return result;
  }

  /** R3 */
  get isWaiting(): boolean {
    return this.#alignment?.isWaiting === true;
  }

  /** The end of event time: there is nothing before a source that could say more. */
  watermark(): boolean {
    this.#ticks!.close();
    this.#time!.end();
    this.#alignment?.end();
    return true;
  }

  /** Called before the first record, and to make up for a tick. */
  processingTime(): boolean {
    if (this.#begun) this.#ticks!.catchUp();
    else this.#time!.announce();
    this.#begun = true;
    return true;
  }

  /** Records emitted by the last `poll`. */
  get polled(): number {
    return this.#output!.count;
  }

  /** Where the record at hand comes from, if the reader says so. */
  get place(): string | undefined {
    return this.#output?.place?.();
  }

  /** Of the reader's splits; undefined before `open`. */
  get time(): SourceTime | undefined {
    return this.#time;
  }

  get timeHold(): TimeHold {
    const time = this.#time;
    const { strategy } = this.#options;
    if (this.isWaiting) return { kind: 'alignment', group: strategy!.alignment!.group };
    if (time?.isIdle === true) return { kind: 'idle' };
    const silent = strategy === undefined && (time?.watermark ?? MIN_WATERMARK) === MIN_WATERMARK;
    return silent ? { kind: 'no-watermarks' } : { kind: 'records', split: time?.holder };
  }

  addSplits(splits: readonly Uint8Array[]): void {
    const { codec } = this.#options.source.split;
    this.#reader!.addSplits(splits.map((bytes) => codec.decode(new ByteReader(bytes)) as never));
  }

  noMoreSplits(): void {
    this.#reader!.noMoreSplits();
  }

  handleEvent(payload: Uint8Array): void {
    this.#reader!.handleEvent?.(payload);
  }

  /** How far the sources of its group let it go. */
  alignTo(limit: number): void {
    this.#alignment?.setLimit(limit);
  }

  /** R6 */
  prepareSnapshot(checkpointId: number): void {
    this.#state!.update(this.#reader!.snapshot(checkpointId), this.#time!.snapshot());
  }

  notifyCheckpoint({ checkpointId, outcome }: CheckpointNotice): void | Promise<void> {
    return outcome === 'complete'
      ? this.#reader!.checkpointComplete?.(checkpointId)
      : this.#reader!.checkpointAborted?.(checkpointId);
  }

  #align(context: OperatorContext): void {
    const alignment = this.#options.strategy?.alignment;
    if (alignment === undefined) return;
    this.#alignment = new SourceAlignment({
      alignment,
      context,
      time: this.#time!,
      reader: this.#reader!,
      report: (watermark) => this.#wiring.reportWatermark(watermark),
      onWaiting: (waiting) => {
        this.#output!.waiting = waiting;
        if (!waiting) this.#wiring.available();
      },
    });
  }
}
