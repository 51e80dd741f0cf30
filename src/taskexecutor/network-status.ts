/** How much of the memory for channels a TaskManager uses, by Flink's names. */
import type { MetricValue } from '../metrics/metric.ts';

export interface NetworkUse {
  /** Of all slots, with the rings between them. */
  readonly totalBytes: number;
  /** Reserved for channels, overdrawn, and of rings that live. */
  readonly usedBytes: number;
  readonly segmentBytes: number;
}

/** Segments are what fits: memory is not cut into them. */
export function networkStatus({ totalBytes, usedBytes, segmentBytes }: NetworkUse): MetricValue[] {
  const used = Math.min(usedBytes, totalBytes);
  const segments = (bytes: number): number => Math.floor(bytes / segmentBytes);
  const values = {
    TotalMemory: totalBytes,
    UsedMemory: used,
    AvailableMemory: totalBytes - used,
    TotalMemorySegments: segments(totalBytes),
    UsedMemorySegments: segments(totalBytes) - segments(totalBytes - used),
    AvailableMemorySegments: segments(totalBytes - used),
    RequestedMemoryUsage: totalBytes === 0 ? 0 : Math.round((used / totalBytes) * 100),
  };
  return Object.entries(values).map(([name, value]) => ({
    ...{ kind: 'gauge', name: `Status.Shuffle.Netty.${name}`, value },
  }));
}
