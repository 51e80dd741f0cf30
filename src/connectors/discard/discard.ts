/**
 * The sink that drops its records, and counts them: the accumulators `records` and `checksum` of
 * the operator tell at the end whether all of them came.
 */
import { EngineError } from '../../base/errors.ts';
import type { Counter } from '../../functions/metric-group.ts';
import type { Sink, SinkWriter } from '../../functions/sink.ts';

export interface DiscardOptions<T> {
  /** What of a record is summed; without it, records that are numbers are summed themselves. */
  readonly checksum?: ((value: T) => number) | undefined;
}

/**
 * Sums are of whole numbers modulo 2^32, so that neither order nor parallelism matters; those of
 * the subtasks add up to the checksum modulo 2^32.
 * @example env.sequence(1, 100).sinkTo(discard())
 */
export function discard<T = unknown>(options: DiscardOptions<T> = {}): Sink<T> {
  const { checksum } = options;
  if (checksum !== undefined && typeof checksum !== 'function') {
    throw new EngineError('API_INVALID_ARGUMENT', {
      call: 'discard',
      reason: 'checksum is a function',
    });
  }
  return {
    kind: 'sink',
    name: 'discard',
    accepts: undefined,
    createWriter: ({ metrics }) =>
      new DiscardWriter(
        metrics.counter('records'),
        metrics.counter('checksum'),
        (checksum ?? numberOf) as (value: unknown) => number,
      ),
  };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/**
 * Counts in fields of its own, which costs less per record, and hands the counts on when it is
 * flushed.
 */
class DiscardWriter implements SinkWriter<unknown, never> {
  readonly #records: Counter;
  readonly #checksum: Counter;
  readonly #numberOf: (value: unknown) => number;
  #count = 0;
  #sum = 0;

  constructor(records: Counter, checksum: Counter, take: (value: unknown) => number) {
    this.#records = records;
    this.#checksum = checksum;
    this.#numberOf = take;
  }

  write(value: unknown): void {
    this.#count += 1;
    this.#sum = (this.#sum + this.#numberOf(value)) | 0;
  }

  flush(): void {
    this.#records.increment(this.#count);
    this.#checksum.increment(this.#sum >>> 0);
    this.#count = 0;
    this.#sum = 0;
  }

  close(): void {}
}
