/** Users' process functions over two connected streams, without and with keys. */
import type { CoProcessFunction, KeyedCoProcessFunction } from '../functions/process-function.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import { CallContext, KeyedCallContext } from './call-context.ts';
import { FunctionOperator } from './function-operator.ts';
import { functionTimers } from './function-timers.ts';
import { KeySelection } from './key-selection.ts';
import type { OperatorContext, TwoInputOperator } from './operator.ts';

type AnyCoProcess = CoProcessFunction<any, any, any, any, any>;
type AnyKeyedCoProcess = KeyedCoProcessFunction<any, any, any, any, any, any, any>;
type EitherCoProcess = AnyCoProcess | AnyKeyedCoProcess;

abstract class TwoInputFunctionOperator<
  F extends EitherCoProcess,
  C extends CallContext,
> extends FunctionOperator<F, C> {
  endInput(input: 0 | 1): boolean {
    const side = input === 0 ? 'left' : 'right';
    if (this.function.onInputEnd !== undefined) {
      this.callAtEnd('onInputEnd', () => this.function.onInputEnd!(side, this.context as never));
    }
    return true;
  }
}

export class CoProcessOperator
  extends TwoInputFunctionOperator<AnyCoProcess, CallContext>
  implements TwoInputOperator
{
  protected createContext(context: OperatorContext): CallContext {
    return new CallContext(context, this.function);
  }

  processLeft(value: unknown, timestamp: number): void {
    this.call('onLeft', timestamp, () => this.function.onLeft(value, this.context as never));
  }

  processRight(value: unknown, timestamp: number): void {
    this.call('onRight', timestamp, () => this.function.onRight(value, this.context as never));
  }
}

export class KeyedCoProcessOperator
  extends TwoInputFunctionOperator<AnyKeyedCoProcess, KeyedCallContext>
  implements TwoInputOperator
{
  readonly #leftKey: KeySelector;
  readonly #rightKey: KeySelector;
  #left!: KeySelection;
  #right!: KeySelection;

  constructor(leftKey: KeySelector, rightKey: KeySelector, fn: AnyKeyedCoProcess) {
    super(fn);
    this.#leftKey = leftKey;
    this.#rightKey = rightKey;
  }

  protected createContext(context: OperatorContext): KeyedCallContext {
    this.#left = new KeySelection(this.#leftKey, context);
    this.#right = new KeySelection(this.#rightKey, context);
    this.timers = functionTimers(context, this.function, () => this.context);
    return new KeyedCallContext(context, this.function, this.timers);
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    this.#left.enter(value, keyGroup);
    this.call('onLeft', timestamp, () => this.function.onLeft(value, this.context as never));
  }

  processRight(value: unknown, timestamp: number, keyGroup: number): void {
    this.#right.enter(value, keyGroup);
    this.call('onRight', timestamp, () => this.function.onRight(value, this.context as never));
  }
}
