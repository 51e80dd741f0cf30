/** An output that takes the records of all splits as one; test code. */
import type { Timestamp } from '../base/units.ts';
import type { SourceOutput, SplitOutput } from '../functions/source.ts';

type Parts<T> = Pick<SourceOutput<T>, 'collect' | 'full' | 'collectTo' | 'locate'>;

export class SingleOutput<T> implements SourceOutput<T> {
  readonly #parts: Parts<T>;

  constructor(parts: Parts<T>) {
    this.#parts = parts;
  }

  get full(): boolean {
    return this.#parts.full;
  }

  collect(value: T, timestamp?: Timestamp): void {
    this.#parts.collect(value, timestamp);
  }

  collectTo(output: string, value: unknown): void {
    this.#parts.collectTo!(output, value);
  }

  locate(place: () => string): void {
    this.#parts.locate?.(place);
  }

  forSplit(): SplitOutput<T> {
    return this;
  }

  releaseSplit(): void {}
  emitWatermark(): void {}
  markIdle(): void {}
  markActive(): void {}
}
