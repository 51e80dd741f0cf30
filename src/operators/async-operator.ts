/**
 * The one operator that waits: starts a call per record, up to a capacity, and emits results in the
 * order of the input or as they come. Results come back as mails.
 *
 * Invariants
 * A1. At most `capacity` records are in flight; at capacity the operator holds its input.
 * A2. Ordered: results leave in the order of their records. Unordered: a result never passes a
 *     watermark, status or epoch mark that came before or after its record.
 * A3. Every record in flight ends once: result, time-out or failure. What a call does after that is
 *     ignored.
 * A4. A snapshot holds the records in flight, in order; they are called again after a restore.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { AsyncFunction, AsyncOptions, AsyncRetry } from '../functions/async-function.ts';
import type { SplitState } from '../state/operator-state.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import type { DeferrableEvent, OneInputOperator, OperatorContext } from './operator.ts';
import { userCodeFailure } from './user-code.ts';

/** Flink's default of AsyncDataStream. */
export const ASYNC_CAPACITY = 100;

type Entry = Call | Marker;

interface Marker {
  readonly kind: 'marker';
  readonly event: DeferrableEvent;
}

interface Call {
  readonly kind: 'call';
  readonly value: unknown;
  readonly timestamp: number;
  readonly abort: AbortController;
  attempt: number;
  state: 'running' | 'done' | 'emitted';
  result: unknown;
  timeout: Disposable | undefined;
  retry: Disposable | undefined;
}

export class AsyncOperator implements OneInputOperator {
  readonly #function: AsyncFunction<unknown, unknown>;
  readonly #options: AsyncOptions;
  readonly #input: Schema<unknown>;
  readonly #capacity: number;
  readonly #queue: Entry[] = [];
  #context!: OperatorContext;
  /** A4. As it was at the last snapshot. */
  #kept: SplitState<{ readonly value: unknown; readonly timestamp: number }> | undefined;
  #name = '';
  #inFlight = 0;
  #held = false;
  #finishing = false;
  #closed = false;

  constructor(fn: AsyncFunction<unknown, unknown>, options: AsyncOptions, input: Schema<unknown>) {
    this.#function = fn;
    this.#options = options;
    this.#input = input;
    this.#capacity = options.capacity ?? ASYNC_CAPACITY;
  }

