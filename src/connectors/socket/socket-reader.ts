/**
 * Reads lines from a connection.
 *
 * Invariants
 * K1. Bytes of two connections never meet in one line.
 * K2. A line is given out once; `#start` is the start of the first one that was not.
 * K3. No more than BACKLOG_BYTES_MAX wait for `poll`.
 */
import { allocateTextBuffer } from '../../base/text-buffer.ts';
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Connection } from '../../env/env.ts';
import type {
  PollResult,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitOutput,
} from '../../functions/source.ts';
import type { LineDecoder, LineHandler, LineProblem } from '../../formats/format.ts';
import { text } from '../../formats/text/text.ts';
import type { Schema } from '../../types/schema.ts';
import { malformedLineError, refusedLine } from '../files/malformed-line.ts';
import { t } from '../../types/t.ts';

export interface SocketReaderOptions {
  readonly host: string;
  readonly port: number;
  /** How long after the end of a connection to connect again; undefined: never. */
  readonly reconnect: Duration | undefined;
  readonly onError: 'fail' | 'skip';
  readonly lineBytesMax: number;
}

/** There is one, and it says nothing: a connection cannot be read again. */
export interface SocketSplit {
  readonly id: string;
}

export const SocketSplitSchema: Schema<SocketSplit> = t.struct({ id: t.string });

/** A connection cannot be told to wait, so what comes faster than it is read must fit here. */
const BACKLOG_BYTES_MAX = 64 * 1024 * 1024;
const INITIAL_BYTES = 64 * 1024;

export class SocketReader implements SourceReader<string, SocketSplit>, LineHandler<string> {
  readonly #context: SourceReaderContext;
  readonly #options: SocketReaderOptions;
  readonly #address: string;
  /** In places: the lines of a connection are counted from 1. */
  readonly #name: string;
  readonly #skipped: { increment(): void };
  #split: SocketSplit | undefined;
  #noMore = false;
  #closed = false;
  #connection: Connection | undefined;
  #retry: Disposable | undefined;
  #failure: { readonly error: unknown } | undefined;

  /** Bytes [#start, #end) have come and were not given out. */
  #bytes: Uint8Array = allocateTextBuffer(INITIAL_BYTES);
  #start = 0;
  #end = 0;
  /** How many bytes of the connection came before index 0. */
  #base = 0;
  /** The connection has ended, in order: what is left is its last line. */
  #ended = false;
  /** Up to here there is no line end. */
  #searched = 0;
  #decoder: LineDecoder<string> = text().createDecoder();
  #output: SplitOutput<string> | undefined;
  #stopped = false;

  constructor(context: SourceReaderContext, options: SocketReaderOptions) {
    this.#context = context;
    this.#options = options;
    this.#address = `${options.host}:${options.port}`;
    this.#name = `socket(${this.#address})`;
    this.#skipped = context.metrics.counter('malformedLines');
  }

  start(): void {
    this.#context.logger.info(
      `${this.#name} is read at most once: what is on its way when the job fails is lost`,
    );
    if (this.#split === undefined) this.#context.requestSplit();
  }

