/**
 * Session windows with the default trigger over incremental contents: the sessions of a key are one
 * small value in its state. A key has one timer at a time for its earliest session; when a session
 * has grown meanwhile, the timer moves on as it fires, so that records need none.
 *
 * Invariants
 * W1. A session fires once the limit (the watermark; with processing time the moment before now)
 * has
 *     come to its last millisecond; again at once for each late record that it still takes.
 * W2. A session is dropped when it has fired and the allowed lateness is behind.
 * W3. A key with sessions has a timer at or before the time when one of them is next due.
 */
import { assert } from '../../base/assert.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import type { ValueState } from '../../functions/state.ts';
import type { WindowTime } from '../../functions/window.ts';
import { LATE_OUTPUT } from '../../graph/operator-spec.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { Key } from '../../types/schema.ts';
import { KeySelection } from '../key-selection.ts';
import { LateRecords } from '../late-records.ts';
import type { KeyedOperator, OperatorContext } from '../operator.ts';
import { TimerService } from '../timer-service.ts';
import { noTimestamp } from '../timestamp-errors.ts';
import { gapOf } from './assign-windows.ts';
import { incrementalOf } from './incremental.ts';
import type { Incremental } from './incremental.ts';
import { endedBy, joinedSession, overlapOf, sessionsState, withSession } from './sessions.ts';
import type { KeySessions, Session } from './sessions.ts';
import { windowOf } from './window-firing.ts';
import { reportUnfired, WindowResults } from './window-results.ts';

export interface SessionTiming {
  readonly gap: Duration | ((value: any) => Duration);
  readonly time: WindowTime;
}

export class SessionWindowOperator implements KeyedOperator {
  readonly #spec: WindowSpec;
  readonly #gap: SessionTiming['gap'];
  readonly #lateness: number;
  readonly #byClock: boolean;
  #context!: OperatorContext;
  #backend!: KeyedStateBackend;
  #keys!: KeySelection;
  #incremental!: Incremental;
  #sessions!: ValueState<KeySessions | undefined>;
  #timers!: TimerService;
  /** Undefined if `open` has failed before it. */
  #results: WindowResults | undefined;
  #late!: LateRecords;

  constructor(spec: WindowSpec, { gap, time }: SessionTiming) {
    this.#spec = spec;
    this.#gap = gap;
    this.#lateness = spec.allowedLateness;
    this.#byClock = time === 'processing';
  }

  open(context: OperatorContext): void | Promise<void> {
    const spec = this.#spec;
    this.#context = context;
    this.#backend = context.keyedState;
    this.#keys = new KeySelection(spec.key, context);
    this.#incremental = incrementalOf(spec, context.open.operatorName);
    this.#sessions = this.#backend.register('sessions', sessionsState(this.#incremental));
    this.#timers = new TimerService(context, {
      name: 'sessions',
      namespace: undefined,
      onEvent: (at) => this.#fire(at),
      onProcessing: (at) => this.#fire(at),
    });
    this.#late = new LateRecords(context, LATE_OUTPUT);
    this.#results = new WindowResults(spec, context, {
      watermark: () => this.#timers.watermark,
      processingTime: () => context.processingTime(),
    });
    return this.#results.open(context);
  }

  close(): void | Promise<void> {
    return this.#results?.close();
  }

  process(): void {
    assert(false, 'a window gets records by key');
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    const at = this.#byClock ? this.#context.processingTime() : timestamp;
    if (at === NO_TIMESTAMP) throw noTimestamp(this.#context.open.operatorName, value);
    const limit = this.#limitOf(keyGroup);
    const key = this.#keys.enter(value, keyGroup);
    const known = this.#sessions.get();
    const sessions = known === undefined ? [] : known.sessions;
    const overlap = overlapOf(sessions, at, at + this.#gapOf(value));
    if (overlap.end - 1 + this.#lateness <= limit) {
      this.#late.add(value, timestamp);
      return;
    }
    let joined = joinedSession(sessions, overlap, value, this.#incremental);
    const late = joined.end - 1 <= limit;
    if (late) {
      this.#emit(key, keyGroup, joined);
      joined = { ...joined, fired: true, records: 0 };
    }
    const due = this.#dueOf(joined);
    let timer = known === undefined ? Infinity : known.timer;
    if (due < timer) {
      timer = due;
      this.#register(due);
    }
    this.#sessions.set({ timer, sessions: withSession(sessions, overlap, joined) });
  }

  watermark(timestamp: number): boolean {
    return this.#timers.advanceWatermark(timestamp);
  }

  processingTime(now: Timestamp): boolean {
    return this.#timers.advanceProcessingTime(now);
  }

  /** What has not been fired never will be. */
  finish(): boolean {
    let unfired = 0;
    this.#backend.forEachKey('sessions', () => {
      for (const session of this.#sessions.get()!.sessions) unfired += session.records;
    });
    reportUnfired(this.#context.open, unfired, 'sessions');
    return true;
  }

  /** A timer of the current key: fires and drops what is due, and moves the timer on. */
  #fire(at: number): void {
    const known = this.#sessions.get();
    // A timer that an earlier one made superfluous.
    if (known === undefined || known.timer > at) return;
    const key = this.#backend.currentKey!;
    const keyGroup = this.#backend.currentKeyGroup;
    const limit = this.#limitOf(keyGroup);
    // Those behind are later, and have not been fired.
    const ended = endedBy(known.sessions, limit + 1);
    const open = known.sessions.slice(ended);
    const kept: Session[] = [];
    let timer = open.length === 0 ? Infinity : this.#dueOf(open[0]!);
    for (let at = 0; at < ended; at++) {
      let session = known.sessions[at]!;
      if (!session.fired) {
        this.#emit(key, keyGroup, session);
        session = { ...session, fired: true, records: 0 };
      }
      if (session.end - 1 + this.#lateness <= limit) continue;
      kept.push(session);
      timer = Math.min(timer, this.#dueOf(session));
    }
    const left = kept.length === 0 ? open : [...kept, ...open];
    if (left.length === 0) {
      this.#sessions.clear();
      return;
    }
    this.#register(timer);
    this.#sessions.set({ timer, sessions: left });
  }

  /**
   * W3: when a timer must look at the session; one that ends beyond all times at the end of input.
   */
  #dueOf({ end, fired }: Session): number {
    if (this.#byClock) return end;
    if (!fired) return Math.min(end - 1, Number.MAX_SAFE_INTEGER);
    const over = end - 1 + this.#lateness;
    return over > Number.MAX_SAFE_INTEGER ? Infinity : over;
  }

  /** Infinity is never: the session is kept for ever. */
  #register(at: number): void {
    if (at === Infinity) return;
    if (this.#byClock) this.#timers.registerProcessing(at, undefined);
    else this.#timers.registerEvent(at, undefined);
  }

  #limitOf(keyGroup: number): number {
    if (this.#byClock) return this.#context.processingTime() - 1;
    return this.#timers.watermarkOf(keyGroup);
  }

  #gapOf(value: unknown): number {
    const gap = this.#gap;
    return typeof gap === 'number' ? gap : gapOf(gap, value, this.#context.open.operatorName);
  }

  #emit(key: Key, keyGroup: number, session: Session): void {
    const result = this.#incremental.result(session.accumulator);
    const window = windowOf(session.start, session.end);
    this.#results!.emit({ key, keyGroup }, window, result, (session.end - 1) as Timestamp);
  }
}
