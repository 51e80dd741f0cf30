/**
 * The exchange between two chains of one slot: values by reference through a bounded queue.
 * Producer and consumer are tasks of the same thread.
 *
 * Invariants
 * L1. Elements leave in the order in which they came; a batch that was pushed is never appended to.
 * L2. More than `capacity` full batches queued is overdraft: exactly one hold on the producer's
 * pressure
 *     while it lasts, released when the queue is down to half its capacity.
 * L3. Only the overdraft may spill: records beyond `SPILL_AFTER_RECORDS` are encoded to scratch,
 * and
 *     come back in order before anything pushed after them.
 * L4. A barrier keeps its place in the queue, also one that overtakes: the consumer hears of it at
 *     once, and what is before it is then in flight to the consumer.
 */
import { assert } from '../base/assert.ts';
import type { Batch } from './batch.ts';
import { ObjectBatch } from './batch.ts';
import { ChannelCapture } from './channel-capture.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import { Deque } from './deque.ts';
import type { FlushRound } from './flush-round.ts';
import { FLUSH_WHEN_FULL } from './flush-round.ts';
import { Gathering } from './gathering.ts';
import type { InFlight } from './in-flight.ts';
import type { OutputChannel } from './output-channel.ts';
import type { InputChannel } from './input-channel.ts';
import type { Pressure } from './pressure.ts';
import type { Spill } from './spill.ts';

/** Batches that may wait between two chains of a slot before the producer is held. */
export const LOCAL_QUEUE_BATCHES = 4;

/** Records of one user call that stay in memory as overdraft; a function that emits more spills. */
export const SPILL_AFTER_RECORDS: number = 128 * 1024;

type Queued = Batch | ControlElement;

export class LocalQueue implements OutputChannel, InputChannel {
  readonly #queue = new Deque<Queued>();
  readonly #pool: ObjectBatch[] = [];
  readonly #pressure: Pressure;
  readonly #spill: Spill;
  readonly #capture = new ChannelCapture();
  readonly gathering: Gathering = new Gathering();
  #batches = 0;
  #records = 0;
  #holding = false;
  readonly #flushTimeout: number;
  /** When a flush has first seen the records that gather; -1: not yet. */
  #since = -1;
  buffersOut = 0;

  /** @param flushTimeout milliseconds for which records may gather; see flush-round.ts */
  constructor(pressure: Pressure, spill: Spill, flushTimeout: number) {
    this.#pressure = pressure;
    this.#spill = spill;
    this.#flushTimeout = flushTimeout;
  }

  // Producer's side

  add(value: unknown, timestamp: number): void {
    const { batch } = this.gathering;
    batch.append(value, timestamp);
    if (batch.isFull) this.gathered();
  }

  addKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const { batch } = this.gathering;
    batch.appendKeyed(value, timestamp, keyGroup);
    if (batch.isFull) this.gathered();
  }

  gathered(): void {
    const { gathering } = this;
    const { batch } = gathering;
    this.#since = -1;
    gathering.batch = this.#pool.pop() ?? new ObjectBatch();
    this.#push(batch);
  }

  addRows(batch: Batch): void {
    this.flush();
    this.#push(batch);
  }

  control(element: ControlElement): void {
    this.flush();
    if (this.#spill.isEmpty) this.#queue.push(element);
    else this.#spill.control(element);
    this.#capture.control(element);
    this.#capture.tell(element);
  }

  /** L4. What is before it is the consumer's to keep. */
  overtake(barrier: BarrierElement): void {
    this.control(barrier);
  }

  /** L4. The consumer has a time-out of its own. */
  timeOut(): void {}

  holds(): boolean {
    return false;
  }

  flush(): boolean {
    if (this.gathering.batch.size === 0) return false;
    this.gathered();
    return true;
  }

  flushIfDue(round: FlushRound): void {
    if (this.gathering.batch.size === 0 || this.#flushTimeout === FLUSH_WHEN_FULL) return;
    if (this.#since < 0) this.#since = round.now;
    const isConsumerWaiting = this.#batches === 0 && this.#spill.isEmpty;
    if (isConsumerWaiting || round.isDue(this.#since, this.#flushTimeout)) this.gathered();
  }

  // Consumer's side

  get onBarrier(): ((barrier: BarrierElement) => void) | undefined {
    return this.#capture.onBarrier;
  }

  set onBarrier(listener: ((barrier: BarrierElement) => void) | undefined) {
    this.#capture.onBarrier = listener;
  }

  capture(checkpointId: number, into: InFlight, open: Batch | undefined): void {
    this.#capture.begin(checkpointId, into);
    if (open !== undefined) this.#spill.encode(open, into);
    for (const element of this.#queue) {
      if (element.kind === 'objects' || element.kind === 'rows') this.#spill.encode(element, into);
      else if (!this.#capture.control(element)) return;
    }
    this.#spill.copy(into, (element) => this.#capture.control(element));
  }

  stopCapture(): void {
    this.#capture.stop();
  }

  get hasData(): boolean {
    return this.#queue.length > 0;
  }

  poll(): Queued | undefined {
    const element = this.#queue.shift();
    if (element === undefined) return undefined;
    if (element.kind === 'objects' || element.kind === 'rows') {
      this.#batches -= 1;
      this.#records -= element.size;
      this.#refill();
      if (this.#holding && this.#batches <= LOCAL_QUEUE_BATCHES / 2) {
        this.#holding = false;
        this.#pressure.release();
      }
    }
    return element;
  }

  recycle(batch: Batch): void {
    if (batch.kind !== 'objects' || this.#pool.length > LOCAL_QUEUE_BATCHES) return;
    batch.reset();
    this.#pool.push(batch);
  }

  /** Batches that have been handed over and not taken. */
  get queuedBatches(): number {
    return this.#batches;
  }

  /** What is queued, for snapshots of channel state and for the size shown in metrics. */
  get queuedRecords(): number {
    return this.#records + this.gathering.batch.size + this.#spill.records;
  }

  abandon(): void {
    this.#spill.close();
  }

  close(): void {
    this.#spill.close();
  }

  #push(batch: Batch): void {
    this.buffersOut += 1;
    const { into } = this.#capture;
    if (into !== undefined) this.#spill.encode(batch, into);
    if (!this.#spill.isEmpty || this.#records > SPILL_AFTER_RECORDS) {
      this.#spill.batch(batch);
      this.recycle(batch);
      return;
    }
    this.#enqueue(batch);
  }

  #enqueue(batch: Batch): void {
    this.#queue.push(batch);
    this.#batches += 1;
    this.#records += batch.size;
    if (!this.#holding && this.#batches > LOCAL_QUEUE_BATCHES) {
      this.#holding = true;
      this.#pressure.hold();
    }
  }

  #refill(): void {
    while (!this.#spill.isEmpty && this.#batches <= LOCAL_QUEUE_BATCHES) {
      const element = this.#spill.next();
      assert(element !== undefined, 'L3: a spill that is not empty has a next element');
      if (element.kind === 'objects' || element.kind === 'rows') this.#enqueue(element);
      else this.#queue.push(element);
    }
  }
}
