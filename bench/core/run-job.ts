/**
 * Runs a job as a user would, `millrace run --json` in a process of its own, and reads its last
 * line.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { profileOptions, sayProfiles } from '../lib/profile.ts';

export interface JobRun {
  /** From start to end of the process. */
  readonly wallSeconds: number;
  /** Of the whole process, all its threads. */
  readonly cpuSeconds: number;
  readonly accumulators: ReadonlyMap<string, number>;
}

const root = new URL('../../', import.meta.url);
const launcher = fileURLToPath(new URL('bin/millrace.js', root));

export async function runJob(
  job: string,
  parameters: Readonly<Record<string, string | number>>,
  configuration: Readonly<Record<string, string>> = {},
): Promise<JobRun> {
  const file = fileURLToPath(new URL(job, root));
  const args = [launcher, 'run', file, '--json', ...profileOptions()];
  for (const [key, value] of Object.entries(configuration)) args.push('-D', `${key}=${value}`);
  for (const [name, value] of Object.entries(parameters)) args.push('--param', `${name}=${value}`);
  const start = performance.now();
  const output = await outputOf(process.execPath, args);
  const wallSeconds = (performance.now() - start) / 1000;
  sayProfiles(output);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const result = JSON.parse(last) as {
    status: string;
    cpuMillis: number;
    accumulators: { name: string; value: number }[];
  };
  if (result.status !== 'FINISHED') throw new Error(`${job} ended ${result.status}: ${output}`);
  return {
    wallSeconds,
    cpuSeconds: result.cpuMillis / 1000,
    accumulators: new Map(result.accumulators.map(({ name, value }) => [name, value])),
  };
}

/**
 * Throws unless the job has counted and summed what it must; sums are modulo 2^32 in each subtask.
 */
export function expectAccumulators(run: JobRun, expected: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(expected)) {
    const total = run.accumulators.get(name);
    const actual = total !== undefined && name === 'checksum' ? total % 2 ** 32 : total;
    if (actual !== value) throw new Error(`wrong result: ${name} is ${actual}, must be ${value}`);
  }
}

function outputOf(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${args.slice(1).join(' ')} ended with code ${code}\n${output}`));
    });
  });
}
