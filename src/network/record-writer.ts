/**
 * The end of a chain on one edge: chooses the channels of each record by the edge's partitioner,
 * and sends control elements to all channels. One class per partitioner, so that each stays
 * monomorphic.
 *
 * Invariants
 * W1. Every record goes to exactly one channel (to all, for broadcast).
 * W2. A control element goes to every channel, after all records and rows emitted before it.
 * W4. An unaligned barrier overtakes where records may be read out of step with those of other
 *     channels: never on edges that are pointwise or broadcast.
 * W3. The rows of an edge come from one operator; values and rows do not mix on an edge.
 */
import { assert } from '../base/assert.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import type { PartitionerSpec } from '../graph/operator-spec.ts';
import { keyGroupOf, subtaskOfKeyGroup } from '../graph/key-groups.ts';
import { hashKey } from '../types/key.ts';
import { RowBatch as Rows } from './batch.ts';
import type { Batch, ObjectBatch, RowBatch } from './batch.ts';
import type { BarrierElement, ControlElement, WatermarkElement } from './control-element.ts';
import type { FlushRound } from './flush-round.ts';
import type { Gathering } from './gathering.ts';
import type { InFlight } from './in-flight.ts';
import type { OutputChannel } from './output-channel.ts';
import type { ExchangeVerifier } from './exchange-verifier.ts';

export interface RecordWriterOptions {
  readonly channels: readonly OutputChannel[];
  readonly partitioner: PartitionerSpec;
  /** Subtask of the producer, so that round robins do not all begin at the same consumer. */
  readonly subtask: number;
  readonly maxParallelism: number;
  /** The consumer's; equals the number of channels of an all-to-all edge. */
  readonly parallelism: number;
  /** Name of the operator before the edge, for errors. */
  readonly operator: string;
  /** Uniform in [0, limit). */
  readonly random: (limit: number) => number;
  readonly verifier: ExchangeVerifier | undefined;
}

/** The key group of a row; generated from the plan. */
export type RowRouter = (batch: RowBatch, row: number) => number;

/**
 * The rows that an operator emits, gathered in a batch: a row is begun and committed in `batch`,
 * then
 * `committed` is called, which may put another batch in its place.
 */
export class RowOutput {
  readonly #handOver: (batch: RowBatch) => void;
  batch: RowBatch = new Rows();

  constructor(handOver: (batch: RowBatch) => void) {
    this.#handOver = handOver;
  }

  committed(): void {
    if (this.batch.isFull) this.flush();
  }

  /** @returns whether there was anything. */
  flush(): boolean {
    if (this.batch.size === 0) return false;
    const full = this.batch;
    this.batch = new Rows();
    this.#handOver(full);
    return true;
  }
}

/** Takes the records of one edge. */
export abstract class RecordWriter {
  protected readonly channels: readonly OutputChannel[];
  readonly #verifier: ExchangeVerifier | undefined;
  #untilVerified: number;
  #rows: RowOutput | undefined;
  /** What the operator before it has emitted to this edge. */
  recordsIn = 0;

  constructor(options: RecordWriterOptions) {
    assert(options.channels.length > 0, 'W1: an edge without channels');
    this.channels = options.channels;
    this.#verifier = options.verifier;
    this.#untilVerified = options.verifier === undefined ? Number.POSITIVE_INFINITY : 1;
  }