  async open(context: OperatorContext): Promise<void> {
    this.#context = context;
    this.#name = context.open.operatorName;
    try {
      await this.#function.open?.(context.open);
    } catch (thrown) {
      throw userCodeFailure('open', this.#name, thrown);
    }
    const kept = t.struct({ timestamp: t.float64, value: this.#input });
    this.#kept = context.operatorState.split('in-flight', kept);
    // A4
    for (const { value, timestamp } of this.#kept.values()) this.#start(value, timestamp);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const entry of this.#queue) if (entry.kind === 'call') this.#settle(entry);
    this.#queue.length = 0;
    try {
      await this.#function.close?.();
    } catch (thrown) {
      throw userCodeFailure('close', this.#name, thrown);
    }
  }

  process(value: unknown, timestamp: number): void {
    assert(this.#inFlight < this.#capacity, 'A1: a record beyond the capacity');
    this.#start(value, timestamp);
  }

  defer(event: DeferrableEvent): boolean {
    if (this.#queue.length === 0) return false;
    this.#queue.push({ kind: 'marker', event });
    return true;
  }

  finish(): boolean {
    if (this.#queue.length === 0) return true;
    this.#finishing = true;
    this.#hold();
    return false;
  }

  /** A4 */
  prepareSnapshot(): void {
    const calls = this.#queue.filter(
      (entry) => entry.kind === 'call' && entry.state !== 'emitted',
    ) as Call[];
    this.#kept!.update(calls.map(({ value, timestamp }) => ({ value, timestamp })));
  }

  // ---------------------------------------------------------------------------------------- calls

  #start(value: unknown, timestamp: number): void {
    const call: Call = {
      kind: 'call',
      value,
      timestamp,
      abort: new AbortController(),
      attempt: 0,
      state: 'running',
      result: undefined,
      timeout: undefined,
      retry: undefined,
    };
    this.#queue.push(call);
    this.#inFlight += 1;
    call.timeout = this.#context.after(this.#options.timeout, () => this.#timedOut(call));
    this.#attempt(call);
    if (this.#inFlight >= this.#capacity) this.#hold();
  }

  #attempt(call: Call): void {
    call.attempt += 1;
    call.retry = undefined;
    const { attempt } = call;
    const mail = (action: () => void): void => {
      this.#context.mail(() => {
        // A3: an attempt that was given up, or a record that has ended, is not heard any more.
        if (!this.#closed && call.state === 'running' && call.attempt === attempt) action();
      });
    };
    let promise: Promise<unknown>;
    try {
      promise = Promise.resolve(
        this.#function.call(call.value, { signal: call.abort.signal, attempt }),
      );
    } catch (thrown) {
      promise = rejection(thrown);
    }
    promise.then(
      (result) => mail(() => this.#complete(call, result)),
      (thrown: unknown) => mail(() => this.#failed(call, thrown)),
    );
  }

  #failed(call: Call, thrown: unknown): void {
    const { retry } = this.#options;
    const wanted =
      retry !== undefined && call.attempt < retry.attempts && this.#retryWanted(retry, thrown);
    if (!wanted) {
      this.#settle(call);
      this.#context.fail(userCodeFailure('async', this.#name, thrown));
      return;
    }
    call.retry = this.#context.after(retryDelay(retry, call.attempt), () => {
      if (!this.#closed && call.state === 'running') this.#attempt(call);
    });
  }

  #retryWanted(retry: AsyncRetry, thrown: unknown): boolean {
    if (isEngineError(thrown) && thrown.retry === 'never') return false;
    if (retry.retryIf === undefined) return true;
    try {
      return retry.retryIf(thrown);
    } catch (inner) {
      throw userCodeFailure('retryIf', this.#name, inner);
    }
  }

  #timedOut(call: Call): void {
    if (this.#closed || call.state !== 'running') return;
    call.timeout = undefined;
    call.abort.abort();
    if (this.#function.onTimeout === undefined) {
      this.#settle(call);
      this.#context.fail(
        new EngineError('USER_CODE_TIMED_OUT', {
          operator: this.#name,
          millis: this.#options.timeout,
        }),
      );
      return;
    }
    let result: unknown;
    try {
      result = this.#function.onTimeout(call.value);
    } catch (thrown) {
      throw userCodeFailure('onTimeout', this.#name, thrown);
    }
    this.#complete(call, result);
  }

  #settle(call: Call): void {
    call.timeout?.[Symbol.dispose]();
    call.retry?.[Symbol.dispose]();
    call.timeout = undefined;
    call.retry = undefined;
    if (call.state === 'running') call.abort.abort();
  }

  // ------------------------------------------------------------------------------------- emission

  #complete(call: Call, result: unknown): void {
    call.state = 'done';
    call.result = result;
    this.#settle(call);
    this.#drain();
  }

  /**
   * Emits what may leave: the done prefix, and in unordered mode whatever is done before the first
   * marker.
   */
  #drain(): void {
    do {
      this.#drainPrefix();
      if (this.#options.order === 'unordered') this.#drainUnordered();
    } while (this.#queue.length > 0 && !isRunning(this.#queue[0]!));
    if (this.#finishing ? this.#queue.length === 0 : this.#inFlight < this.#capacity)
      this.#release();
  }

  #drainPrefix(): void {
    const queue = this.#queue;
    while (queue.length > 0 && !isRunning(queue[0]!)) {
      const entry = queue.shift()!;
      if (entry.kind === 'marker') this.#context.forward(entry.event);
      else this.#emit(entry);
    }
  }

  #drainUnordered(): void {
    const queue = this.#queue;
    let kept = 0;
    let index = 0;
    for (; index < queue.length; index += 1) {
      const entry = queue[index]!;
      if (entry.kind === 'marker') break;
      if (entry.state === 'done') this.#emit(entry);
      else queue[kept++] = entry;
    }
    queue.splice(kept, index - kept);
  }

  #emit(call: Call): void {
    assert(call.state === 'done', 'A3: a record ends once');
    call.state = 'emitted';
    this.#inFlight -= 1;
    this.#context.output.process(call.result, call.timestamp);
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#context.hold();
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.#context.release();
  }
}

/** What a user's function throws need not be an error; it is wrapped where it is reported. */
async function rejection(thrown: unknown): Promise<never> {
  // oxlint-disable-next-line typescript/only-throw-error
  throw thrown;
}

function isRunning(entry: Entry): boolean {
  return entry.kind === 'call' && entry.state === 'running';
}

function retryDelay(retry: AsyncRetry, failures: number): Duration {
  if (retry.kind === 'fixed') return retry.delay;
  const delay = retry.initialDelay * retry.multiplier ** (failures - 1);
  return Math.min(delay, retry.maxDelay) as Duration;
}
