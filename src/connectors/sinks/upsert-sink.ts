/**
 * A sink for systems that keep one value by key: what is written again after a failure takes the
 * place of itself, so that no transaction is needed. Readers see results as they come, and after a
 * failure for a while those of before it.
 *
 * Invariants
 * U1. At most one batch is on its way, so that values of a key are written in their order.
 * U2. Everything is written before a barrier goes on, and at the end.
 */
import type { Sink, SinkWriter } from '../../functions/sink.ts';
import type { Schema } from '../../types/schema.ts';

export interface UpsertSinkOptions<T, Key> {
  readonly name: string;
  readonly schema: Schema<T>;
  /** Text or a number: values of one key take the place of each other. */
  readonly key: (value: T) => Key;
  /** The newest value of each key. It may be called again with what it had written before. */
  write(batch: ReadonlyMap<Key, T>): void | Promise<void>;
  /** A batch is written when it has so many keys. Default 1,000. */
  readonly batchSize?: number | undefined;
}

const BATCH_SIZE = 1000;

/**
 * Records of a key must come to one subtask: `keyBy` before it, with the same key.
 * @example
 * counts.sinkTo(
 *   upsertSink({
 *     name: 'counts',
 *     schema: Count,
 *     key: ({ word }) => word,
 *     write: (batch) => redis.mset([...batch].flatMap(([word, { n }]) => [word, n])),
 *   }),
 * );
 */
export function upsertSink<T, Key extends string | number | bigint>(
  options: UpsertSinkOptions<T, Key>,
): Sink<T> {
  return {
    kind: 'sink',
    name: options.name,
    accepts: options.schema,
    createWriter: () => new UpsertWriter(options),
  };
}

class UpsertWriter<T, Key> implements SinkWriter<T, never> {
  readonly #options: UpsertSinkOptions<T, Key>;
  readonly #batchSize: number;
  #batch = new Map<Key, T>();
  /** U1 */
  #busy: Promise<void> | undefined;

  constructor(options: UpsertSinkOptions<T, Key>) {
    this.#options = options;
    this.#batchSize = options.batchSize ?? BATCH_SIZE;
  }

  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  write(value: T): void {
    this.#batch.set(this.#options.key(value), value);
    if (this.#batch.size >= this.#batchSize) this.#send();
  }

  /** U2 */
  async flush(): Promise<void> {
    await this.#busy;
    this.#send();
    await this.#busy;
  }

  close(): void {}

  #send(): void {
    if (this.#batch.size === 0) return;
    const batch = this.#batch;
    this.#batch = new Map();
    const written = this.#options.write(batch);
    if (written === undefined) return;
    const busy = written.then(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    this.#busy = busy;
  }
}
