/**
 * What it takes to run the first example as its README says: from `npx` to its end, with and
 * without the cache of compiled code, and the memory of what npx starts.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark } from '../lib/benchmark.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RUN = ['run', 'examples/word-count.ts'];
/** The last line: how often the last word of the text came. */
const LAST_LINE = 'them 1';
const POLL_MILLIS = 2;

export const wordCountStart: Benchmark = {
  name: 'word-count-start',
  async measure(runs) {
    const values: number[] = [];
    await npxSeconds(shellVariables());
    for (let run = 0; run < runs; run += 1) values.push(await npxSeconds(shellVariables()));
    return { name: this.name, unit: 's', better: 'lower', values };
  },
};

/** As after an installation: nothing is compiled yet. */
export const wordCountCold: Benchmark = {
  name: 'word-count-cold',
  async measure(runs) {
    const values: number[] = [];
    for (let run = 0; run < runs; run += 1) {
      const folder = await mkdtemp(join(tmpdir(), 'millrace-cold-'));
      values.push(await npxSeconds({ ...shellVariables(), NODE_COMPILE_CACHE: folder }));
      await rm(folder, { recursive: true });
    }
    return { name: this.name, unit: 's', better: 'lower', values };
  },
};

/** The sum over the processes of the command, npx left out, of the most memory each had. */
export const wordCountRss: Benchmark = {
  name: 'word-count-rss',
  async measure(runs) {
    const values: number[] = [];
    for (let run = 0; run < runs; run += 1) values.push(await peakMegabytes());
    return { name: this.name, unit: 'MB', better: 'lower', values };
  },
};

async function npxSeconds(env: NodeJS.ProcessEnv): Promise<number> {
  const start = performance.now();
  const output = await run('npx', ['millrace', ...RUN], env);
  const seconds = (performance.now() - start) / 1000;
  expectWords(output);
  return seconds;
}

async function peakMegabytes(): Promise<number> {
  const peaks = new Map<number, number>();
  let command = 0;
  const poll = setInterval(() => {
    for (const pid of treeOf(command)) {
      const peak = peakKilobytes(pid);
      if (peak !== undefined) peaks.set(pid, Math.max(peak, peaks.get(pid) ?? 0));
    }
  }, POLL_MILLIS);
  const args = [join(root, 'bin/millrace.js'), ...RUN];
  const output = await run(process.execPath, args, shellVariables(), (pid) => (command = pid));
  clearInterval(poll);
  expectWords(output);
  if (peaks.size === 0) throw new Error('the memory of a process is read from /proc, on Linux');
  return peaks.values().reduce((sum, peak) => sum + peak, 0) / 1024;
}

/** A process and all that it started. */
function treeOf(pid: number): readonly number[] {
  const children = read(`/proc/${pid}/task/${pid}/children`)?.trim().split(' ') ?? [];
  return [pid, ...children.filter(Boolean).flatMap((child) => treeOf(Number(child)))];
}

function peakKilobytes(pid: number): number | undefined {
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1];
  return peak === undefined ? undefined : Number(peak);
}

/** Undefined if the process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function expectWords(output: string): void {
  const last = output.trimEnd().split('\n').at(-1);
  if (last !== LAST_LINE) throw new Error(`wrong result: ends with ${last}, must be ${LAST_LINE}`);
}

/**
 * The variables of a shell, without what npm adds when it runs a script: npx must find its Node.
 */
function shellVariables(): NodeJS.ProcessEnv {
  const env = Object.entries(process.env).filter(([name]) => !/^(?:npm_|NODE|INIT_CWD)/.test(name));
  const path = (process.env['PATH'] ?? '').split(delimiter);
  const shell = path.filter((folder) => !/node_modules[\\/]|node-gyp-bin/.test(folder));
  return { ...Object.fromEntries(env), PATH: shell.join(delimiter) };
}

function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  started: (pid: number) => void = () => undefined,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid !== undefined) started(child.pid);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} ended with code ${code}\n${errors}`));
    });
  });
}
