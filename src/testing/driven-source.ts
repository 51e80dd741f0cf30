/**
 * A source of the job that runs for real in a harness: its split enumerator, hosted as in a job's
 * coordinator, known to the harness so that it can be snapshotted and restored, and its readers.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { AnySource, PollResult, SourceOutput, SourceReader } from '../functions/source.ts';
import type { SourceSplit, SplitEnumerator } from '../functions/source.ts';
import { EnumeratorHost } from '../jobmaster/enumerator-host.ts';
import type { EnumeratorSurroundings } from '../jobmaster/enumerator-host.ts';
import type { Schema } from '../types/schema.ts';

/** What a snapshot keeps of a source beside what its readers keep: encoded, as it is stored. */
export interface DrivenState {
  readonly enumerator: Uint8Array;
}

/** A harness has no checkpoints that could be told apart. */
const SNAPSHOT_ID = 1;

type Reader = SourceReader<unknown, SourceSplit>;

/** Calls of `poll` at one moment of the clock after which a source counts as endless. */
const POLLS_AT_ONE_MOMENT = 500;

export class DrivenSource {
  readonly host: EnumeratorHost;
  /** The original, with hooks where its parts are made. */
  readonly source: AnySource;
  readonly #original: AnySource;
  #enumerator: SplitEnumerator<SourceSplit, unknown> | undefined;

  constructor(
    original: AnySource,
    surroundings: EnumeratorSurroundings,
    restored: DrivenState | undefined,
  ) {
    this.#original = original;
    const { env } = surroundings;
    this.source = {
      ...original,
      createEnumerator: (context) =>
        (this.#enumerator = original.createEnumerator(
          context,
          restored && (decode(original.enumeratorState, restored.enumerator) as never),
        ) as SplitEnumerator<SourceSplit, unknown>),
      createReader: (context) => {
        const reader = original.createReader(context) as Reader;
        return original.boundedness === 'bounded'
          ? reader
          : new PausingReader(reader, original.name, () => env.clock.monotonic());
      },
    };
    this.host = new EnumeratorHost(this.source, surroundings);
    for (let i = 0; i < surroundings.parallelism; i++) this.host.attach(i, 1);
  }

  snapshot(): DrivenState {
    const { enumeratorState } = this.#original;
    return { enumerator: encode(enumeratorState, this.#enumerator!.snapshot(SNAPSHOT_ID)) };
  }
}

/** Finds sources without end that no rate slows down: no run of a harness would ever be over. */
class PausingReader implements Reader {
  readonly #reader: Reader;
  readonly #name: string;
  readonly #monotonic: () => number;
  readonly pauseOrResumeSplits?: NonNullable<Reader['pauseOrResumeSplits']>;
  #moment = -1;
  #polls = 0;

  constructor(reader: Reader, name: string, monotonic: () => number) {
    this.#reader = reader;
    if (reader.pauseOrResumeSplits !== undefined) {
      this.pauseOrResumeSplits = (pause, resume) => reader.pauseOrResumeSplits!(pause, resume);
    }
    this.#name = name;
    this.#monotonic = monotonic;
  }

  start(): void | Promise<void> {
    return this.#reader.start();
  }

  addSplits(splits: readonly SourceSplit[]): void {
    this.#reader.addSplits(splits);
  }

  noMoreSplits(): void {
    this.#reader.noMoreSplits();
  }

  handleEvent(event: Uint8Array): void {
    this.#reader.handleEvent?.(event);
  }

  poll(output: SourceOutput<unknown>): PollResult {
    const now = this.#monotonic();
    if (now !== this.#moment) {
      this.#moment = now;
      this.#polls = 0;
    }
    this.#polls += 1;
    if (this.#polls > POLLS_AT_ONE_MOMENT) {
      throw new EngineError('API_INVALID_ARGUMENT', {
        call: 'JobHarness',
        reason:
          `the source ${this.#name} has no end and gives records without any time passing: feed ` +
          'it by hand, or give it a rate',
      });
    }
    return this.#reader.poll(output);
  }

  snapshot(checkpointId: number): readonly SourceSplit[] {
    return this.#reader.snapshot(checkpointId);
  }

  close(): void | Promise<void> {
    return this.#reader.close();
  }
}

function encode(schema: Schema<unknown>, value: unknown): Uint8Array {
  const out = new ByteWriter();
  schema.codec.encode(value, out);
  return out.copy();
}

function decode(schema: Schema<unknown>, bytes: Uint8Array): unknown {
  return schema.codec.decode(new ByteReader(bytes));
}
