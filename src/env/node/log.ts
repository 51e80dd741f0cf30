/**
 * The log: one line per message on stderr, as text for people or JSON for machines. Lines are
 * written at once, by this thread: what a worker says before it dies is not lost on the way through
 * the main thread.
 *
 * Invariants:
 *   L1. A line is written by one system call wherever the system takes it whole, and always begins
 *       at the beginning of a line.
 *   L2. A line that was not written whole is counted, and a line before the next that is says how
 *       many were lost.
 *   L3. No line shows a secret that can be told by its form (`redactText`).
 */
import { redactText } from '../../base/redact-text.ts';
import type { Clock, Log, LogFields, LogLevel } from '../env.ts';
import { systemCode } from './system-error.ts';

const SEVERITY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const LABEL: Readonly<Record<LogLevel, string>> = {
  debug: 'DEBUG',
  info: 'INFO ',
  warn: 'WARN ',
  error: 'ERROR',
};
const STDERR = 2;
/** How long a reader of stderr that is behind may hold up the thread, at most. */
const PATIENCE_MILLISECONDS = 100;

export interface NodeLogOptions {
  /** Messages below it are dropped; `info` if undefined. */
  readonly level?: LogLevel | undefined;
  /** `text` if undefined. */
  readonly format?: 'text' | 'json' | undefined;
}

/**
 * @example nodeLog(clock, { level: 'debug', format: 'json' }).write('info', 'Started', { port:
 * 8081 })
 */
export function nodeLog(clock: Clock, options: NodeLogOptions = {}): Log {
  return new NodeLog(new LogOutput(clock, options), {});
}

class NodeLog implements Log {
  readonly #output: LogOutput;
  readonly #fields: LogFields;

  constructor(output: LogOutput, fields: LogFields) {
    this.#output = output;
    this.#fields = fields;
  }

  write(level: LogLevel, message: string, fields?: LogFields): void {
    if (!this.#output.wants(level)) return;
    const all = fields === undefined ? this.#fields : { ...this.#fields, ...fields };
    this.#output.line(level, redactText(message), redacted(all));
  }

  with(fields: LogFields): Log {
    return new NodeLog(this.#output, { ...this.#fields, ...fields });
  }
}

/** L3. */
function redacted(fields: LogFields): LogFields {
  const entries = Object.entries(fields).map(([name, value]): [string, LogFields[string]] => [
    name,
    typeof value === 'string' ? redactText(value) : value,
  ]);
  return Object.fromEntries(entries);
}

class LogOutput {
  readonly #clock: Clock;
  readonly #least: number;
  readonly #format: (time: string, level: LogLevel, message: string, fields: LogFields) => string;
  #lost = 0;
  /** The last bytes written are the beginning of a line that was lost. */
  #torn = false;

  constructor(clock: Clock, options: NodeLogOptions) {
    this.#clock = clock;
    this.#least = SEVERITY[options.level ?? 'info'];
    this.#format = options.format === 'json' ? jsonLine : textLine;
  }

  wants(level: LogLevel): boolean {
    return SEVERITY[level] >= this.#least;
  }

  line(level: LogLevel, message: string, fields: LogFields): void {
    const time = new Date(this.#clock.now()).toISOString();
    if (this.#lost > 0) {
      const lost = { lines: this.#lost };
      if (this.#write(this.#format(time, 'warn', 'Log lines were lost: stderr was full', lost))) {
        this.#lost = 0;
      }
    }
    if (this.#lost > 0 || !this.#write(this.#format(time, level, message, fields))) this.#lost += 1;
  }

  /** False if stderr has not taken all of the line. */
  #write(line: string): boolean {
    const bytes = new TextEncoder().encode(this.#torn ? `\n${line}` : line);
    // Waiting for a reader that was too slow for the line before would hold up the thread for ever.
    const taken = writeSome(bytes, this.#lost > 0 ? 0 : PATIENCE_MILLISECONDS);
    if (taken > 0) this.#torn = taken < bytes.byteLength;
    return taken === bytes.byteLength;
  }
}

function jsonLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  return `${JSON.stringify({ time, level, message, ...(hasFields(fields) ? { fields } : {}) })}\n`;
}

function textLine(time: string, level: LogLevel, message: string, fields: LogFields): string {
  let line = `${time} ${LABEL[level]} ${isPlain(message) ? message : JSON.stringify(message)}`;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = String(value);
    line += ` ${name}=${isPlain(text) && /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text)}`;
  }
  return `${line}\n`;
}

function hasFields(fields: LogFields): boolean {
  return Object.keys(fields).length > 0;
}

// Control characters would break the line, or the reader's terminal.
function isPlain(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(text);
}

/** How many of the bytes stderr takes within the time: fewer than all if it is full, or closed. */
function writeSome(bytes: Uint8Array, patience: number): number {
  const fs = process.getBuiltinModule('node:fs');
  let done = 0;
  for (let waited = 0; done < bytes.byteLength;) {
    try {
      done += fs.writeSync(STDERR, bytes, done);
    } catch (thrown) {
      if (systemCode(thrown) !== 'EAGAIN' || waited >= patience) return done;
      waited += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
  return done;
}
