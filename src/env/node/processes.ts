/**
 * Processes of the cluster, started with this Node and the entry file of their role. They write to
 * this process's stdout and stderr, read nothing, and live on when this one ends: who starts them
 * ends them.
 */
import type { ChildProcess } from 'node:child_process';
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type { ProcessHandle, ProcessRole, Processes } from '../env.ts';
import { compileCacheVariable } from './compile-cache.ts';
import type { EntryPoints } from './entry-points.ts';
import { systemReason } from './system-error.ts';

export function nodeProcesses(entries: EntryPoints): Processes {
  return {
    spawn: (role, args) => spawn(entries, role, args),
  };
}

function spawn(
  entries: EntryPoints,
  role: ProcessRole,
  args: readonly string[],
): Promise<ProcessHandle> {
  const entry = entries[role];
  assert(entry !== undefined, `no entry point for the role ${role} was given`);
  const file = process.getBuiltinModule('node:url').fileURLToPath(entry);
  const all = [...process.execArgv, file, ...args];
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void => {
      const parameters = { role, reason: systemReason(thrown) };
      reject(new EngineError('PROCESS_START_FAILED', parameters, { cause: thrown }));
    };
    try {
      const child = process.getBuiltinModule('node:child_process').spawn(process.execPath, all, {
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, ...compileCacheVariable() },
      });
      child.once('error', refuse);
      child.once('spawn', () => {
        const handle = new NodeProcessHandle(child);
        // From here on an error is a signal that could not be sent to our own child: fatal.
        child.off('error', refuse);
        resolve(handle);
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

class NodeProcessHandle implements ProcessHandle {
  readonly pid: number;
  readonly exited: ProcessHandle['exited'];
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    assert(child.pid !== undefined, 'a process that was started has an id');
    this.pid = child.pid;
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  }

  // Does nothing once the process is gone: Node forgets its id then, which may be another's.
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }
}
