/**
 * The sink that prints records where the job was started, a line each. As in Flink a line begins
 * with the label, if there is one, and with the number of the subtask, if there are several.
 */
import type { Sink, SinkWriter, SinkWriterContext } from '../../functions/sink.ts';
import { ClientOutput } from '../collect/client-output.ts';
import { formatValue } from './format-value.ts';

/** @example words.sinkTo(printSink('words')) // words:2> to */
export function printSink(label?: string): Sink<unknown> {
  return {
    kind: 'sink',
    name: label === undefined ? 'print' : `print(${label})`,
    accepts: undefined,
    createWriter: (context) => new PrintWriter(context, prefixOf(label, context)),
  };
}

function prefixOf(label: string | undefined, context: SinkWriterContext): string {
  const subtask = context.parallelism > 1 ? String(context.subtask + 1) : undefined;
  const parts = [label, subtask].filter((part) => part !== undefined);
  return parts.length === 0 ? '' : `${parts.join(':')}> `;
}

class PrintWriter implements SinkWriter<unknown, never> {
  readonly #prefix: string;
  readonly #output: ClientOutput;
  readonly #encoder = new TextEncoder();

  constructor(context: SinkWriterContext, prefix: string) {
    this.#prefix = prefix;
    this.#output = new ClientOutput(context, 'print');
  }

  get busy(): Promise<void> | undefined {
    return this.#output.busy;
  }

  write(value: unknown): void {
    this.#output.out.raw(this.#encoder.encode(`${this.#prefix}${formatValue(value)}\n`));
    this.#output.written();
  }

  flush(): void | Promise<void> {
    this.#output.send();
    return this.#output.busy;
  }

  close(): void {
    this.#output.close();
  }
}
