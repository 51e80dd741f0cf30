/**
 * The regular looks at event time: every `pipeline.auto-watermark-interval` by the clock, whatever
 * the number of records.
 *
 * Invariants
 * K1. While output is held there is none, as what is said would wait in line; one that was due
 *     meanwhile is made up for as soon as output is free, before the next record. So watermarks go
 *     on also where output is held nearly always.
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
  #periodic = false;
  /** K1 */
  #missed = false;

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
    this.#periodic = periodic;
    const delay = periodic ? this.#interval : milliseconds(Math.min(IDLE_LOOK, idleAfter!));
    const again = (): void => {
      this.#timer = this.#context.after(delay, () => {
        again();
        this.#look();
      });
    };
    again();
  }

  /** To be called by the operator's `processingTime`, which never comes while output is held. */
  catchUp(): void {
    if (!this.#missed) return;
    this.#missed = false;
    this.#tick(this.#context.activeTime(), this.#periodic);
  }

  /** K1 */
  #look(): void {
    if (this.#context.isHeld) {
      this.#missed = true;
      this.#context.wakeAt(this.#context.processingTime());
      return;
    }
    this.#missed = false;
    this.#tick(this.#context.activeTime(), this.#periodic);
  }

  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
