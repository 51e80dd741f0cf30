/**
 * The tail of a chain that writes to a sink: owns the SinkWriter of one subtask, and its committer
 * if the sink has one.
 *
 * Invariants
 * K1. No record is written while the writer is busy.
 * K2. `flush(true)` comes once, after the last record; `prepareCommit` only after it.
 * K3. `commit` comes only after the whole job has reached its end.
 */
import { assert } from '../base/assert.ts';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import type { Timestamp } from '../base/units.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type { AnySink, SinkWriter, SinkWriterContext, WriteContext } from '../functions/sink.ts';
import type { ConnectorEnv } from '../functions/source.ts';
import { projectionOf } from '../types/projection.ts';
import type { OneInputOperator, OperatorContext } from './operator.ts';

export interface SinkWiring {
  readonly env: ConnectorEnv;
  readonly jobId: string;
  sendToClient(message: Uint8Array): Promise<void> | undefined;
}

export class SinkOperator implements OneInputOperator {
  readonly #sink: AnySink;
  readonly #wiring: SinkWiring;
  readonly #project: ((value: unknown) => unknown) | undefined;
  readonly #write = new CurrentWrite();
  #context: OperatorContext | undefined;
  #writerContext: SinkWriterContext | undefined;
  #writer: SinkWriter<unknown, unknown> | undefined;
  #committables: readonly Uint8Array[] = [];
  #finishing: 'no' | 'flushing' | 'done' = 'no';

  constructor(sink: AnySink, wiring: SinkWiring) {
    this.#sink = sink;
    this.#wiring = wiring;
    this.#project = sink.accepts === undefined ? undefined : projectionOf(sink.accepts);
  }

  get hasCommitter(): boolean {
    return this.#sink.createCommitter !== undefined;
  }

  /** What `commit` is to be given; valid once `finish` has answered true. */
  get committables(): readonly Uint8Array[] {
    return this.#committables;
  }

  open(context: OperatorContext): void | Promise<void> {
    this.#context = context;
    this.#write.bind(context);
    this.#writerContext = sinkContext(context.open, this.#wiring);
    this.#writer = this.#sink.createWriter(this.#writerContext);
    return this.#writer.start?.();
  }

  process(value: unknown, timestamp: number): void {
    const writer = this.#writer!;
    this.#write.at = timestamp;
    writer.write(this.#project === undefined ? value : this.#project(value), this.#write);
    const busy = writer.busy;
    if (busy !== undefined) this.#holdUntil(busy);
  }

  finish(): boolean {
    if (this.#finishing === 'no') {
      this.#finishing = 'flushing';
      this.#holdUntil(this.#flush());
    }
    return this.#finishing === 'done';
  }

  close(): void | Promise<void> {
    return this.#writer?.close();
  }

  /** Makes this attempt's own committables visible. */
  commit(): Promise<void> {
    assert(this.#finishing === 'done', 'K3: commit before the end of input');
    return commitAll(this.#sink, this.#writerContext!, this.#committables);
  }

  async #flush(): Promise<void> {
    const writer = this.#writer!;
    if (writer.busy !== undefined) await writer.busy;
    await writer.flush(true);
    const schema = this.#sink.committable;
    if (schema !== undefined && writer.prepareCommit !== undefined) {
      const out = new ByteWriter();
      this.#committables = (await writer.prepareCommit()).map((committable) => {
        out.reset();
        schema.codec.encode(committable, out);
        return out.copy();
      });
    }
    this.#finishing = 'done';
  }

  #holdUntil(promise: Promise<void>): void {
    const context = this.#context!;
    context.hold();
    promise.then(
      () => context.mail(() => context.release()),
      (thrown: unknown) => context.mail(() => context.fail(thrown)),
    );
  }
}

/**
 * Makes committables visible: by the task that prepared them, or by its successor after a failure.
 */
export async function commitAll(
  sink: AnySink,
  context: SinkWriterContext,
  encoded: readonly Uint8Array[],
): Promise<void> {
  const schema = sink.committable;
  assert(schema !== undefined && sink.createCommitter !== undefined, 'K3: no committer');
  const committer = sink.createCommitter(context);
  try {
    await committer.commit(encoded.map((bytes) => schema.codec.decode(new ByteReader(bytes))));
  } finally {
    await committer.close?.();
  }
}

export function sinkContext(open: OpenContext, wiring: SinkWiring): SinkWriterContext {
  return {
    ...open,
    env: wiring.env,
    jobId: wiring.jobId,
    sendToClient: (message) => wiring.sendToClient(message),
  };
}

class CurrentWrite implements WriteContext {
  at = NO_TIMESTAMP;
  #context: OperatorContext | undefined;

  bind(context: OperatorContext): void {
    this.#context = context;
  }

  get timestamp(): Timestamp | undefined {
    return this.at === NO_TIMESTAMP ? undefined : (this.at as Timestamp);
  }

  get watermark(): Timestamp {
    return this.#context!.watermark() as Timestamp;
  }
}