  addSplits(splits: readonly SocketSplit[]): void {
    this.#split = splits[0] ?? this.#split;
    if (this.#split !== undefined) this.#connect();
  }

  noMoreSplits(): void {
    this.#noMore = true;
    this.#context.available();
  }

  poll(output: SourceOutput<string>): PollResult {
    if (this.#split === undefined) return this.#noMore ? 'end' : 'nothing';
    if (output.full) return 'more';
    this.#output = output.forSplit(this.#split.id);
    output.locate?.(this.#place);
    this.#stopped = false;
    if (this.#start < this.#end) this.#decode();
    if (this.#stopped) return 'more';
    if (this.#failure !== undefined) throw this.#failure.error;
    if (!this.#ended) return 'nothing';
    if (this.#options.reconnect === undefined) {
      output.releaseSplit(this.#split.id);
      this.#split = undefined;
      return 'end';
    }
    this.#connectLater();
    return 'nothing';
  }

  snapshot(): readonly SocketSplit[] {
    return this.#split === undefined ? [] : [this.#split];
  }

  /** Does not wait for a connection that is being made: that is ended when it comes. */
  close(): void {
    this.#closed = true;
    this.#retry?.[Symbol.dispose]();
    this.#connection?.destroy();
  }

  // ---------------------------------------------------------------------------- from the decoder

  record(value: string): boolean {
    const output = this.#output!;
    output.collect(value);
    this.#stopped = output.full;
    return !this.#stopped;
  }

  malformed(problem: LineProblem, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#options.onError === 'skip') {
      this.#skipped.increment();
      return true;
    }
    const place = { file: this.#name, offset: this.#base + start, linesAfterFirst: 0 };
    const refused = refusedLine(place, problem, bytes.subarray(start, end));
    throw malformedLineError(refused, this.#decoder.lines + 1);
  }

  readonly #place = (): string => `${this.#name}:${this.#decoder.lines + 1}`;

  #decode(): void {
    this.#start = this.#decoder.decode(this.#bytes, this.#start, this.#end, this.#ended, this);
    if (this.#start === this.#end) {
      this.#base += this.#end;
      this.#start = 0;
      this.#end = 0;
    }
    this.#searched = this.#start;
  }

  // -------------------------------------------------------------------------- from the connection

  #connect(): void {
    const { host, port } = this.#options;
    this.#context.env.network.connect(host, port).then(
      (connection) => this.#connected(connection),
      (error: unknown) => this.#lost(error),
    );
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#decoder = text().createDecoder();
    this.#base = 0;
    connection.start({
      data: (bytes) => this.#receive(bytes),
      drained: () => undefined,
      closed: (reason) => this.#disconnected(reason),
    });
    if (this.#closed) connection.destroy();
  }

  #receive(bytes: Uint8Array): void {
    if (this.#failure !== undefined || this.#closed) return;
    const { lineBytesMax } = this.#options;
    this.#append(bytes);
    if (this.#end - this.#start > BACKLOG_BYTES_MAX) {
      this.#fail(new EngineError('CONNECTOR_SOCKET_OVERRUN', this.#overrun()));
      return;
    }
    const hasLine = this.#bytes.subarray(this.#searched, this.#end).includes(LINE_FEED);
    if (hasLine) this.#context.available();
    else {
      this.#searched = this.#end;
      if (this.#end - this.#start <= lineBytesMax) return;
      const parameters = { place: this.#place(), limit: lineBytesMax };
      this.#fail(new EngineError('CONNECTOR_LINE_TOO_LONG', parameters));
    }
  }

  #overrun(): { readonly address: string; readonly limit: number } {
    return { address: this.#address, limit: BACKLOG_BYTES_MAX };
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#end - this.#start + bytes.length;
    if (this.#end + bytes.length > this.#bytes.length) {
      const isFull = needed > this.#bytes.length / 2;
      const into = isFull ? allocateTextBuffer(needed * 2) : this.#bytes;
      into.set(this.#bytes.subarray(this.#start, this.#end));
      this.#bytes = into;
      this.#base += this.#start;
      this.#end -= this.#start;
      this.#searched -= this.#start;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  #disconnected(reason: string | undefined): void {
    this.#connection = undefined;
    if (this.#closed || this.#failure !== undefined) return;
    if (reason === undefined) {
      this.#ended = true;
      this.#context.available();
      return;
    }
    this.#lost(new EngineError('CONNECTOR_SOCKET_CLOSED', { address: this.#address, reason }));
  }

  /** The connection broke off, or never came about. */
  #lost(error: unknown): void {
    if (this.#closed) return;
    if (this.#options.reconnect === undefined) {
      this.#fail(error);
      return;
    }
    this.#context.logger.warn(
      `${this.#address} is not connected; trying again in ${this.#options.reconnect} ms`,
    );
    // K1: whole lines are still given out, the beginning of one never ends.
    const last = this.#bytes.subarray(this.#start, this.#end).lastIndexOf(LINE_FEED);
    this.#end = this.#start + last + 1;
    this.#ended = true;
    this.#context.available();
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#connection?.destroy();
    this.#context.available();
  }

  #connectLater(): void {
    this.#ended = false;
    this.#searched = 0;
    this.#retry = this.#context.env.clock.after(this.#options.reconnect!, () => this.#connect());
  }
}

const LINE_FEED = 10;
