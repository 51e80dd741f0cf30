/** Processes that others have started, and programs of the system, by their names. */
import { EngineError } from '../../base/errors.ts';
import type { ProgramResult } from '../env.ts';
import { systemCode, systemReason } from './system-error.ts';

/** What `Processes.identify` says. */
export async function identifyProcess(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return startOf(pid);
  const { readFile } = process.getBuiltinModule('node:fs/promises');
  const [boot, stat] = await Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined),
  ]);
  if (stat === undefined) return undefined;
  // The name before these fields may contain anything, brackets too.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? undefined : `${boot.trim()} ${ticks}`;
}

/** Where there is no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const { code, stdout } = await runProgram('ps', ['-o', 'lstart=', '-p', String(pid)], '');
  return code === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

export function signalProcess(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (thrown) {
    if (systemCode(thrown) === 'ESRCH') return;
    const parameters = { pid, signal, reason: systemReason(thrown) };
    throw new EngineError('PROCESS_NOT_OURS', parameters, { cause: thrown });
  }
}

export function runProgram(
  program: string,
  args: readonly string[],
  input: string,
): Promise<ProgramResult> {
  const { spawn } = process.getBuiltinModule('node:child_process');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    // A program that does not read what it is given says by its exit code how it went.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.once('error', (thrown) => {
      const parameters = { role: program, reason: systemReason(thrown) };
      reject(new EngineError('PROCESS_START_FAILED', parameters, { cause: thrown }));
    });
    child.once('close', (code, signal) =>
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr }),
    );
  });
}
