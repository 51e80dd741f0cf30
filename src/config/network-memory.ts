/** The memory of a TaskManager's channels, shared out among its slots. */
import { slotHeapBytes } from './configuration.ts';
import type { Configuration } from './configuration.ts';
import { NetworkOptions } from './options/network-options.ts';
import { TaskManagerOptions } from './options/task-manager-options.ts';

/** Of the whole, for the rings between the slots of the process. */
const RINGS_PART = 0.25;

export interface SlotNetworkMemory {
  /** That a slot brings to the rings between the slots of its process. */
  readonly ringBytes: number;
  /** For the channels of a slot. */
  readonly channelBytes: number;
  readonly segmentBytes: number;
}

/** Of one slot; all have the same. */
export function slotNetworkMemory(configuration: Configuration): SlotNetworkMemory {
  const fraction = configuration.get(NetworkOptions.fraction);
  const slots = configuration.get(TaskManagerOptions.slots);
  const heap = slotHeapBytes(configuration) * slots;
  // The fraction is of heap and network together.
  const wanted = (heap * fraction) / (1 - fraction);
  const least = Math.max(wanted, configuration.get(NetworkOptions.min));
  const total = Math.min(least, configuration.get(NetworkOptions.max) ?? Number.POSITIVE_INFINITY);
  const slot = Math.floor(total / slots);
  const ringBytes = Math.floor(slot * RINGS_PART);
  return {
    ringBytes,
    channelBytes: slot - ringBytes,
    segmentBytes: configuration.get(NetworkOptions.segmentSize),
  };
}
