/**
 * Command line, environment variables, standard streams and signals of this process. In a worker
 * the streams pass through the main thread: `flush` resolves once that has taken the text.
 */
import type { WriteStream } from 'node:tty';
import { assert } from '../../base/assert.ts';
import type { Terminal, TerminalStream } from '../env.ts';
import { EngineError } from '../../base/errors.ts';
import { diskError, systemCode } from './system-error.ts';

/** Columns of a terminal that does not say how many it has. */
const WIDTH_UNKNOWN = 80;

export function nodeTerminal(): Terminal {
  return {
    args: process.argv.slice(2),
    variables: process.env,
    workingDirectory: process.cwd(),
    // Node makes its streams on first use, which costs milliseconds.
    stdout: new NodeTerminalStream('stdout', () => process.stdout),
    stderr: new NodeTerminalStream('stderr', () => process.stderr),
    onSignal(listener): Disposable {
      const { isMainThread } = process.getBuiltinModule('node:worker_threads');
      assert(isMainThread, 'signals reach the main thread only');
      const onInterrupt = (): void => listener('SIGINT');
      const onTerminate = (): void => listener('SIGTERM');
      // When a terminal closes, both the shell and the system may send one.
      let isHungUp = false;
      const onHangUp = (): void => {
        if (!isHungUp) onTerminate();
        isHungUp = true;
      };
      process.on('SIGINT', onInterrupt);
      process.on('SIGTERM', onTerminate);
      process.on('SIGHUP', onHangUp);
      return {
        [Symbol.dispose](): void {
          process.off('SIGINT', onInterrupt);
          process.off('SIGTERM', onTerminate);
          process.off('SIGHUP', onHangUp);
        },
      };
    },
  };
}

/**
 * Invariants:
 *   T1. After a failure (`... | head` has seen enough) nothing more is written, and every flush
 *       tells.
 */
class NodeTerminalStream implements TerminalStream {
  readonly #name: string;
  readonly #open: () => WriteStream;
  #stream: WriteStream | undefined;
  #failure: unknown;

  constructor(name: string, open: () => WriteStream) {
    this.#name = name;
    this.#open = open;
  }

  get columns(): number | undefined {
    const stream = this.#opened();
    // A terminal that does not know its width says 0.
    return stream.isTTY ? stream.columns || WIDTH_UNKNOWN : undefined;
  }

  write(text: string): void {
    const stream = this.#opened();
    if (this.#failure === undefined) stream.write(text);
  }

  // The text of an empty write leaves after all that was written before.
  flush(): Promise<void> {
    if (this.#stream === undefined) return Promise.resolve();
    const stream = this.#stream;
    return new Promise((resolve, reject) => {
      const done = (thrown?: unknown): void => {
        const failure = this.#failure ?? thrown ?? undefined;
        if (failure === undefined) resolve();
        else if (systemCode(failure) === 'EPIPE') {
          reject(new EngineError('OUTPUT_CLOSED', { stream: this.#name }, { cause: failure }));
        } else reject(diskError(failure, 'write to', this.#name));
      };
      if (this.#failure === undefined) stream.write('', done);
      else done();
    });
  }

  #opened(): WriteStream {
    if (this.#stream === undefined) {
      this.#stream = this.#open();
      this.#stream.on('error', (thrown: unknown) => {
        this.#failure ??= thrown;
      });
    }
    return this.#stream;
  }
}
