/**
 * The broadcast pattern: a stream that every subtask gets in full and keeps in broadcast state,
 * connected with another whose records are looked at beside that state.
 */
import type {
  BroadcastProcessFunction,
  KeyedBroadcastProcessFunction,
  OutputSpec,
} from '../functions/process-function.ts';
import type { OperatorStateSpec, StateSpec } from '../functions/state.ts';
import { EngineError } from '../base/errors.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import type { Key } from '../types/schema.ts';
import { requireFunctionObject } from './callbacks.ts';
import { processPair } from './connected-streams.ts';
import type { StreamHandle } from './job-builder.ts';
import type { ProcessedStream } from './processed-stream.ts';
import type { BroadcastStates, Pair } from './stream-kinds.ts';

/** A stream with the broadcast state that it feeds; only for `connect`. */
export class BroadcastStream<out B> {
  declare readonly elements: (() => B) | undefined;
  /** What it is underneath; for those who build on the API. */
  readonly handle: StreamHandle;
  readonly states: BroadcastStates;

  constructor(stream: StreamHandle, states: BroadcastStates) {
    const names = states.map(({ name }) => name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) {
      const reason = `two of its states are called "${twice}"`;
      throw new EngineError('API_INVALID_ARGUMENT', { call: 'broadcast', reason });
    }
    this.handle = stream;
    this.states = states;
  }
}

/**
 * @example
 * const limits = state.broadcast('limits', t.string, t.float64);
 * payments.connect(changes.broadcast(limits)).process({
 *   emits: Payment,
 *   onElement(payment, ctx) {
 *     const limit = ctx.broadcast(limits).get(payment.country);
 *     if (limit !== undefined && payment.amount > limit) ctx.emit(payment);
 *   },
 *   onBroadcast(change, ctx) {
 *     ctx.broadcast(limits).set(change.country, change.limit);
 *   },
 * })
 */
export class BroadcastConnectedStream<out T, out B> {
  protected readonly pair: Pair;
  protected readonly states: BroadcastStates;

  constructor(pair: Pair, states: BroadcastStates) {
    this.pair = pair;
    this.states = states;
  }

  /** `onBroadcast` alone may write the broadcast state, and must do the same on every subtask. */
  process<R, O extends OutputSpec = {}, P extends OperatorStateSpec = {}>(
    process: BroadcastProcessFunction<T, B, R, O, P>,
  ): ProcessedStream<R, O> {
    requireBroadcastFunction(process);
    const { pair, states } = this;
    return processPair(pair, { kind: 'broadcastProcess', states, function: process }, process);
  }
}

/** The same with state by key beside the broadcast state. */
export class KeyedBroadcastConnectedStream<
  out T,
  out K extends Key,
  out B,
> extends BroadcastConnectedStream<T, B> {
  readonly #key: KeySelector;

  constructor(pair: Pair, key: KeySelector, states: BroadcastStates) {
    super(pair, states);
    this.#key = key;
  }

  /** `onBroadcast` alone may write the broadcast state, and must do the same on every subtask. */
  override process<
    R,
    S extends StateSpec = {},
    O extends OutputSpec = {},
    P extends OperatorStateSpec = {},
  >(process: KeyedBroadcastProcessFunction<T, K, B, R, S, O, P>): ProcessedStream<R, O> {
    requireBroadcastFunction(process);
    const { pair, states } = this;
    return processPair(
      pair,
      { kind: 'keyedBroadcastProcess', key: this.#key, states, function: process },
      process,
    );
  }
}

function requireBroadcastFunction(process: object): void {
  requireFunctionObject(
    process,
    'process',
    ['onElement', 'onBroadcast'],
    ['onTimer', 'onInputEnd', 'onEnd'],
  );
}
