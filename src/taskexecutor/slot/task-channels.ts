/**
 * The channels of one task and what they tell: how much has gone through them, how much waits in
 * them, and how much of their memory that takes.
 */
import type { LocalQueue } from '../../network/local-queue.ts';
import { LOCAL_QUEUE_BATCHES } from '../../network/local-queue.ts';
import type { NetworkMemory } from '../../network/network-memory.ts';
import type { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import type { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import type { ExchangeMetrics } from '../../protocol/slot-messages.ts';

export class TaskChannels {
  readonly #memory: Pick<
    NetworkMemory,
    'segmentBytes' | 'outputBytes' | 'windowBytes' | 'floating'
  >;
  /** Within the slot, by reference. */
  readonly inputQueues: LocalQueue[] = [];
  readonly outputQueues: LocalQueue[] = [];
  /** From other slots of this process, and from those of others. */
  readonly nearInputs: RemoteInputChannel[] = [];
  readonly farInputs: RemoteInputChannel[] = [];
  readonly outputs: RemoteOutputChannel[] = [];

  constructor(
    memory: Pick<NetworkMemory, 'segmentBytes' | 'outputBytes' | 'windowBytes' | 'floating'>,
  ) {
    this.#memory = memory;
  }

  get remoteInputs(): readonly RemoteInputChannel[] {
    return [...this.nearInputs, ...this.farInputs];
  }

  get bytesIn(): number {
    return sum(this.remoteInputs, ({ bytesIn }) => bytesIn);
  }

  get bytesOut(): number {
    return sum(this.outputs, ({ bytesOut }) => bytesOut);
  }

  read(): ExchangeMetrics {
    return { ...this.#counts(), ...this.#inputs(), ...this.#outputs() };
  }

  #counts(): Pick<
    ExchangeMetrics,
    'bytesInLocal' | 'bytesInRemote' | 'buffersInLocal' | 'buffersInRemote' | 'buffersOut'
  > {
    const { inputQueues, outputQueues, nearInputs, farInputs, outputs } = this;
    return {
      bytesInLocal: sum(nearInputs, ({ bytesIn }) => bytesIn),
      bytesInRemote: sum(farInputs, ({ bytesIn }) => bytesIn),
      buffersInLocal:
        sum(inputQueues, ({ buffersOut }) => buffersOut) +
        sum(nearInputs, ({ buffersIn }) => buffersIn),
      buffersInRemote: sum(farInputs, ({ buffersIn }) => buffersIn),
      buffersOut:
        sum(outputQueues, ({ buffersOut }) => buffersOut) +
        sum(outputs, ({ buffersOut }) => buffersOut),
    };
  }

  #inputs(): Pick<
    ExchangeMetrics,
    | 'inputQueueLength'
    | 'inputQueueSize'
    | 'inPoolUsage'
    | 'inputExclusiveBuffersUsage'
    | 'inputFloatingBuffersUsage'
  > {
    const { inputQueues, remoteInputs } = this;
    const { windowBytes, floating } = this.#memory;
    const used = remoteInputs.map(({ queuedCost }) => queuedCost);
    const usedExclusive = sum(used, (bytes) => Math.min(bytes, windowBytes));
    const allUsed = sum(used, (bytes) => bytes);
    const exclusives = windowBytes * remoteInputs.length;
    // The pool is all tasks' of the slot; what this one uses of it is told, as it is in Flink.
    const pool = remoteInputs.length === 0 ? 0 : floating.capacityBytes;
    return {
      inputQueueLength:
        sum(inputQueues, ({ queuedBatches }) => queuedBatches) +
        sum(remoteInputs, ({ queuedFrames }) => queuedFrames),
      inputQueueSize: sum(remoteInputs, ({ queuedBytes }) => queuedBytes),
      inPoolUsage: share(allUsed, exclusives + pool),
      inputExclusiveBuffersUsage: share(usedExclusive, exclusives),
      inputFloatingBuffersUsage: share(allUsed - usedExclusive, pool),
    };
  }

  /** A batch within the slot counts like a segment: nobody knows its bytes. */
  #outputs(): Pick<ExchangeMetrics, 'outputQueueLength' | 'outputQueueSize' | 'outPoolUsage'> {
    const { outputQueues, outputs } = this;
    const { segmentBytes, outputBytes } = this.#memory;
    const batches = sum(outputQueues, ({ queuedBatches }) => queuedBatches);
    const bytes = sum(outputs, ({ queuedBytes }) => queuedBytes);
    const room =
      outputs.length * outputBytes + outputQueues.length * LOCAL_QUEUE_BATCHES * segmentBytes;
    return {
      outputQueueLength: batches + sum(outputs, ({ queuedFrames }) => queuedFrames),
      outputQueueSize: bytes,
      outPoolUsage: share(bytes + batches * segmentBytes, room),
    };
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

/** From 0 to 1; what is beyond its room, as overdraft, is 1. */
function share(used: number, room: number): number {
  return room <= 0 ? 0 : Math.min(used / room, 1);
}
