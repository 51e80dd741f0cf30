/** The result of a process function: its main output, and its side outputs by name under `side`. */
import type { OutputSpec } from '../functions/process-function.ts';
import type { Infer } from '../types/schema.ts';
import { DataStream } from './data-stream.ts';
import type { StreamHandle } from './job-builder.ts';

/**
 * The side outputs of a function, by the names it declares. Those that nobody reads are dropped.
 */
export type SideOutputs<O extends OutputSpec> = {
  readonly [N in keyof O]: DataStream<Infer<O[N]>>;
};

export class ProcessedStream<T, out O extends OutputSpec> extends DataStream<T> {
  /** @example parsed.side.wrong.print() */
  readonly side: SideOutputs<O>;

  constructor(stream: StreamHandle, outputs: O) {
    super(stream);
    const side: Record<string, DataStream<unknown>> = Object.create(null) as typeof side;
    for (const tag of Object.keys(outputs)) {
      Object.defineProperty(side, tag, { enumerable: true, get: () => this.#sideOutput(tag) });
    }
    this.side = Object.freeze(side) as SideOutputs<O>;
  }

  #sideOutput(tag: string): DataStream<unknown> {
    const { builder, id } = this.handle;
    return builder.kinds.stream(builder.way({ kind: 'sideOutput', name: tag, input: id, tag }));
  }
}
