/**
 * Any number of values out for each value in. The result may be a generator: it is drawn from as
 * long as the operator is called, so a large result need not exist at once.
 */
import { EngineError } from '../base/errors.ts';
import type { Downstream, OneInputOperator, OperatorContext } from './operator.ts';
import { refusePromise, userCodeFailure } from './user-code.ts';

export class FlatMapOperator implements OneInputOperator {
  recordsOut = 0;
  readonly #flatMap: (value: unknown) => Iterable<unknown>;
  #output!: Downstream;
  #name = '';

  constructor(flatMap: (value: unknown) => Iterable<unknown>) {
    this.#flatMap = flatMap;
  }

  open(context: OperatorContext): void {
    this.#output = context.output;
    this.#name = context.open.operatorName;
  }

  process(value: unknown, timestamp: number): void {
    this.recordsOut += emitAll(
      this.#flatMap,
      value,
      timestamp,
      this.#output,
      this.#name,
      'flatMap',
    );
  }

  close(): void {}
}

/** Emits all that `flatMap(value)` gives; shared with the two-input form. @returns how many. */
export function emitAll(
  flatMap: (value: unknown) => Iterable<unknown>,
  value: unknown,
  timestamp: number,
  output: Downstream,
  name: string,
  role: string,
): number {
  let results: unknown;
  try {
    results = flatMap(value);
  } catch (thrown) {
    throw userCodeFailure(role, name, thrown);
  }
  if (Array.isArray(results)) {
    for (let i = 0; i < results.length; i += 1) output.process(results[i], timestamp);
    return results.length;
  }
  const iterator = iteratorOf(results, role, name);
  for (let count = 0; ; count += 1) {
    let step: IteratorResult<unknown>;
    try {
      step = iterator.next();
    } catch (thrown) {
      throw userCodeFailure(role, name, thrown);
    }
    if (step.done === true) return count;
    output.process(step.value, timestamp);
  }
}

function iteratorOf(results: unknown, role: string, operator: string): Iterator<unknown> {
  refusePromise(results, role, operator);
  const make = (results as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator];
  if (typeof make !== 'function' || typeof results === 'string') {
    throw new EngineError('USER_CODE_NOT_ITERABLE', {
      role,
      operator,
      type: results === null ? 'null' : typeof results,
    });
  }
  return make.call(results);
}
