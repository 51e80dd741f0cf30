/**
 * The regular looks at event time: every `pipeline.auto-watermark-interval` by the clock, whatever
 * the number of records. While output is held there is none: nothing new could be said, and what is
 * said would wait in line.
 */
import type { Duration } from '../base/units.ts';
import { milliseconds } from '../base/units.ts';
import type { EventTime } from './event-time.ts';
import type { OperatorContext } from './operator.ts';

/** Between looks for idleness where watermarks are not periodic. */
const IDLE_LOOK = milliseconds(200);

/** `periodic`: watermarks are due. */
type Tick = (activeTime: Duration, periodic: boolean) => void;

export class EventTimeTicks {
  readonly #context: OperatorContext;
  readonly #interval: Duration;
  readonly #tick: Tick;
  #timer: Disposable | undefined;

  /** An interval of 0 means no periodic watermarks. */
  constructor(context: OperatorContext, interval: Duration, tick: Tick) {
    this.#context = context;
    this.#interval = interval;
    this.#tick = tick;
  }

  /** Begins, if one like `time` has a use for it. Idempotent. */
  start({ isPeriodic, idleAfter }: Pick<EventTime, 'isPeriodic' | 'idleAfter'>): void {
    if (this.#timer !== undefined) return;
    const periodic = isPeriodic && this.#interval > 0;
    if (!periodic && idleAfter === undefined) return;
    const delay = periodic ? this.#interval : milliseconds(Math.min(IDLE_LOOK, idleAfter!));
    const again = (): void => {
      this.#timer = this.#context.after(delay, () => {
        again();
        if (!this.#context.isHeld) this.#tick(this.#context.activeTime(), periodic);
      });
    };
    again();
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
