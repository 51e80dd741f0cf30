/**
 * Keeps the reader of one subtask within the limit of its group: tells how far it is, and makes it
 * wait, as a whole and split by split where it can. Flink's watermark alignment.
 *
 * Invariants
 * L1. The reader waits exactly while its watermark is past the limit; a split, while its own is.
 * L2. An idle reader says +infinity: it holds nobody. One without a watermark says nothing yet.
 */
import type { SourceReader } from '../functions/source.ts';
import { updateIntervalOf, type WatermarkAlignment } from '../functions/watermark-strategy.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../network/control-element.ts';
import type { OperatorContext } from './operator.ts';
import type { SourceTime } from './source-time.ts';

export interface SourceAlignmentOptions {
  readonly alignment: WatermarkAlignment;
  readonly context: OperatorContext;
  readonly time: SourceTime;
  readonly reader: Pick<SourceReader<unknown, never>, 'pauseOrResumeSplits'>;
  /** To whoever finds the limit. */
  readonly report: (watermark: number) => void;
  /** The reader must wait, or need not any more. */
  readonly onWaiting: (waiting: boolean) => void;
}

export class SourceAlignment {
  readonly #options: SourceAlignmentOptions;
  readonly #paused = new Set<string>();
  #limit = MAX_WATERMARK;
  #waiting = false;
  #ended = false;
  #timer: Disposable | undefined;

  constructor(options: SourceAlignmentOptions) {
    this.#options = options;
    this.#reportLater();
  }

  get isWaiting(): boolean {
    return this.#waiting;
  }

  /** S2 of SourceTime. */
  isSplitWaiting(id: string): boolean {
    return this.#waiting || this.#paused.has(id);
  }

  setLimit(limit: number): void {
    this.#limit = limit;
    this.look();
  }

  /** L1. After watermarks have changed. */
  look(): void {
    if (this.#ended) return;
    this.#lookAtSplits();
    const waiting = this.#options.time.watermark > this.#limit;
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    this.#options.onWaiting(waiting);
  }

  /** The reader has read everything. */
  end(): void {
    this.close();
    if (this.#ended) return;
    this.#ended = true;
    this.#options.report(MAX_WATERMARK);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #lookAtSplits(): void {
    const { time, reader } = this.#options;
    if (reader.pauseOrResumeSplits === undefined) return;
    const pause: string[] = [];
    const resume: string[] = [];
    for (const id of this.#paused) if (!time.splits.has(id)) this.#paused.delete(id);
    for (const [id, { watermark }] of time.splits) {
      const past = watermark > this.#limit;
      if (past === this.#paused.has(id)) continue;
      if (past) this.#paused.add(id);
      else this.#paused.delete(id);
      (past ? pause : resume).push(id);
    }
    if (pause.length === 0 && resume.length === 0) return;
    reader.pauseOrResumeSplits(pause, resume);
  }

  #reportLater(): void {
    const { context, alignment } = this.#options;
    this.#timer = context.after(updateIntervalOf(alignment), () => {
      this.#reportLater();
      this.#report();
    });
  }

  /** L2 */
  #report(): void {
    const { time, report } = this.#options;
    if (time.isIdle) report(MAX_WATERMARK);
    else if (time.watermark > MIN_WATERMARK) report(time.watermark);
  }
}
