/** The sink that brings records to the program that executes the job. */
import type { Sink, SinkWriter, SinkWriterContext } from '../../functions/sink.ts';
import type { Codec, Schema } from '../../types/schema.ts';
import { ClientOutput } from './client-output.ts';

export function collectSink<T>(name: string, schema: Schema<T>): Sink<T> {
  return {
    kind: 'sink',
    name: `collect(${name})`,
    accepts: schema.kind === 'dynamic' ? undefined : schema,
    createWriter: (context) => new CollectWriter(context, schema.codec),
  };
}

class CollectWriter implements SinkWriter<unknown, never> {
  readonly #codec: Codec<unknown>;
  readonly #output: ClientOutput;

  constructor(context: SinkWriterContext, codec: Codec<unknown>) {
    this.#codec = codec;
    this.#output = new ClientOutput(context, 'collect');
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

  close(): void {
    this.#output.close();
  }
}
