/** Runs a job of bench/jobs on a cluster in a process of its own, warm from nothing. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ClusterRun {
  /** Of the job, as a URL. */
  readonly moduleUrl: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly taskManagers: number;
  /** Of each TaskManager. */
  readonly slots: number;
  readonly configuration: Readonly<Record<string, string>>;
}

export interface ClusterRunResult {
  readonly status: string;
  /** From RUNNING to the end of the job. */
  readonly wallSeconds: number;
  /** In that time, of all threads of the cluster. */
  readonly cpuSeconds: number;
  /** Summed by name. */
  readonly accumulators: Readonly<Record<string, number>>;
}

const root = new URL('../../', import.meta.url);
const program = fileURLToPath(new URL('./job-process.ts', import.meta.url));

/** @param name of the job, as in bench/jobs/NAME.ts */
export async function runOnCluster(
  name: string,
  run: Omit<ClusterRun, 'moduleUrl'>,
): Promise<ClusterRunResult> {
  const moduleUrl = new URL(`bench/jobs/${name}.ts`, root).href;
  const output = await outputOf([program, JSON.stringify({ moduleUrl, ...run })]);
  const result = JSON.parse(output.trimEnd().split('\n').at(-1)!) as ClusterRunResult;
  if (result.status !== 'FINISHED') throw new Error(`${name} ended ${result.status}`);
  return result;
}

function outputOf(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${args[0]} ended with code ${code}\n${output}`));
    });
  });
}
