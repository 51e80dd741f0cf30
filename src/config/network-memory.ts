/** The memory of a TaskManager's channels, shared out among its slots. */
import type { Configuration } from './configuration.ts';
import { NetworkOptions } from './options/network-options.ts';
import { taskManagerMemory } from './task-manager-memory.ts';

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
  const { networkBytes: total, slots } = taskManagerMemory(configuration);
  const slot = Math.floor(total / slots);
  const ringBytes = Math.floor(slot * RINGS_PART);
  return {
    ringBytes,
    channelBytes: slot - ringBytes,
    segmentBytes: configuration.get(NetworkOptions.segmentSize),
  };
}
