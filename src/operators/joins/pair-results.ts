/** Emits what a user's function makes of two records that a join has brought together. */
import type { Downstream, OperatorContext } from '../operator.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';

export type PairFunction = (left: any, right: any) => unknown;

export class PairResults {
  readonly #join: PairFunction;
  readonly #role: string;
  #output!: Downstream;
  #name = '';

  /** `role` is how the function is called in messages. */
  constructor(join: PairFunction, role: string) {
    this.#join = join;
    this.#role = role;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  emit(left: unknown, right: unknown, timestamp: number): void {
    let result: unknown;
    try {
      result = this.#join(left, right);
      if (typeof result === 'object') refusePromise(result, this.#role, this.#name);
    } catch (thrown) {
      throw userCodeFailure(this.#role, this.#name, thrown);
    }
    this.#output.process(result, timestamp);
  }
}
