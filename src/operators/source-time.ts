/**
 * The event time of a source's reader: of each split that it has opened, and of what it emits
 * without naming a split, combined.
 *
 * Invariants
 * S1. A split counts from `open` (or a restore) to `release`; what the reader emits itself counts
 *     from its first record or watermark on, and while there is no split.
 * S2. A split that waits for others (alignment) does not become idle by that.
 * S3. The last watermark before the end is the greatest of all splits and of the reader itself.
 * S4. A snapshot never says that event time has ended: after a restore the reader may be given
 *     splits again that another one had.
 */
import type { Duration } from '../base/units.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import { CombinedWatermark } from '../network/combined-watermark.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import { EventTime } from './event-time.ts';

export interface SourceTimeOptions {
  readonly strategy: WatermarkStrategy<unknown> | undefined;
  /** For errors. */
  readonly operator: string;
  readonly processingTime: () => number;
  readonly emitWatermark: (timestamp: number) => void;
  readonly emitStatus: (status: 'active' | 'idle') => void;
  /** A split's watermark may have changed; after what it changes was emitted. */
  readonly changed: () => void;
}

/** What a snapshot holds of one event time. */
export interface TimeSnapshot {
  readonly watermark: number;
  readonly idle: boolean;
}

export interface SourceTimeSnapshot extends TimeSnapshot {
  readonly splits: readonly (TimeSnapshot & { readonly id: string })[];
  /** Of what the reader emitted itself, if it did. */
  readonly own: TimeSnapshot | undefined;
}

export class SourceTime {
  readonly #options: SourceTimeOptions;
  readonly #combined: CombinedWatermark<EventTime>;
  readonly #splits = new Map<string, EventTime>();
  /** Of what the reader emits itself. */
  readonly own: EventTime;
  /** Whether the reader has emitted something itself. */
  #ownUsed = false;
  /** Updates wait for the end of a round. */
  #inRound = false;
  #restored = false;
  /** S3. The greatest of splits that were released. */
  #reached = MIN_WATERMARK;
  /** S4. What a snapshot says after the end. */
  #last: SourceTimeSnapshot | undefined;

  constructor(options: SourceTimeOptions) {
    this.#options = options;
    this.#combined = new CombinedWatermark({
      watermark: options.emitWatermark,
      status: options.emitStatus,
    });
    this.own = this.#create();
    this.#combined.add(this.own);
  }

  get watermark(): number {
    return this.#combined.watermark;
  }

  get isIdle(): boolean {
    return this.#combined.isIdle;
  }

  /** The splits that count, with their watermarks. */
  get splits(): ReadonlyMap<string, EventTime> {
    return this.#splits;
  }

  /** The split that the watermark waits for, if it is one. */
  get holder(): string | undefined {
    const { holder } = this.#combined;
    for (const [id, time] of this.#splits) if (time === holder) return id;
    return undefined;
  }

  /** S1. The reader emits something itself. */
  useOwn(): void {
    if (this.#ownUsed) return;
    this.#ownUsed = true;
    this.#combined.add(this.own);
  }

  /** S1 */
  open(id: string): EventTime {
    let time = this.#splits.get(id);
    if (time !== undefined) return time;
    time = this.#create();
    this.#splits.set(id, time);
    this.#combined.add(time);
    if (!this.#ownUsed) this.#combined.remove(this.own);
    this.#update();
    return time;
  }

  /** S1 */
  release(id: string): void {
    const time = this.#splits.get(id);
    if (time === undefined) return;
    this.#finish(time);
    this.#splits.delete(id);
    if (this.#splits.size === 0 && !this.#ownUsed) {
      // As idle as the whole was, for as long again.
      this.own.restore(MIN_WATERMARK, this.isIdle);
      this.own.touch();
      this.#combined.add(this.own);
    }
    this.#update();
  }

  /** `isWaiting` says which splits wait for others; S2. */
  tick(activeTime: Duration, periodic: boolean, isWaiting: (id: string) => boolean): void {
    this.#inRound = true;
    for (const [id, time] of this.#splits) {
      if (isWaiting(id)) time.touch();
      time.tick(activeTime, periodic);
    }
    if (this.#ownUsed || this.#splits.size === 0) this.own.tick(activeTime, periodic);
    this.#inRound = false;
    this.#update();
  }

  /** No record will follow. */
  end(): void {
    this.#last = { ...stateOf(this.#combined), splits: [], own: undefined };
    for (const time of this.#splits.values()) this.#finish(time);
    this.#splits.clear();
    this.useOwn();
    this.own.end(this.#reached);
  }

  snapshot(): SourceTimeSnapshot {
    if (this.#last !== undefined) return this.#last;
    return {
      ...stateOf(this.#combined),
      splits: [...this.#splits].map(([id, time]) => ({ id, ...stateOf(time) })),
      own: this.#ownUsed ? stateOf(this.own) : undefined,
    };
  }

  /**
   * Before anything is emitted; `announce` follows. With the splits of several former subtasks the
   * watermark is the least of theirs.
   */
  restore({ watermark, idle, splits, own }: SourceTimeSnapshot): void {
    const isFirst = !this.#restored;
    this.#restored = true;
    this.#combined.restore(
      isFirst ? watermark : Math.min(watermark, this.watermark),
      idle && (isFirst || this.isIdle),
    );
    if (own !== undefined) {
      const least = this.#ownUsed ? Math.min(own.watermark, this.own.watermark) : own.watermark;
      this.own.restore(least, own.idle && (!this.#ownUsed || this.own.isIdle));
      this.useOwn();
    }
    for (const split of splits) {
      const time = this.#create();
      time.restore(split.watermark, split.idle);
      this.#splits.set(split.id, time);
      this.#combined.add(time);
    }
    if (this.#splits.size > 0 && !this.#ownUsed) this.#combined.remove(this.own);
  }

  /** Says what was said before a restore: whoever reads this has forgotten it. */
  announce(): void {
    if (this.watermark > MIN_WATERMARK) this.#options.emitWatermark(this.watermark);
    if (this.isIdle) this.#options.emitStatus('idle');
  }

  #create(): EventTime {
    const { strategy, operator, processingTime } = this.#options;
    const listener = { watermark: () => this.#update(), status: () => this.#update() };
    return new EventTime({ strategy, operator, processingTime, listener });
  }

  /** S3 */
  #finish(time: EventTime): void {
    this.#inRound = true;
    time.finish();
    this.#inRound = false;
    this.#reached = Math.max(this.#reached, time.watermark);
    this.#combined.remove(time);
  }

  #update(): void {
    if (this.#inRound) return;
    this.#combined.update();
    this.#options.changed();
  }
}

function stateOf(time: { readonly watermark: number; readonly isIdle: boolean }): TimeSnapshot {
  return { watermark: time.watermark, idle: time.isIdle };
}
