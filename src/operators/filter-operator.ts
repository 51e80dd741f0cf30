/** Lets through the values for which the predicate is true. */
import { EngineError } from '../base/errors.ts';
import type { Downstream, OneInputOperator, OperatorContext } from './operator.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

export class FilterOperator implements OneInputOperator {
  recordsOut = 0;
  readonly #predicate: (value: unknown) => boolean;
  #output!: Downstream;
  #name = '';

  constructor(predicate: (value: unknown) => boolean) {
    this.#predicate = predicate;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  process(value: unknown, timestamp: number): void {
    let keep: unknown;
    try {
      keep = this.#predicate(value);
    } catch (thrown) {
      throw userCodeFailure('filter', this.#name, thrown);
    }
    if (keep === true) {
      this.recordsOut += 1;
      this.#output.process(value, timestamp);
    } else if (keep !== false) this.#refuse(keep);
  }

  close(): void {}

  #refuse(result: unknown): never {
    refusePromise(result, 'filter', this.#name);
    throw new EngineError('USER_CODE_NOT_BOOLEAN', {
      role: 'filter',
      operator: this.#name,
      type: result === null ? 'null' : typeof result,
    });
  }
}
