/** A source that is only there to be fed by a test. */
import { EngineError } from '../base/errors.ts';
import type { Source, SourceSplit } from '../functions/source.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';

/**
 * For jobs that a test builds: it has no end and no records but those that the test gives to
 * `harness.source(name)`, with timestamps or without.
 * @example
 * const harness = await JobHarness.start((env) => {
 *   env.from(manualSource('orders', Order)).keyBy((order) => order.user).sum('amount').print();
 * });
 * harness.source('orders', Order).emit({ user: 'ada', amount: 3 });
 */
export function manualSource<T>(
  name: string,
  produces: Schema<T>,
): Source<T, SourceSplit, boolean> {
  const refuse = (): never => {
    const reason = `"${name}" is there to be fed by hand, with feed: ['${name}']`;
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'manualSource', reason });
  };
  return {
    kind: 'source',
    name,
    produces,
    boundedness: 'unbounded',
    split: t.struct({ id: t.string }),
    enumeratorState: t.boolean,
    createEnumerator: refuse,
    createReader: refuse,
  };
}
