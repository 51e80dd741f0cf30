/** The log of a simulated thread: every line goes into the trace, and so into its hash. */
import type { Log, LogFields, LogLevel } from '../src/env/env.ts';
import type { SimThread } from './thread.ts';

/** Sees every line, whatever thread it is from. */
export type LogWatch = (message: string, fields: LogFields) => void;

export class SimLog implements Log {
  readonly #thread: SimThread;
  readonly #watch: LogWatch | undefined;
  readonly #fields: LogFields;

  constructor(thread: SimThread, watch?: LogWatch, fields: LogFields = {}) {
    this.#thread = thread;
    this.#watch = watch;
    this.#fields = fields;
  }

  write(level: LogLevel, message: string, fields: LogFields = {}): void {
    this.#thread.enter();
    const parts = Object.entries({ ...this.#fields, ...fields })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ` ${name}=${String(value)}`);
    const { trace, eventTime } = this.#thread.scheduler;
    this.#watch?.(message, { ...this.#fields, ...fields });
    trace.record(eventTime, this.#thread, 'log', 0, 0, `${level} ${message}${parts.join('')}`);
  }

  with(fields: LogFields): Log {
    return new SimLog(this.#thread, this.#watch, { ...this.#fields, ...fields });
  }
}
