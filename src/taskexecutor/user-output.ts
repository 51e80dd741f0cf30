/**
 * What user code of a slot writes on the standard streams: lines of the log that name job, task and
 * operator, and the text itself where the process keeps what is printed.
 *
 * Invariants
 * U1. No character is lost but line ends and empty lines: what comes without the end of its line is
 *     a line of its own after a moment, when it is long, and at the end of the thread.
 * U2. A line is told for the task that began it.
 */
import { milliseconds } from '../base/units.ts';
import type { Clock, Log, OutputStream } from '../env/env.ts';
import type { SlotOutput } from '../protocol/slot-messages.ts';
import type { TaskDeployment } from '../protocol/task-deployment.ts';

/** How long a text waits for the rest of its line. */
const PATIENCE = milliseconds(100);
const LINE_LENGTH_MAX = 1 << 16;

export interface UserOutputOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** With the fields that all lines have. */
  readonly log: Log;
  /** Takes the text as it was written; without it there is only the log. */
  readonly keep?: ((text: string) => void) | undefined;
}

type Writer = Pick<SlotOutput, 'executionId' | 'operator'>;

interface Unfinished {
  text: string;
  writer: Writer | undefined;
  timer: Disposable | undefined;
}

export class UserOutput implements Disposable {
  readonly #options: UserOutputOptions;
  readonly #tasks = new Map<string, TaskDeployment>();
  readonly #streams: Readonly<Record<OutputStream, Unfinished>> = {
    stdout: { text: '', writer: undefined, timer: undefined },
    stderr: { text: '', writer: undefined, timer: undefined },
  };

  constructor(options: UserOutputOptions) {
    this.#options = options;
  }

  /** What it knows its writers by. */
  deployed(tasks: readonly TaskDeployment[]): void {
    for (const task of tasks) this.#tasks.set(task.executionId, task);
  }

  take({ stream, text, ...writer }: SlotOutput): void {
    this.#options.keep?.(text);
    const unfinished = this.#streams[stream];
    const lines = text.split(/\r?\n/);
    if (unfinished.text === '') unfinished.writer = writer;
    lines[0] = unfinished.text + lines[0];
    unfinished.text = '';
    unfinished.timer?.[Symbol.dispose]();
    const rest = lines.pop()!;
    for (const line of lines) {
      this.#tell(stream, unfinished.writer ?? writer, line);
      unfinished.writer = writer;
    }
    unfinished.text = rest;
    if (rest.length >= LINE_LENGTH_MAX) this.#finish(stream);
    else if (rest !== '') {
      unfinished.timer = this.#options.clock.after(PATIENCE, () => this.#finish(stream));
    }
  }

  /** A line that came past `take`, from what nobody could ask who writes. */
  line(stream: OutputStream, line: string): void {
    this.#options.keep?.(`${line}\n`);
    this.#tell(stream, undefined, line);
  }

  /** U1. */
  [Symbol.dispose](): void {
    for (const stream of ['stdout', 'stderr'] as const) this.#finish(stream);
  }

  #finish(stream: OutputStream): void {
    const unfinished = this.#streams[stream];
    unfinished.timer?.[Symbol.dispose]();
    const { text, writer } = unfinished;
    unfinished.text = '';
    this.#tell(stream, writer, text);
  }

  #tell(stream: OutputStream, writer: Writer | undefined, line: string): void {
    const task = this.#tasks.get(writer?.executionId ?? '');
    const { name = task?.vertex, subtask = 0, parallelism } = task ?? {};
    const fields = {
      ...(task === undefined ? {} : { task: `${name} (${subtask + 1}/${parallelism})` }),
      ...(writer?.operator === undefined ? {} : { operator: writer.operator }),
      ...(task === undefined ? {} : { subtask }),
      stream,
    };
    const level = stream === 'stdout' ? 'info' : 'warn';
    for (let at = 0; at < line.length; at += LINE_LENGTH_MAX) {
      this.#options.log.write(level, line.slice(at, at + LINE_LENGTH_MAX), fields);
    }
  }
}
