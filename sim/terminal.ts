/**
 * What a simulated process sees of its terminal: arguments, variables, two streams that are kept,
 * signals.
 */
import type { Terminal, TerminalStream } from '../src/env/env.ts';
import { HOME } from './host.ts';
import type { Signal, SimProcess } from './process.ts';
import type { SimThread } from './thread.ts';

export class SimTerminal implements Terminal {
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly #thread: SimThread;
  readonly #process: SimProcess;

  constructor(process: SimProcess, thread: SimThread) {
    this.args = process.options.args ?? [];
    this.variables = process.options.variables ?? {};
    this.workingDirectory = process.options.workingDirectory ?? HOME;
    this.stdout = new SimStream(process, thread, 'stdout');
    this.stderr = new SimStream(process, thread, 'stderr');
    this.#thread = thread;
    this.#process = process;
  }

  onSignal(listener: (signal: Signal) => void): Disposable {
    this.#thread.enter();
    const own = (signal: Signal): void => listener(signal);
    this.#process.signalListeners.add(own);
    return { [Symbol.dispose]: () => void this.#process.signalListeners.delete(own) };
  }
}

class SimStream implements TerminalStream {
  readonly columns: undefined = undefined;
  readonly #process: SimProcess;
  readonly #thread: SimThread;
  readonly #name: 'stdout' | 'stderr';

  constructor(process: SimProcess, thread: SimThread, name: 'stdout' | 'stderr') {
    this.#process = process;
    this.#thread = thread;
    this.#name = name;
  }

  write(text: string): void {
    this.#thread.enter();
    this.#process.output[this.#name] += text;
    const { trace, eventTime } = this.#thread.scheduler;
    trace.record(eventTime, this.#thread, 'output', text.length, 0, text.trimEnd());
  }

  flush(): Promise<void> {
    this.#thread.enter();
    return this.#thread.promise((settle) => settle.resolve('settle', 0, 0, () => undefined));
  }
}