  process(value: unknown, timestamp: number): void {
    this.recordsIn += 1;
    if (--this.#untilVerified <= 0) this.#untilVerified = this.#verifier!.verify(value);
    this.route(value, timestamp);
  }

  protected abstract route(value: unknown, timestamp: number): void;

  /** Takes over a batch of rows; `routeRow` gives the key group of a row, for a hash edge. */
  abstract processRows(batch: RowBatch, routeRow: RowRouter | undefined): void;

  /** Where an operator begins and commits the rows it emits to this edge. */
  rowOutput(routeRow: RowRouter | undefined): RowOutput {
    assert(this.#rows === undefined, 'W3: one operator emits the rows of an edge');
    this.#rows = new RowOutput((batch) => this.processRows(batch, routeRow));
    return this.#rows;
  }

  control(element: ControlElement): void {
    this.#rows?.flush();
    for (const channel of this.channels) channel.control(element);
  }

  /** W4. What it passes goes into `into(channel)`. */
  overtake(barrier: BarrierElement, into: (channel: number) => InFlight): void {
    this.#rows?.flush();
    this.channels.forEach((channel, index) => channel.overtake(barrier, into(index)));
  }

  /** The aligned barrier of that checkpoint waits no longer where it still does. */
  timeOut(checkpointId: number, into: (channel: number) => InFlight): void {
    this.channels.forEach((channel, index) => {
      if (channel.holds(checkpointId)) channel.timeOut(checkpointId, into(index));
    });
  }

  /**
   * What had not left before a restart, before anything is emitted. `channel`: where it was to go;
   * undefined where the parallelism has changed since: it is routed anew, and watermarks are left
   * out.
   */
  restored(element: Batch | WatermarkElement, channel: number | undefined): void {
    if (element.kind === 'watermark') {
      if (channel !== undefined) this.channels[channel]!.control(element);
    } else if (element.kind === 'rows') this.#restoredRows(element, channel);
    else {
      for (let i = 0; i < element.size; i += 1) this.#restoredRecord(element, i, channel);
    }
  }

  #restoredRecord(batch: ObjectBatch, index: number, channel: number | undefined): void {
    const value = batch.values[index];
    const timestamp = batch.timestampAt(index);
    if (channel === undefined) this.route(value, timestamp);
    else if (batch.hasKeyGroups) {
      this.channels[channel]!.addKeyed(value, timestamp, batch.keyGroups![index]!);
    } else this.channels[channel]!.add(value, timestamp);
  }

  /** Rows know their key groups: nobody has to be asked for them. */
  #restoredRows(batch: RowBatch, channel: number | undefined): void {
    if (channel !== undefined) this.channels[channel]!.addRows(batch);
    else this.processRows(batch, (rows, row) => rows.keyGroups![row]!);
  }

  /** Whether the barrier of that checkpoint waits in a channel. */
  holds(checkpointId: number): boolean {
    return this.channels.some((channel) => channel.holds(checkpointId));
  }

  /** @returns whether anything was handed over. */
  flush(): boolean {
    let any = this.#rows?.flush() ?? false;
    for (const channel of this.channels) if (channel.flush()) any = true;
    return any;
  }

  /** Hands over what is due; see flush-round.ts. */
  flushIfDue(round: FlushRound): void {
    this.#rows?.flush();
    for (const channel of this.channels) channel.flushIfDue(round);
  }

  abandon(): void {
    for (const channel of this.channels) channel.abandon();
  }
}

/** Forward, global, and every edge with one channel and no keys. */
class SingleWriter extends RecordWriter {
  readonly #channel: OutputChannel;

  constructor(options: RecordWriterOptions) {
    super(options);
    this.#channel = options.channels[0]!;
  }

  protected route(value: unknown, timestamp: number): void {
    this.#channel.add(value, timestamp);
  }

  processRows(batch: RowBatch): void {
    this.recordsIn += batch.size - batch.cursor;
    this.#channel.addRows(batch);
  }
}

class HashWriter extends RecordWriter {
  readonly #select: (value: unknown) => unknown;
  readonly #maxParallelism: number;
  readonly #channelOfGroup: Uint16Array;
  /** Of the channels, in their order. */
  readonly #gatherings: readonly Gathering[];
  readonly #operator: string;

