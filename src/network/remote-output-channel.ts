/**
 * The producing end of a channel to another slot: encodes records into frames and sends them as far
 * as the consumer's credit and the link's room allow; what cannot be sent is overdraft.
 *
 * Invariants
 * O1. Nothing is sent before the consumer's first credit, and data only within the credit: a frame
 *     is sent only if the credit covers its cost. Records larger than a frame go in parts.
 * O2. Frames leave in the order in which they were finished; control elements too.
 * O3. While a finished frame waits there is exactly one hold on the producer's pressure; so a task
 *     whose pressure is free has nothing unsent but what `flush` would send.
 * O4. Finished frames that wait hold at most a segment of memory and what the slot's overdraft
 *     gave for them; the others are in a scratch file, behind all that are in memory.
 * O5. A barrier that overtakes is sent before all frames that wait, which are then in flight; but
 *     for the rest of a record of which parts have been sent: that is in flight to the consumer.
 * O7. What gathers takes about a segment, going by the size of the records before; where encoding
 *     them has failed, every later call that may hand over fails alike: none is left out.
 * O6. The consumer is told once that a frame waits for credit, until there is new credit. What it
 *     wants of the window back is given up before anything else that credit is for.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { ScratchFile } from '../env/env.ts';
import type { Codec, RecordColumns } from '../types/schema.ts';
import type { Batch, ObjectBatch } from './batch.ts';
import { BATCH_HEAD_BYTES, BatchFlag, encodeBatch, patchBatchHead } from './batch-codec.ts';
import {
  ChannelFrame,
  CONSUMER_WAITS_BYTES,
  DATA_FRAME_RECORDS,
  FRAME_PAYLOAD_BYTES_MAX,
  frameCost,
} from './channel-frames.ts';
import { unaligned } from './barrier-alignment.ts';
import type { FrameSender } from './channel-frames.ts';
import { decodeControl, encodeControl } from './control-codec.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import { Deque } from './deque.ts';
import type { FlushRound } from './flush-round.ts';
import { FLUSH_WHEN_FULL } from './flush-round.ts';
import { FrameSpill } from './frame-spill.ts';
import type { Frame } from './frame-spill.ts';
import { Gathering } from './gathering.ts';
import type { InFlight } from './in-flight.ts';
import type { NetworkMemory } from './network-memory.ts';
import type { OutputChannel } from './output-channel.ts';
import type { Pressure } from './pressure.ts';

/** Of the buffer of a frame. */
const BODY_BYTES_KEPT_MAX = 2 * 1024 * 1024;

export interface RemoteOutputOptions {
  readonly channel: number;
  readonly codec: Codec<unknown>;
  readonly sender: FrameSender;
  readonly pressure: Pressure;
  readonly memory: Pick<NetworkMemory, 'segmentBytes' | 'takeOverdraft' | 'giveOverdraft'>;
  /** Milliseconds for which records may gather; see flush-round.ts. */
  readonly flushTimeout: number;
  readonly scratch: () => ScratchFile;
}

/** A frame that waits in memory, with what it took of the overdraft. */
interface Waiting extends Frame {
  readonly overdraft: number;
}

export class RemoteOutputChannel implements OutputChannel {
  readonly #options: RemoteOutputOptions;
  readonly #channel: number;
  readonly #codec: Codec<unknown>;
  readonly #sender: FrameSender;
  readonly #segmentBytes: number;
  /** O7. Records that are not encoded yet. */
  readonly gathering: Gathering = new Gathering(1);
  #bytesEach = 0;
  #failure: { readonly thrown: unknown } | undefined;
  #body = new ByteWriter();
  readonly #control = new ByteWriter(64);
  readonly #waiting = new Deque<Waiting>();
  readonly #spill: FrameSpill;
  /** O5. Barriers that go first when the channel opens. */
  readonly #first: Uint8Array[] = [];
  /** Parts of a record have been sent, and not its end. */
  #midRecord = false;
  /** Of the frames in `#waiting`. */
  #waitingBytes = 0;
  /** In `#body`. */
  #records = 0;
  #flags = 0;
  /** When a flush has first seen them; -1: not yet. */
  #since = -1;
  /** What the consumer may hold, and how much of that is free. */
  #window = 0;
  #credit = 0;
  /** O6. What the consumer wants back, and whether it knows that a frame waits. */
  #debt = 0;
  #isBacklogTold = false;
  #open = false;
  #holding = false;
  #closed = false;
  #ending = false;
  bytesOut = 0;
  buffersOut = 0;

