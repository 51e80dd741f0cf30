/** One value out for each value in. */
import type { Downstream, OneInputOperator, OperatorContext } from './operator.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

export class MapOperator implements OneInputOperator {
  readonly emits = 'one';
  readonly #map: (value: unknown) => unknown;
  #output!: Downstream;
  #name = '';

  constructor(map: (value: unknown) => unknown) {
    this.#map = map;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  process(value: unknown, timestamp: number): void {
    let result: unknown;
    try {
      result = this.#map(value);
      if (typeof result === 'object') refusePromise(result, 'map', this.#name);
    } catch (thrown) {
      throw userCodeFailure('map', this.#name, thrown);
    }
    this.#output.process(result, timestamp);
  }

  close(): void {}
}
