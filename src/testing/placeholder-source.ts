/** A source that is only there to be fed by a test. */
import { assert } from '../base/assert.ts';
import type { Source, SourceSplit } from '../functions/source.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';

export function placeholderSource<T>(
  name: string,
  produces: Schema<T>,
): Source<T, SourceSplit, boolean> {
  return {
    kind: 'source',
    name,
    produces,
    boundedness: 'unbounded',
    split: t.struct({ id: t.string }),
    enumeratorState: t.boolean,
    createEnumerator: () => assert(false, 'a placeholder is fed by hand') as never,
    createReader: () => assert(false, 'a placeholder is fed by hand') as never,
  };
}
