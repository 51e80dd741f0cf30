/**
 * The memory that the channels between a slot and others may hold, and how it is shared out when
 * the slot's tasks are deployed. An input channel has a window: what may be under way to it or wait
 * in it. Its least size is its own, what it has beyond that is a part of a pool that follows the
 * need (`floating-pool.ts`). An output channel has a segment in which records gather and one more
 * for a frame that waits for credit; what a single call of a user's function emits beyond that is
 * overdraft, and goes to a scratch file when that is used up too.
 *
 * Invariants
 * M1. Windows, the pool, segments and overdraft together never exceed the capacity.
 * M2. Every channel has its minimum, reserved before a task is made; where not all of them fit,
 *     nothing is reserved and the deployment fails.
 * M3. Overdraft that was taken is given back once.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { CREDIT_KEPT_BYTES_MAX, FRAME_PAYLOAD_BYTES_MAX, frameCost } from './channel-frames.ts';
import { FloatingPool } from './floating-pool.ts';

/** Of a channel: more does not make it faster. */
const WINDOW_BYTES_MAX = 512 * 1024;
/** The least at which an output may hand over frames, where there are very many. */
const SEGMENT_BYTES_MIN = 4 * 1024;
/** As in Flink: buffers of each channel that it shares with nobody. */
const EXCLUSIVE_SEGMENTS = 2;

export interface NetworkMemoryOptions {
  /** Of the slot. */
  readonly capacityBytes: number;
  /** `taskmanager.memory.segment-size` */
  readonly segmentBytes: number;
  /** For errors, e.g. `Slot 2 of taskmanager-1`. */
  readonly where: string;
}

/** Channels of a slot's tasks from and to other slots. */
export interface ChannelCount {
  readonly inputs: number;
  readonly outputs: number;
}

export class NetworkMemory {
  readonly #options: NetworkMemoryOptions;
  /** Of an input channel, for itself; and with what it may have of the pool. */
  windowBytes = 0;
  windowBytesMax = 0;
  readonly floating: FloatingPool = new FloatingPool();
  /** At which an output channel hands a frame over. */
  segmentBytes: number;
  /** Windows, the pool and segments. */
  reservedBytes = 0;
  #overdraft = 0;

  constructor(options: NetworkMemoryOptions) {
    this.#options = options;
    this.segmentBytes = options.segmentBytes;
  }

  /** Of an output channel: what gathers, and a frame that waits. */
  get outputBytes(): number {
    return EXCLUSIVE_SEGMENTS * this.segmentBytes;
  }

  get capacityBytes(): number {
    return this.#options.capacityBytes;
  }

  get usedBytes(): number {
    return this.reservedBytes - this.floating.freeBytes + this.#overdraft;
  }

  get overdraftBytes(): number {
    return this.#overdraft;
  }

  /** M2. @throws EngineError NETWORK_MEMORY_INSUFFICIENT */
  reserve(channels: ChannelCount): void {
    assert(this.reservedBytes === 0, 'M2: the channels of a slot are reserved once');
    const { capacityBytes, segmentBytes, where } = this.#options;
    const { inputs, outputs } = channels;
    const windowMin = windowBytesMin(segmentBytes);
    const outputMin = EXCLUSIVE_SEGMENTS * Math.min(segmentBytes, SEGMENT_BYTES_MIN);
    const needed = inputs * windowMin + outputs * outputMin;
    if (needed > capacityBytes) {
      throw new EngineError('NETWORK_MEMORY_INSUFFICIENT', {
        where,
        needed: kibibytes(needed),
        channels: `${inputs} channels from other slots and ${outputs} to others`,
        available: kibibytes(capacityBytes),
      });
    }
    // Half of what is left goes to outputs, half of the rest to the pool; what they do not need is
    // overdraft.
    const forOutputs = (capacityBytes - needed) / 2 + outputs * outputMin;
    const segment = Math.floor(forOutputs / outputs / EXCLUSIVE_SEGMENTS);
    this.segmentBytes = outputs === 0 ? segmentBytes : Math.min(segmentBytes, segment);
    const outputBytes = outputs * this.outputBytes;
    const rest = capacityBytes - outputBytes - inputs * windowMin;
    this.windowBytes = windowMin;
    this.windowBytesMax = Math.max(WINDOW_BYTES_MAX, windowMin);
    const floating = inputs * (this.windowBytesMax - windowMin);
    this.floating.open(Math.min(Math.floor(rest / 2), floating));
    this.reservedBytes = outputBytes + inputs * windowMin + this.floating.capacityBytes;
    assert(this.reservedBytes <= capacityBytes, 'M1: more reserved than there is');
  }

  /** @returns whether there is that much left; if not, the bytes must not stay in memory. */
  takeOverdraft(bytes: number): boolean {
    if (this.reservedBytes + this.#overdraft + bytes > this.#options.capacityBytes) return false;
    this.#overdraft += bytes;
    return true;
  }

  /** M3. */
  giveOverdraft(bytes: number): void {
    this.#overdraft -= bytes;
    assert(this.#overdraft >= 0, 'M3: overdraft given back twice');
  }
}

/**
 * A window must take the largest frame beside what the consumer keeps, or that would wait for ever.
 */
export function windowBytesMin(segmentBytes: number): number {
  const largest = frameCost(FRAME_PAYLOAD_BYTES_MAX) + CREDIT_KEPT_BYTES_MAX;
  return Math.max(EXCLUSIVE_SEGMENTS * segmentBytes, largest);
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
