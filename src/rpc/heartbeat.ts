/**
 * Liveness of a peer. The sender asks at an interval and takes an answer for a sign of life; the
 * receiver takes a request for one. Both give up after the time-out without a sign; the sender also
 * after some consecutive refusals, so that a process that answers "no such endpoint" is not waited
 * for.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { MainThread } from './main-thread.ts';

export interface HeartbeatOptions {
  readonly interval: Duration;
  readonly timeout: Duration;
  /** Consecutive failed requests after which the peer counts as lost. */
  readonly failureThreshold: number;
}

export interface HeartbeatState {
  readonly lastSign: Duration;
  readonly failures: number;
  readonly lost: boolean;
}

export type HeartbeatEvent = 'sign' | 'failure' | 'check';

/** Pure: whether the peer counts as lost after the event. Lost is final. */
export function heartbeat(
  state: HeartbeatState,
  event: HeartbeatEvent,
  now: Duration,
  options: HeartbeatOptions,
): HeartbeatState {
  if (state.lost) return state;
  if (event === 'sign') return { lastSign: now, failures: 0, lost: false };
  const failures = state.failures + (event === 'failure' ? 1 : 0);
  const lost = failures >= options.failureThreshold || now - state.lastSign >= options.timeout;
  return { lastSign: state.lastSign, failures, lost };
}

/**
 * Sends heartbeats until it is disposed or the peer is lost; `onLost` is called once, as a mail.
 */
export function sendHeartbeats<Report>(
  main: MainThread,
  options: HeartbeatOptions,
  request: () => Promise<Report>,
  onReport: (report: Report) => void,
  onLost: (reason: string) => void,
): Disposable {
  let timer: Disposable | undefined;
  const watch = new HeartbeatWatch(main, options, (reason) => {
    timer?.[Symbol.dispose]();
    onLost(reason);
  });
  const beat = (): void => {
    main.follow(
      request(),
      (report) => {
        if (watch.sign()) onReport(report);
      },
      (error) => watch.failure(error),
    );
    if (!watch.disposed) timer = main.after(options.interval, beat);
  };
  timer = main.after(options.interval, beat);
  return {
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
      watch[Symbol.dispose]();
    },
  };
}

/** Watches for signs of life until it is disposed or the peer is lost. */
export class HeartbeatWatch implements Disposable {
  readonly #main: MainThread;
  readonly #options: HeartbeatOptions;
  readonly #onLost: (reason: string) => void;
  #state: HeartbeatState;
  #timer: Disposable | undefined;
  #disposed = false;

  constructor(main: MainThread, options: HeartbeatOptions, onLost: (reason: string) => void) {
    this.#main = main;
    this.#options = options;
    this.#onLost = onLost;
    this.#state = { lastSign: main.now(), failures: 0, lost: false };
    this.#arm();
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** False when it comes too late to count. */
  sign(): boolean {
    if (this.#disposed) return false;
    this.#state = heartbeat(this.#state, 'sign', this.#main.now(), this.#options);
    return !this.#state.lost;
  }

  failure(error: EngineError): void {
    this.#step('failure', error.message);
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    const now = this.#main.now();
    const due = Math.max(this.#state.lastSign + this.#options.timeout - now, 1);
    this.#timer = this.#main.after(milliseconds(due), () => {
      this.#allowForPause(now + due);
      this.#step('check', `no sign of life for ${this.#options.timeout} ms`);
      if (!this.#disposed) this.#arm();
    });
  }

  /**
   * A process that stood still itself (Ctrl-Z, a debugger, a sleeping laptop) has heard nothing
   * meanwhile, and that says nothing of its peers: they get an interval to be heard.
   */
  #allowForPause(expected: number): void {
    const { interval, timeout } = this.#options;
    const now = this.#main.now();
    if (now - expected < interval) return;
    this.#state = { ...this.#state, lastSign: milliseconds(now - timeout + interval) };
  }

  #step(event: HeartbeatEvent, reason: string): void {
    if (this.#disposed) return;
    this.#state = heartbeat(this.#state, event, this.#main.now(), this.#options);
    if (!this.#state.lost) return;
    this[Symbol.dispose]();
    this.#onLost(reason);
  }
}