  constructor(options: RemoteOutputOptions) {
    this.#options = options;
    this.#channel = options.channel;
    this.#codec = options.codec;
    this.#sender = options.sender;
    this.#segmentBytes = options.memory.segmentBytes;
    this.#spill = new FrameSpill(options.scratch);
  }

  add(value: unknown, timestamp: number): void {
    const { batch, most } = this.gathering;
    if (batch.hasKeyGroups) this.gathered();
    batch.append(value, timestamp);
    if (batch.size >= most) this.gathered();
  }

  addKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const { batch, most } = this.gathering;
    if (batch.size > 0 && !batch.hasKeyGroups) this.gathered();
    batch.appendKeyed(value, timestamp, keyGroup);
    if (batch.size >= most) this.gathered();
  }

  gathered(): void {
    const { batch } = this.gathering;
    try {
      if (this.#failure !== undefined) throw this.#failure.thrown;
      if (!this.#closed) this.#encode(batch);
    } catch (thrown) {
      this.#failure = { thrown };
      this.gathering.most = 0;
      throw thrown;
    } finally {
      batch.reset();
    }
  }

  addRows(batch: Batch): void {
    this.flush();
    this.#body.reset();
    encodeBatch(batch, this.#codec, this.#body);
    this.#pushData(this.#body.written());
  }

  /** Whether the last element has been sent. */
  get hasEnded(): boolean {
    return this.#ending && !this.#isWaiting;
  }

  /** Records of which there is no frame yet. */
  get gatheredRecords(): number {
    return this.#records + this.gathering.batch.size;
  }

  /** Frames and bytes that were not sent, what gathers included. */
  get queuedFrames(): number {
    return this.#waiting.length + this.#spill.frames + (this.gatheredRecords > 0 ? 1 : 0);
  }

  /** Records that are not encoded count like those before them. */
  get queuedBytes(): number {
    const gathered = Math.ceil(this.gathering.batch.size * this.#bytesEach);
    const encoded = this.#records > 0 ? this.#body.offset : 0;
    return this.#waitingBytes + this.#spill.bytes + encoded + gathered;
  }

  control(element: ControlElement): void {
    this.flush();
    if (element.kind === 'end') this.#ending = true;
    this.#control.reset();
    encodeControl(element, this.#control);
    const barrier = element.kind === 'barrier' ? element.checkpointId : 0;
    this.#push(ChannelFrame.control, this.#control.written(), barrier);
  }

  /** O5 */
  overtake(barrier: BarrierElement, into: InFlight): void {
    if (this.#closed) return;
    this.flush();
    this.#copyWaiting(into, 0);
    this.#sendFirst(barrier);
  }

  timeOut(checkpointId: number, into: InFlight): void {
    if (this.#closed || !this.holds(checkpointId)) return;
    this.#copyWaiting(into, checkpointId);
    const barrier = this.#takeBarrier(checkpointId);
    this.#sendFirst(unaligned(barrier));
    this.drain();
  }

  holds(checkpointId: number): boolean {
    for (const { barrier } of this.#waiting) if (barrier === checkpointId) return true;
    return this.#spill.holds(checkpointId);
  }

  flush(): boolean {
    this.#encodeGathered();
    if (this.#records === 0) return false;
    this.#finishFrame();
    return true;
  }

  flushIfDue(round: FlushRound): void {
    const { flushTimeout } = this.#options;
    if (this.gatheredRecords === 0 || flushTimeout === FLUSH_WHEN_FULL) return;
    this.#encodeGathered();
    if (this.#records === 0) return;
    if (this.#since < 0) this.#since = round.now;
    if (this.#isConsumerWaiting || round.isDue(this.#since, flushTimeout)) this.flush();
  }

  /** The consumer can take more. */
  credited(bytes: number): void {
    if (this.#closed) return;
    if (!this.#open) this.#window = bytes;
    this.#open = true;
    this.#credit += bytes;
    assert(this.#credit <= this.#window, 'O1: more credit than the consumer has room');
    this.#isBacklogTold = false;
    this.#payDebt();
    this.drain();
  }

  /** The consumer has more room than before. */
  grown(bytes: number): void {
    if (this.#closed) return;
    this.#window += bytes;
    this.credited(bytes);
  }

  /** O6. The consumer wants a part of its room for others. */
  reclaim(bytes: number): void {
    if (this.#closed) return;
    this.#debt += bytes;
    this.#payDebt();
  }

  /** Sends what waits; called when the link has room again. */
  drain(): void {
    if (!this.#open) return;
    for (const barrier of this.#first.splice(0)) this.#send(ChannelFrame.control, barrier);
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      if (!this.#send(next.kind, next.bytes)) return;
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length;
      this.#options.memory.giveOverdraft(next.overdraft);
    }
    if (this.#holding) {
      this.#holding = false;
      this.#options.pressure.release();
    }
  }

  abandon(): void {
    this.#closed = true;
    this.#open = false;
    this.#records = 0;
    this.#failure = undefined;
    this.gathering.batch.reset();
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#options.memory.giveOverdraft(next.overdraft);
    }
    this.#waitingBytes = 0;
    this.#first.length = 0;
    this.#spill.close();
  }

  /** As good as everything that was sent has been taken: the consumer would take more at once. */
  get #isConsumerWaiting(): boolean {
    return this.#open && this.#window - this.#credit < CONSUMER_WAITS_BYTES && !this.#isWaiting;
  }

  get #isWaiting(): boolean {
    return this.#waiting.length > 0 || this.#spill.frames > 0;
  }

  /** O7. */
  #encodeGathered(): void {
    if (this.gathering.batch.size > 0 || this.#failure !== undefined) this.gathered();
  }

  /** Finishes frames as they become full; the last one may go on. */
  #encode(batch: ObjectBatch): void {
    const flags =
      (batch.hasTimestamps ? BatchFlag.timestamps : 0) |
      (batch.hasKeyGroups ? BatchFlag.keyGroups : 0);
    if (this.#records > 0 && flags !== this.#flags) this.#finishFrame();
    this.#flags = flags;
    const records = batch.written();
    for (let from = 0; from < batch.size;) from = this.#encodeInto(records, from, batch.size);
    const { gathering } = this;
    const most = Math.floor(this.#segmentBytes / this.#bytesEach);
    gathering.most = Math.max(1, Math.min(most, DATA_FRAME_RECORDS, gathering.most * 2));
  }

  /** @returns the first record that the frame does not take. */
  #encodeInto(records: RecordColumns, from: number, size: number): number {
    const body = this.#body;
    if (this.#records === 0) {
      body.reset();
      body.reserve(BATCH_HEAD_BYTES);
      body.beginFrame();
    }
    const before = body.offset;
    const end = Math.min(size, from + DATA_FRAME_RECORDS - this.#records);
    const next = this.#codec.encodeRecords(records, { from, end, limit: this.#segmentBytes }, body);
    const after = body.offset;
    this.#records += next - from;
    this.#bytesEach = (after - before) / (next - from);
    // A frame ends before the next record, if that is like these, would be too much for it.
    const isFull = this.#records === DATA_FRAME_RECORDS || next < end;
    if (isFull || after + this.#bytesEach > this.#segmentBytes) this.#finishFrame();
    return next;
  }

  #finishFrame(): void {
    const body = this.#body;
    patchBatchHead(body, this.#flags, this.#records);
    this.#records = 0;
    this.#since = -1;
    this.#pushData(body.written());
    // A very large record is over: its buffer would stay as large.
    if (body.bytes.length > BODY_BYTES_KEPT_MAX) this.#body = new ByteWriter();
  }

  #pushData(bytes: Uint8Array): void {
    let start = 0;
    for (; bytes.length - start > FRAME_PAYLOAD_BYTES_MAX; start += FRAME_PAYLOAD_BYTES_MAX) {
      this.#push(ChannelFrame.part, bytes.subarray(start, start + FRAME_PAYLOAD_BYTES_MAX));
    }
    this.#push(ChannelFrame.data, start === 0 ? bytes : bytes.subarray(start));
  }

  /** `bytes` are the caller's again afterwards. */
  #push(kind: number, bytes: Uint8Array, barrier = 0): void {
    if (this.#closed) return;
    if (this.#open && !this.#isWaiting && this.#send(kind, bytes)) return;
    this.#keep({ kind, bytes, barrier });
    if (!this.#holding) {
      this.#holding = true;
      this.#options.pressure.hold();
    }
  }

  /** O4. */
  #keep(frame: Frame): void {
    const { bytes } = frame;
    if (this.#spill.frames === 0) {
      const isOwn = this.#waitingBytes + bytes.length <= this.#segmentBytes;
      const overdraft = isOwn ? 0 : bytes.length;
      if (isOwn || this.#options.memory.takeOverdraft(overdraft)) {
        this.#waiting.push({ ...frame, bytes: new Uint8Array(bytes), overdraft });
        this.#waitingBytes += bytes.length;
        return;
      }
    }
    this.#spill.push(frame);
  }

  /** The next frame to be sent, in memory. */
  #next(): Waiting | undefined {
    const first = this.#waiting.peek();
    if (first !== undefined) return first;
    const spilled = this.#spill.next();
    if (spilled === undefined) return undefined;
    const read = { ...spilled, overdraft: 0 };
    this.#waiting.push(read);
    this.#waitingBytes += read.bytes.length;
    return read;
  }

  /** O6. */
  #tellBacklog(): void {
    if (this.#isBacklogTold) return;
    this.#isBacklogTold = true;
    this.#tell(ChannelFrame.backlog, this.queuedBytes);
  }

  #payDebt(): void {
    const bytes = Math.min(this.#debt, this.#credit);
    if (bytes === 0) return;
    this.#debt -= bytes;
    this.#credit -= bytes;
    this.#window -= bytes;
    this.#tell(ChannelFrame.returned, bytes);
  }

  #tell(kind: number, bytes: number): void {
    this.#control.reset();
    this.#control.uint32(bytes);
    this.#sender.sendControl(kind, this.#channel, this.#control.written());
  }

  #send(kind: number, bytes: Uint8Array): boolean {
    if (kind === ChannelFrame.control) {
      this.#sender.sendControl(kind, this.#channel, bytes);
      return true;
    }
    const cost = frameCost(bytes.length);
    if (this.#credit < cost) {
      this.#tellBacklog();
      return false;
    }
    if (!this.#sender.send(kind, this.#channel, bytes)) return false;
    this.#credit -= cost;
    this.#midRecord = kind === ChannelFrame.part;
    this.bytesOut += bytes.length;
    this.buffersOut += 1;
    return true;
  }

  // ----------------------------------------------------------------------------------- overtaking

  #sendFirst(barrier: BarrierElement): void {
    this.#control.reset();
    encodeControl(barrier, this.#control);
    const bytes = this.#control.written();
    if (this.#open) this.#send(ChannelFrame.control, bytes);
    else this.#first.push(new Uint8Array(bytes));
  }

  /** O5. Up to the barrier of that checkpoint; 0: all. */
  #copyWaiting(into: InFlight, checkpointId: number): void {
    let isSent = this.#midRecord;
    let parts: Uint8Array[] = [];
    for (const { kind, bytes, barrier } of this.#allWaiting()) {
      if (barrier !== 0 && barrier === checkpointId) return;
      if (kind === ChannelFrame.control) into.control(decodeControl(new ByteReader(bytes)));
      else if (kind === ChannelFrame.part) parts.push(bytes);
      else {
        if (!isSent) into.encoded(parts.length === 0 ? bytes : Buffer.concat([...parts, bytes]));
        isSent = false;
        parts = [];
      }
    }
  }

  *#allWaiting(): Iterable<Frame> {
    yield* this.#waiting;
    yield* this.#spill;
  }

  #takeBarrier(checkpointId: number): BarrierElement {
    const waiting = this.#waiting.take(({ barrier }) => barrier === checkpointId);
    if (waiting !== undefined) {
      this.#waitingBytes -= waiting.bytes.length;
      this.#options.memory.giveOverdraft(waiting.overdraft);
    }
    const { bytes } = waiting ?? this.#spill.takeBarrier(checkpointId)!;
    return decodeControl(new ByteReader(bytes)) as BarrierElement;
  }
}
