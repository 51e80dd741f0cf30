/**
 * Users' process functions that join a stream with a broadcast one: the broadcast side keeps state
 * that is the same on every subtask, the other side reads it.
 */
import { EngineError } from '../base/errors.ts';
import type {
  BroadcastProcessFunction,
  KeyedBroadcastProcessFunction,
} from '../functions/process-function.ts';
import type {
  BroadcastState,
  BroadcastStateDescriptor,
  ReadOnlyBroadcastState,
} from '../functions/state.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import { CallContext, KeyedCallContext } from './call-context.ts';
import { FunctionOperator } from './function-operator.ts';
import { functionTimers } from './function-timers.ts';
import { KeySelection } from './key-selection.ts';
import type { OperatorContext, TwoInputOperator } from './operator.ts';
import type { TimerService } from './timer-service.ts';

type Descriptor = BroadcastStateDescriptor<any, any>;
type AnyBroadcast = BroadcastProcessFunction<any, any, any, any, any>;
type AnyKeyedBroadcast = KeyedBroadcastProcessFunction<any, any, any, any, any, any, any>;
type States = ReadonlyMap<string, BroadcastState<unknown, unknown>>;

/** The broadcast states of an operator, and whether the call at hand may write them. */
class BroadcastAccess {
  readonly #states: States;
  readonly #operator: string;
  readonly #readOnly = new Map<string, ReadOnlyBroadcastState<unknown, unknown>>();
  writable = false;

  constructor(descriptors: readonly Descriptor[], context: OperatorContext) {
    this.#operator = context.open.operatorName;
    this.#states = new Map(
      descriptors.map((descriptor) => [
        descriptor.name,
        context.operatorState.broadcast(descriptor),
      ]),
    );
    for (const [name, state] of this.#states) this.#readOnly.set(name, new ReadOnly(state));
  }

  get(descriptor: Descriptor): ReadOnlyBroadcastState<unknown, unknown> {
    const found = (this.writable ? this.#states : this.#readOnly).get(descriptor.name);
    if (found !== undefined) return found;
    throw new EngineError('USER_CODE_UNKNOWN_STATE', {
      operator: this.#operator,
      state: `"${descriptor.name}"`,
      known: [...this.#states.keys()].join(', ') || 'none',
    });
  }
}

/** Has no methods that write, so that a cast does not help. */
class ReadOnly implements ReadOnlyBroadcastState<unknown, unknown> {
  readonly #state: BroadcastState<unknown, unknown>;

  constructor(state: BroadcastState<unknown, unknown>) {
    this.#state = state;
  }

  get(key: unknown): unknown {
    return this.#state.get(key);
  }

  has(key: unknown): boolean {
    return this.#state.has(key);
  }

  entries(): Iterable<readonly [unknown, unknown]> {
    return this.#state.entries();
  }

  get size(): number {
    return this.#state.size;
  }
}

class BroadcastContext extends CallContext {
  readonly access: BroadcastAccess;

  constructor(context: OperatorContext, fn: AnyBroadcast, access: BroadcastAccess) {
    super(context, fn);
    this.access = access;
  }

  broadcast(descriptor: Descriptor): ReadOnlyBroadcastState<unknown, unknown> {
    this.check('broadcast');
    return this.access.get(descriptor);
  }
}

class KeyedBroadcastContext extends KeyedCallContext {
  readonly access: BroadcastAccess;

  constructor(
    context: OperatorContext,
    fn: AnyKeyedBroadcast,
    access: BroadcastAccess,
    timers: TimerService,
  ) {
    super(context, fn, timers);
    this.access = access;
  }

  broadcast(descriptor: Descriptor): ReadOnlyBroadcastState<unknown, unknown> {
    this.check('broadcast');
    return this.access.get(descriptor);
  }
}

abstract class BroadcastOperator<
  F extends AnyBroadcast | AnyKeyedBroadcast,
  C extends BroadcastContext | KeyedBroadcastContext,
> extends FunctionOperator<F, C> {
  protected readonly descriptors: readonly Descriptor[];

  constructor(descriptors: readonly Descriptor[], fn: F) {
    super(fn);
    this.descriptors = descriptors;
  }

  processRight(value: unknown, timestamp: number): void {
    const { access } = this.context;
    access.writable = true;
    try {
      this.call('onBroadcast', timestamp, () =>
        this.function.onBroadcast(value, this.context as never),
      );
    } finally {
      access.writable = false;
    }
  }

  endInput(input: 0 | 1): boolean {
    const side = input === 0 ? 'elements' : 'broadcast';
    if (this.function.onInputEnd !== undefined) {
      this.callAtEnd('onInputEnd', () => this.function.onInputEnd!(side, this.context as never));
    }
    return true;
  }
}

export class BroadcastProcessOperator
  extends BroadcastOperator<AnyBroadcast, BroadcastContext>
  implements TwoInputOperator
{
  protected createContext(context: OperatorContext): BroadcastContext {
    return new BroadcastContext(
      context,
      this.function,
      new BroadcastAccess(this.descriptors, context),
    );
  }

  processLeft(value: unknown, timestamp: number): void {
    this.call('onElement', timestamp, () => this.function.onElement(value, this.context as never));
  }
}

export class KeyedBroadcastProcessOperator
  extends BroadcastOperator<AnyKeyedBroadcast, KeyedBroadcastContext>
  implements TwoInputOperator
{
  readonly #key: KeySelector;
  #keys!: KeySelection;

  constructor(key: KeySelector, descriptors: readonly Descriptor[], fn: AnyKeyedBroadcast) {
    super(descriptors, fn);
    this.#key = key;
  }

  protected createContext(context: OperatorContext): KeyedBroadcastContext {
    this.#keys = new KeySelection(this.#key, context);
    const access = new BroadcastAccess(this.descriptors, context);
    this.timers = functionTimers(context, this.function, () => this.context);
    return new KeyedBroadcastContext(context, this.function, access, this.timers);
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    this.#keys.enter(value, keyGroup);
    this.call('onElement', timestamp, () => this.function.onElement(value, this.context as never));
  }
}
