/** A user's ProcessFunction on a stream without keys, and its keyed form. */
import { assert } from '../base/assert.ts';
import type { KeyedProcessFunction, ProcessFunction } from '../functions/process-function.ts';
import type { KeySelector } from '../graph/operator-spec.ts';
import { CallContext, KeyedCallContext } from './call-context.ts';
import { FunctionOperator } from './function-operator.ts';
import { functionTimers } from './function-timers.ts';
import { KeySelection } from './key-selection.ts';
import type { KeyedOperator, NextRecords, OneInputOperator, OperatorContext } from './operator.ts';

type AnyProcess = ProcessFunction<any, any, any, any>;
type AnyKeyedProcess = KeyedProcessFunction<any, any, any, any, any, any>;

export class ProcessOperator
  extends FunctionOperator<AnyProcess, CallContext>
  implements OneInputOperator
{
  protected createContext(context: OperatorContext): CallContext {
    return new CallContext(context, this.function);
  }

  process(value: unknown, timestamp: number): void {
    this.call('onElement', timestamp, () => this.function.onElement(value, this.context as never));
  }
}

export class KeyedProcessOperator
  extends FunctionOperator<AnyKeyedProcess, KeyedCallContext>
  implements KeyedOperator
{
  readonly #key: KeySelector;
  #keys!: KeySelection;

  constructor(key: KeySelector, fn: AnyKeyedProcess) {
    super(fn);
    this.#key = key;
  }

  protected createContext(context: OperatorContext): KeyedCallContext {
    this.#keys = new KeySelection(this.#key, context);
    this.timers = functionTimers(context, this.function, () => this.context);
    return new KeyedCallContext(context, this.function, this.timers);
  }

  approach(next: NextRecords): void {
    this.#keys.approach(next);
  }

  processKeyed(value: unknown, timestamp: number, keyGroup: number): void {
    this.#keys.enter(value, keyGroup);
    this.call('onElement', timestamp, () => this.function.onElement(value, this.context as never));
  }

  process(): void {
    assert(false, 'a keyed process function gets records by key');
  }
}
