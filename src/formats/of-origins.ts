/**
 * What a format makes once for all its decoders or encoders, and once more for each task that notes
 * origins: what is noted belongs to one task.
 */
import type { RecordOrigins } from '../functions/record-origins.ts';

export class OfOrigins<T> {
  readonly #byTask = new WeakMap<RecordOrigins, { readonly made: T }>();
  #shared: { readonly made: T } | undefined;

  of(origins: RecordOrigins | undefined, make: () => T): T {
    if (origins === undefined) return (this.#shared ??= { made: make() }).made;
    const known = this.#byTask.get(origins) ?? { made: make() };
    this.#byTask.set(origins, known);
    return known.made;
  }
}
