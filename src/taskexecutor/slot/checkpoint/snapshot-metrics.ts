/** How a task came to its part of a checkpoint, in Flink's terms. */
import type { Timestamp } from '../../../base/units.ts';
import type { Clock } from '../../../env/env.ts';
import type { InFlight } from '../../../network/in-flight.ts';
import type {
  StateHandle,
  SubtaskCheckpointMetrics,
  TaskSnapshot,
} from '../../../protocol/checkpoint.ts';

export interface SnapshotMetricsOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  readonly triggeredAt: Timestamp;
  /** Monotonic: when the first barrier came, and when operators were asked for their state. */
  readonly since: number;
  readonly syncBegan: number;
  readonly unaligned: boolean;
  bytesIn(): number;
}

export class SnapshotMetrics {
  readonly #options: SnapshotMetricsOptions;
  readonly #startDelay: number;
  readonly #bytesIn: number;
  #syncDone = 0;

  constructor(options: SnapshotMetricsOptions) {
    this.#options = options;
    const { clock, triggeredAt, since } = options;
    const sinceTrigger = Math.max(0, clock.now() - triggeredAt);
    this.#startDelay = Math.max(0, sinceTrigger - (clock.monotonic() - since));
    this.#bytesIn = options.bytesIn();
  }

  syncDone(): void {
    this.#syncDone = this.#options.clock.monotonic();
  }

  read(snapshot: TaskSnapshot, inFlight: readonly InFlight[]): SubtaskCheckpointMetrics {
    const { clock, since, syncBegan, unaligned } = this.#options;
    const sizes = sizesOf(snapshot);
    const inFlightBytes = inFlight.reduce((sum, each) => sum + (each.isEmpty ? 0 : each.size), 0);
    return {
      startDelayMillis: this.#startDelay,
      alignmentMillis: Math.max(0, syncBegan - since),
      syncMillis: this.#syncDone - syncBegan,
      asyncMillis: clock.monotonic() - this.#syncDone,
      writtenBytes: sizes.written + inFlightBytes,
      stateBytes: sizes.all + inFlightBytes,
      processedBytes: this.#options.bytesIn() - this.#bytesIn,
      ...{ inFlightBytes, unaligned },
    };
  }
}

function sizesOf({ operators }: TaskSnapshot): { readonly written: number; readonly all: number } {
  let written = 0;
  let all = 0;
  for (const { keyed, operatorState } of operators) {
    const parts = keyed?.parts ?? [];
    for (const [index, part] of parts.entries()) {
      all += sizeOf(part);
      if (index === parts.length - 1) written += sizeOf(part);
    }
    if (operatorState === undefined) continue;
    all += sizeOf(operatorState);
    written += sizeOf(operatorState);
  }
  return { written, all };
}

export function sizeOf(handle: StateHandle): number {
  return handle.kind === 'inline' ? handle.bytes.length : handle.size;
}
