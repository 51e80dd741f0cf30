/** The sink that brings records to the program that executes the job. */
import type { Sink, SinkWriter, SinkWriterContext } from '../../functions/sink.ts';
import type { Codec, Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { ClientOutput } from './client-output.ts';

/** How many records the subtask has sent: they count. */
export function collectSink<T>(name: string, schema: Schema<T>): Sink<T, never, number> {
  return {
    kind: 'sink',
    name: `collect(${name})`,
    accepts: schema.kind === 'dynamic' ? undefined : schema,
    writerState: t.integer,
    createWriter: (context, { own, all }) => {
      // At another parallelism the client is another one, which knows nothing yet.
      const isSame = all.length === context.parallelism;
      return new CollectWriter(context, schema.codec, isSame ? (own[0] ?? 0) : 0);
    },
  };
}

class CollectWriter implements SinkWriter<unknown, never, number> {
  readonly #codec: Codec<unknown>;
  readonly #output: ClientOutput;

  constructor(context: SinkWriterContext, codec: Codec<unknown>, sent: number) {
    this.#codec = codec;
    this.#output = new ClientOutput(context, 'collect', sent);
  }

  get busy(): Promise<void> | undefined {
    return this.#output.busy;
  }

  write(value: unknown): void {
    this.#codec.encode(value, this.#output.out);
    this.#output.written();
  }

  flush(endOfInput: boolean): void | Promise<void> {
    this.#output.send(endOfInput);
    return this.#output.busy;
  }

  snapshotState(): readonly number[] {
    return [this.#output.sent];
  }

  close(): void {
    this.#output.close();
  }
}