  constructor(options: RecordWriterOptions, select: (value: unknown) => unknown) {
    super(options);
    this.#gatherings = options.channels.map(({ gathering }) => gathering);
    this.#select = select;
    this.#operator = options.operator;
    this.#maxParallelism = options.maxParallelism;
    this.#channelOfGroup = new Uint16Array(options.maxParallelism);
    for (let group = 0; group < options.maxParallelism; group += 1) {
      this.#channelOfGroup[group] = subtaskOfKeyGroup(
        group,
        options.maxParallelism,
        options.parallelism,
      );
    }
  }

  protected route(value: unknown, timestamp: number): void {
    const group = keyGroupOf(this.#hash(value), this.#maxParallelism);
    const channel = this.#channelOfGroup[group]!;
    const gathering = this.#gatherings[channel]!;
    const { batch } = gathering;
    batch.appendKeyed(value, timestamp, group);
    if (batch.size >= gathering.most) this.channels[channel]!.gathered();
  }

  #hash(value: unknown): number {
    let key: unknown;
    try {
      key = this.#select(value);
    } catch (thrown) {
      throw new EngineError(
        'USER_CODE_FAILED',
        { role: 'keyBy', operator: this.#operator, message: messageOf(thrown) },
        { cause: thrown },
      );
    }
    return hashKey(key as never);
  }

  processRows(batch: RowBatch, routeRow: RowRouter | undefined): void {
    assert(routeRow !== undefined, 'W1: rows on a hash edge need a generated key group function');
    const parts = this.channels.map(() => new Rows());
    for (let row = batch.cursor; row < batch.size; row += 1) {
      const group = routeRow(batch, row);
      parts[this.#channelOfGroup[group]!]!.copyRow(batch, row, group);
    }
    this.recordsIn += batch.size - batch.cursor;
    parts.forEach((part, index) => {
      if (part.size > 0) this.channels[index]!.addRows(part);
    });
  }
}

/** Rows of a partitioner that looks at nothing: whole batches in turn. */
abstract class TurnWriter extends RecordWriter {
  protected abstract next(): number;

  protected route(value: unknown, timestamp: number): void {
    this.channels[this.next()]!.add(value, timestamp);
  }

  processRows(batch: RowBatch): void {
    this.recordsIn += batch.size - batch.cursor;
    this.channels[this.next()]!.addRows(batch);
  }
}

/** rebalance and rescale: they differ in their channels only. */
class RoundRobinWriter extends TurnWriter {
  #next: number;

  constructor(options: RecordWriterOptions) {
    super(options);
    this.#next = options.subtask % options.channels.length;
  }

  protected next(): number {
    const channel = this.#next;
    this.#next = channel + 1 === this.channels.length ? 0 : channel + 1;
    return channel;
  }
}

class ShuffleWriter extends TurnWriter {
  readonly #random: (limit: number) => number;

  constructor(options: RecordWriterOptions) {
    super(options);
    this.#random = options.random;
  }

  protected next(): number {
    return this.#random(this.channels.length);
  }
}

class BroadcastWriter extends RecordWriter {
  protected route(value: unknown, timestamp: number): void {
    for (const channel of this.channels) channel.add(value, timestamp);
  }

  processRows(batch: RowBatch): void {
    this.recordsIn += batch.size - batch.cursor;
    for (const channel of this.channels) {
      const copy = new Rows();
      for (let row = batch.cursor; row < batch.size; row += 1) copy.copyRow(batch, row, -1);
      channel.addRows(copy);
    }
  }
}

class CustomWriter extends RecordWriter {
  readonly #spec: Extract<PartitionerSpec, { kind: 'custom' }>;
  readonly #operator: string;

  constructor(options: RecordWriterOptions, spec: Extract<PartitionerSpec, { kind: 'custom' }>) {
    super(options);
    this.#spec = spec;
    this.#operator = options.operator;
  }

  protected route(value: unknown, timestamp: number): void {
    const count = this.channels.length;
    let index: number;
    try {
      index = this.#spec.partition(this.#spec.select(value), count);
    } catch (thrown) {
      throw new EngineError(
        'USER_CODE_FAILED',
        { role: 'partitionCustom', operator: this.#operator, message: messageOf(thrown) },
        { cause: thrown },
      );
    }
    const channel = Number.isInteger(index) ? this.channels[index] : undefined;
    if (channel === undefined) {
      throw new EngineError('USER_CODE_BAD_PARTITION', {
        operator: this.#operator,
        value: String(index),
        last: count - 1,
      });
    }
    channel.add(value, timestamp);
  }

  processRows(): void {
    assert(false, 'W1: a custom partitioner takes values, not rows');
  }
}

/** W4 */
export function isOvertakable({ kind }: PartitionerSpec): boolean {
  return kind !== 'forward' && kind !== 'rescale' && kind !== 'broadcast';
}

export function createRecordWriter(options: RecordWriterOptions): RecordWriter {
  const spec = options.partitioner;
  switch (spec.kind) {
    case 'hash':
      return new HashWriter(options, spec.key.select);
    case 'forward':
    case 'global':
      return new SingleWriter(options);
    case 'rebalance':
    case 'rescale':
      return options.channels.length === 1
        ? new SingleWriter(options)
        : new RoundRobinWriter(options);
    case 'shuffle':
      return options.channels.length === 1 ? new SingleWriter(options) : new ShuffleWriter(options);
    case 'broadcast':
      return options.channels.length === 1
        ? new SingleWriter(options)
        : new BroadcastWriter(options);
    case 'custom':
      return new CustomWriter(options, spec);
  }
}
