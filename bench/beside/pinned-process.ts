/**
 * A process that runs on given cores of this machine, with what it has used so far: CPU of all its
 * threads, and the most memory that was resident. Read from /proc, so on Linux only.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';

/** Linux counts CPU in hundredths of a second. */
const TICKS_PER_SECOND = 100;
/** A process that does not end when it is told to is ended after so long. */
const GRACE_MILLIS = 10_000;

export interface PinnedCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** As taskset takes them: `1`, or `0,2-3`. */
  readonly cores: string;
  /** Where its output and errors go. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

export class PinnedProcess {
  readonly pid: number;
  readonly #log: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #ended = false;

  private constructor(child: ChildProcess, log: string) {
    this.pid = child.pid!;
    this.#log = log;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => {
        this.#ended = true;
        resolve();
      });
    });
  }

  static start({ command, args, cores, log, env = {} }: PinnedCommand): PinnedProcess {
    const out = openSync(log, 'w');
    // taskset replaces itself by the command: the process has this id.
    const child = spawn('taskset', ['-c', cores, command, ...args], {
      stdio: ['ignore', out, out],
      env: { ...process.env, ...env },
    });
    closeSync(out);
    if (child.pid === undefined) throw new Error('taskset, of util-linux, could not be started');
    return new PinnedProcess(child, log);
  }

  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** Resolves with what the pattern finds in the log. @throws Error if it ends before */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const ended = this.#ended;
      const found = pattern.exec(this.log);
      if (found !== null) return found;
      if (ended) throw new Error(`the process ended early:\n${this.log.slice(-4000)}`);
      await pause(10);
    }
  }

  get cpuSeconds(): number {
    const stat = this.#read('stat');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** From now on the peak is of what comes. */
  forgetPeak(): void {
    writeFileSync(`/proc/${this.pid}/clear_refs`, '5');
  }

  get peakMegabytes(): number {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(this.#read('status'))![1]) / 1024;
  }

  get residentMegabytes(): number {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(this.#read('status'))![1]) / 1024;
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  async stop(): Promise<void> {
    if (this.#ended) return;
    this.kill();
    const late = setTimeout(() => this.kill('SIGKILL'), GRACE_MILLIS);
    await this.#exited;
    clearTimeout(late);
  }

  #read(file: 'stat' | 'status'): string {
    if (this.#ended) throw new Error(`the process ended:\n${this.log.slice(-4000)}`);
    return readFileSync(`/proc/${this.pid}/${file}`, 'utf8');
  }
}

export function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
