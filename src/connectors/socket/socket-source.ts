/** The source of lines that a server sends; for trying things out, as it cannot read again. */
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Source, SplitEnumerator, SplitEnumeratorContext } from '../../functions/source.ts';
import { t } from '../../types/t.ts';
import type { Schema } from '../../types/schema.ts';
import { SocketReader, SocketSplitSchema, type SocketSplit } from './socket-reader.ts';

export interface SocketTextOptions {
  readonly host: string;
  readonly port: number;
  /**
   * Connect again, so long after a connection has ended or failed. Default: the stream ends when
   * the server closes the connection, and the job fails if it breaks off.
   */
  readonly reconnect?: Duration | undefined;
  /** What to do about a line that is not UTF-8; `skip` counts it in `malformedLines`. */
  readonly onError?: 'fail' | 'skip' | undefined;
  /** A longer line fails the job. Default 1 MiB. */
  readonly lineBytesMax?: number | undefined;
}

/** Whether the connection has been given to the reader. */
interface SocketEnumeratorState {
  readonly assigned: boolean;
}

const SocketEnumeratorStateSchema: Schema<SocketEnumeratorState> = t.struct({
  assigned: t.boolean,
});

export type SocketSource = Source<string, SocketSplit, SocketEnumeratorState>;

const LINE_BYTES_MAX = 1024 * 1024;

/**
 * Lines of text from a server, in one subtask and in order. At most once: what was on its way when
 * the job fails is lost, because nobody can ask for it again; and what the server sends faster than
 * the job takes it is kept in memory, up to 64 MiB.
 * @example env.from(socketText({ host: 'localhost', port: 9999 }))
 */
export function socketText(options: SocketTextOptions): SocketSource {
  checkOptions(options);
  const { host, port, reconnect, onError = 'fail', lineBytesMax = LINE_BYTES_MAX } = options;
  return {
    kind: 'source',
    name: `socket(${host}:${port})`,
    produces: t.string,
    boundedness: 'unbounded',
    parallelism: 1,
    timestamps: false,
    split: SocketSplitSchema,
    enumeratorState: SocketEnumeratorStateSchema,
    createEnumerator: (context, restored) =>
      new SocketEnumerator(context, restored?.assigned ?? false),
    createReader: (context) =>
      new SocketReader(context, { host, port, reconnect, onError, lineBytesMax }),
  };
}

class SocketEnumerator implements SplitEnumerator<SocketSplit, SocketEnumeratorState> {
  readonly #context: SplitEnumeratorContext<SocketSplit>;
  #assigned: boolean;

  constructor(context: SplitEnumeratorContext<SocketSplit>, assigned: boolean) {
    this.#context = context;
    this.#assigned = assigned;
  }

  start(): void {}

  addReader(): void {}

  /** The first who asks gets it; with parallelism above 1 the others have nothing to do. */
  handleSplitRequest(subtask: number): void {
    if (!this.#assigned) {
      this.#assigned = true;
      this.#context.assign(subtask, [{ id: 'socket' }]);
    }
    this.#context.signalNoMoreSplits(subtask);
  }

  addSplitsBack(splits: readonly SocketSplit[]): void {
    if (splits.length > 0) this.#assigned = false;
  }

  snapshot(): SocketEnumeratorState {
    return { assigned: this.#assigned };
  }

  close(): void {}
}

function checkOptions(options: SocketTextOptions): void {
  const { host, port, reconnect, onError = 'fail', lineBytesMax } = options;
  if (typeof host !== 'string' || host === '') refuse('host is a name or an address');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse(`port is a whole number from 1 to 65535, not ${String(port)}`);
  }
  if (reconnect !== undefined && !(reconnect > 0)) {
    refuse('reconnect is a duration above 0, e.g. seconds(1)');
  }
  if (onError !== 'fail' && onError !== 'skip') {
    refuse(`onError is fail or skip, not ${String(onError)}`);
  }
  if (lineBytesMax !== undefined && !(Number.isSafeInteger(lineBytesMax) && lineBytesMax > 0)) {
    refuse(`lineBytesMax is a whole number above 0, not ${String(lineBytesMax)}`);
  }
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'socket.text', reason });
}
