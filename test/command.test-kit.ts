// Runs the command line as a user would: a process of its own, in the repository or elsewhere.
import { spawn } from 'node:child_process';
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export const REPOSITORY: string = join(import.meta.dirname, '..');
const LAUNCHER = join(REPOSITORY, 'bin', 'millrace.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningCommand {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Resolves once the text has been written to standard output. */
  said(text: string): Promise<void>;
  /** What it has written to standard output so far. */
  heard(): string;
  /** Once it has ended and all its output has come. */
  readonly ended: Promise<Ended>;
  /** The same where its output is not read to the end. */
  readonly closed: Promise<Ended>;
}

/** Starts `millrace ARGS`. */
export function start(args: readonly string[], cwd: string = REPOSITORY): RunningCommand {
  return startNode([LAUNCHER, ...args], cwd);
}

/** Runs `millrace ARGS` to its end. */
export function millrace(args: readonly string[], cwd: string = REPOSITORY): Promise<Ended> {
  return start(args, cwd).ended;
}

/** Starts the Node of this test with the arguments. */
export function startNode(args: readonly string[], cwd: string = REPOSITORY): RunningCommand {
  return startProgram(process.execPath, args, { cwd });
}

/** Starts any program. */
export function startProgram(
  file: string,
  args: readonly string[],
  options: SpawnOptions,
): RunningCommand {
  const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const { stdout, stderr } = child;
  let heard = '';
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = Promise.all([text(stderr), exit]).then(([err, [code, signal]]): Ended => ({
    stdout: heard,
    stderr: err,
    code,
    signal,
  }));
  const read = once(stdout, 'end');
  const ended = read.then(() => closed);
  const waiting = new Set<() => void>();
  stdout.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk;
    for (const look of waiting) look();
  });
  const said = (wanted: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (!heard.includes(wanted)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      const over = ({ stderr: err }: Ended): void =>
        reject(new Error(`it ended without saying ${JSON.stringify(wanted)}: ${heard}${err}`));
      ended.then(over, reject);
    });
  return { process: child, pid: child.pid!, said, heard: () => heard, ended, closed };
}

/** The lines of a text that ends with a line end. */
export function linesOf(output: string): readonly string[] {
  return output === '' ? [] : output.replace(/\n$/, '').split('\n');
}
