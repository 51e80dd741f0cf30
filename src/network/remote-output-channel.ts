/**
 * The producing end of a channel to another slot: encodes records into frames and sends them as far
 * as the consumer's credit and the link's room allow; what cannot be sent is overdraft.
 *
 * Invariants
 * O1. Nothing is sent before the consumer's first credit, and data only within the credit: a frame
 * is sent
 *     only if the credit covers it whole. Records larger than a frame go in parts.
 * O2. Frames leave in the order in which they were finished; control elements too.
 * O3. While a finished frame waits there is exactly one hold on the producer's pressure; so a task
 * whose
 *     pressure is free has nothing unsent but what `flush` would send.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import type { Codec } from '../types/schema.ts';
import type { Batch } from './batch.ts';
import { NO_TIMESTAMP } from './batch.ts';
import { BatchFlag, encodeBatch } from './batch-codec.ts';
import {
  ChannelFrame,
  DATA_FRAME_BYTES,
  DATA_FRAME_RECORDS,
  FRAME_PAYLOAD_BYTES_MAX,
} from './channel-frames.ts';
import type { FrameSender } from './channel-frames.ts';
import { encodeControl } from './control-codec.ts';
import type { ControlElement } from './control-element.ts';
import { Deque } from './deque.ts';
import type { OutputChannel } from './output-channel.ts';
import type { Pressure } from './pressure.ts';

interface Pending {
  readonly kind: number;
  readonly bytes: Uint8Array;
}

export class RemoteOutputChannel implements OutputChannel {
  readonly #channel: number;
  readonly #codec: Codec<unknown>;
  readonly #sender: FrameSender;
  readonly #pressure: Pressure;
  readonly #body = new ByteWriter(DATA_FRAME_BYTES * 2);
  readonly #head = new ByteWriter(16);
  readonly #pending = new Deque<Pending>();
  #records = 0;
  #flags = 0;
  #credit = 0;
  #open = false;
  #holding = false;
  #closed = false;
  #ending = false;
  bytesOut = 0;

  constructor(channel: number, codec: Codec<unknown>, sender: FrameSender, pressure: Pressure) {
    this.#channel = channel;
    this.#codec = codec;
    this.#sender = sender;
    this.#pressure = pressure;
  }

  add(value: unknown, timestamp: number): void {
    this.#append(value, timestamp, timestamp === NO_TIMESTAMP ? 0 : BatchFlag.timestamps, 0);
  }

  addKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const flags = timestamp === NO_TIMESTAMP ? 0 : BatchFlag.timestamps;
    this.#append(value, timestamp, flags | BatchFlag.keyGroups, keyGroup);
  }

  addRows(batch: Batch): void {
    this.flush();
    this.#body.reset();
    encodeBatch(batch, this.#codec, this.#body);
    this.#pushData(this.#body.copy());
  }

  /** Whether the last element has been sent. */
  get hasEnded(): boolean {
    return this.#ending && this.#pending.length === 0;
  }

  control(element: ControlElement): void {
    this.flush();
    if (element.kind === 'end') this.#ending = true;
    this.#body.reset();
    encodeControl(element, this.#body);
    this.#push(ChannelFrame.control, this.#body.copy());
  }

  flush(): boolean {
    if (this.#records === 0) return false;
    const head = this.#head;
    head.reset();
    head.uint8(this.#flags);
    head.varint(this.#records);
    const frame = new Uint8Array(head.offset + this.#body.offset);
    frame.set(head.written(), 0);
    frame.set(this.#body.written(), head.offset);
    this.#records = 0;
    this.#body.reset();
    this.#pushData(frame);
    return true;
  }

  /** The consumer can take more. */
  credited(bytes: number): void {
    if (this.#closed) return;
    this.#open = true;
    this.#credit += bytes;
    this.drain();
  }

  /** Sends what waits; called when the link has room again. */
  drain(): void {
    if (!this.#open) return;
    for (;;) {
      const next = this.#pending.peek();
      if (next === undefined) break;
      if (!this.#send(next)) return;
      this.#pending.shift();
    }
    if (this.#holding) {
      this.#holding = false;
      this.#pressure.release();
    }
  }

  abandon(): void {
    this.#closed = true;
    this.#open = false;
  }

  #append(value: unknown, timestamp: number, flags: number, keyGroup: number): void {
    if (this.#records > 0 && flags !== this.#flags) this.flush();
    this.#flags = flags;
    const body = this.#body;
    if (this.#records === 0) {
      body.reset();
      body.beginFrame();
    }
    if ((flags & BatchFlag.timestamps) !== 0) body.float64(timestamp);
    if ((flags & BatchFlag.keyGroups) !== 0) body.uint16(keyGroup);
    this.#codec.encode(value, body);
    this.#records += 1;
    if (this.#records === DATA_FRAME_RECORDS || body.offset >= DATA_FRAME_BYTES) this.flush();
  }

  #pushData(bytes: Uint8Array): void {
    let start = 0;
    for (; bytes.length - start > FRAME_PAYLOAD_BYTES_MAX; start += FRAME_PAYLOAD_BYTES_MAX) {
      this.#push(ChannelFrame.part, bytes.subarray(start, start + FRAME_PAYLOAD_BYTES_MAX));
    }
    this.#push(ChannelFrame.data, start === 0 ? bytes : bytes.subarray(start));
  }

  #push(kind: number, bytes: Uint8Array): void {
    const frame = { kind, bytes };
    if (this.#open && this.#pending.length === 0 && this.#send(frame)) return;
    this.#pending.push(frame);
    if (!this.#holding) {
      this.#holding = true;
      this.#pressure.hold();
    }
  }

  #send(frame: Pending): boolean {
    if (frame.kind === ChannelFrame.control) {
      this.#sender.sendControl(frame.kind, this.#channel, frame.bytes);
      return true;
    }
    const { length } = frame.bytes;
    if (this.#credit < length) return false;
    if (!this.#sender.send(frame.kind, this.#channel, frame.bytes)) return false;
    this.#credit -= length;
    this.bytesOut += length;
    return true;
  }
}
