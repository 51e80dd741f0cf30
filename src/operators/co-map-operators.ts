/** map and flatMap over two connected streams. */
import { emitAll } from './flat-map-operator.ts';
import type { Downstream, OperatorContext, TwoInputOperator } from './operator.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

type Map = (value: unknown) => unknown;
type FlatMap = (value: unknown) => Iterable<unknown>;

export class CoMapOperator implements TwoInputOperator {
  readonly #left: Map;
  readonly #right: Map;
  #output!: Downstream;
  #name = '';

  constructor(left: Map, right: Map) {
    this.#left = left;
    this.#right = right;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  processLeft(value: unknown, timestamp: number): void {
    this.#map(this.#left, value, timestamp, 'left map');
  }

  processRight(value: unknown, timestamp: number): void {
    this.#map(this.#right, value, timestamp, 'right map');
  }

  close(): void {}

  #map(map: Map, value: unknown, timestamp: number, role: string): void {
    let result: unknown;
    try {
      result = map(value);
      refusePromise(result, role, this.#name);
    } catch (thrown) {
      throw userCodeFailure(role, this.#name, thrown);
    }
    this.#output.process(result, timestamp);
  }
}

export class CoFlatMapOperator implements TwoInputOperator {
  readonly #left: FlatMap;
  readonly #right: FlatMap;
  #output!: Downstream;
  #name = '';

  constructor(left: FlatMap, right: FlatMap) {
    this.#left = left;
    this.#right = right;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  processLeft(value: unknown, timestamp: number): void {
    emitAll(this.#left, value, timestamp, this.#output, this.#name, 'left flatMap');
  }

  processRight(value: unknown, timestamp: number): void {
    emitAll(this.#right, value, timestamp, this.#output, this.#name, 'right flatMap');
  }

  close(): void {}
}
