/**
 * What an interval join makes of its pairs: a record by a function of two, or what a user emits.
 */
import type { Timestamp } from '../../base/units.ts';
import type { IntervalJoinFunction } from '../../functions/join-function.ts';
import type { PairSpec } from '../../graph/join-spec.ts';
import { CallContext } from '../call-context.ts';
import { FunctionOperator } from '../function-operator.ts';
import type { OperatorContext } from '../operator.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';
import { PairResults } from './pair-results.ts';
import type { PairFunction } from './pair-results.ts';

type AnyFunction = IntervalJoinFunction<any, any, any, any>;

export interface IntervalPairs {
  open(context: OperatorContext): void | Promise<void>;
  close(): void | Promise<void>;
  pair(left: unknown, leftTime: number, right: unknown, rightTime: number): void;
}

export function intervalPairs(spec: PairSpec<AnyFunction>): IntervalPairs {
  return spec.kind === 'inner' ? new InnerPairs(spec.join) : new ProcessedPairs(spec.function);
}

class InnerPairs implements IntervalPairs {
  readonly #results: PairResults;

  constructor(join: PairFunction) {
    this.#results = new PairResults(join, 'inner');
  }

  open(context: OperatorContext): void {
    this.#results.open(context);
  }

  close(): void {}

  pair(left: unknown, leftTime: number, right: unknown, rightTime: number): void {
    this.#results.emit(left, right, leftTime > rightTime ? leftTime : rightTime);
  }
}

class PairContext extends CallContext {
  leftTime = 0;
  rightTime = 0;

  get leftTimestamp(): Timestamp {
    this.check('leftTimestamp');
    return this.leftTime as Timestamp;
  }

  get rightTimestamp(): Timestamp {
    this.check('rightTimestamp');
    return this.rightTime as Timestamp;
  }
}

class ProcessedPairs extends FunctionOperator<AnyFunction, PairContext> implements IntervalPairs {
  protected createContext(context: OperatorContext): PairContext {
    return new PairContext(context, this.function);
  }

  pair(left: unknown, leftTime: number, right: unknown, rightTime: number): void {
    const { context } = this;
    context.leftTime = leftTime;
    context.rightTime = rightTime;
    context.enter('onPair', leftTime > rightTime ? leftTime : rightTime);
    try {
      const result: unknown = this.function.onPair(left, right, context as never);
      if (result !== undefined) refusePromise(result, 'onPair', this.name);
    } catch (thrown) {
      throw userCodeFailure('onPair', this.name, thrown);
    } finally {
      context.leave();
    }
  }
}
