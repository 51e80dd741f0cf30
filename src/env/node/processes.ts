/**
 * Processes of the cluster, started with this Node and the entry file of their role. They read
 * nothing, and live on when this one ends unless they see to that themselves: who starts them ends
 * them, and they hear when he is gone, by the channel on which they can tell him things.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import type {
  ProcessHandle,
  ProcessOptions,
  ProcessParent,
  ProcessRole,
  Processes,
} from '../env.ts';
import { compileCacheVariable } from './compile-cache.ts';
import type { EntryPoints } from './entry-points.ts';
import { identifyProcess, runProgram, signalProcess } from './programs.ts';
import { diskError, systemReason } from './system-error.ts';

export function nodeProcesses(entries: EntryPoints): Processes {
  let parent: ProcessParent | undefined;
  return {
    pid: process.pid,
    self: [process.execPath, ...process.argv.slice(1, 2)],
    get parent(): ProcessParent | undefined {
      if (!process.connected) return undefined;
      parent ??= parentOfThis();
      return parent;
    },
    spawn: (role, args, options = {}) => spawn(entries, role, args, options),
    identify: identifyProcess,
    signal: signalProcess,
    run: runProgram,
  };
}

function spawn(
  entries: EntryPoints,
  role: ProcessRole,
  args: readonly string[],
  options: ProcessOptions,
): Promise<ProcessHandle> {
  const entry = entries[role];
  assert(entry !== undefined, `no entry point for the role ${role} was given`);
  const file = process.getBuiltinModule('node:url').fileURLToPath(entry);
  return startWith(role, [...process.execArgv, file, ...args], options);
}

/**
 * A JobManager starts a thread for every job. The allocator of glibc gives threads pools of their
 * own, up to eight for each core, and what is free in one of them is of no use to the others: after
 * a thousand jobs that is a quarter of the memory of the process. It does nothing that two pools
 * were too few for.
 */
function allocatorVariable(role: ProcessRole): Readonly<Record<string, string>> {
  const name = 'MALLOC_ARENA_MAX';
  return role === 'jobmanager' && process.env[name] === undefined ? { [name]: '2' } : {};
}

async function startWith(
  role: ProcessRole,
  args: readonly string[],
  { output, detached = false }: ProcessOptions,
): Promise<ProcessHandle> {
  const paths = typeof output === 'object' ? [output.stdout, output.stderr] : [output];
  const files: number[] = [];
  try {
    for (const path of paths) if (path !== undefined) files.push(openOutput(path));
    const stdout = files[0] ?? 'inherit';
    const stderr = files.at(-1) ?? 'inherit';
    return await start(role, args, { stdio: ['ignore', stdout, stderr, 'ipc'], detached });
  } finally {
    for (const file of files) process.getBuiltinModule('node:fs').closeSync(file);
  }
}

function start(
  role: ProcessRole,
  args: readonly string[],
  options: { readonly stdio: StdioOptions; readonly detached: boolean },
): Promise<ProcessHandle> {
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void => {
      const parameters = { role, reason: systemReason(thrown) };
      reject(new EngineError('PROCESS_START_FAILED', parameters, { cause: thrown }));
    };
    try {
      const child = process.getBuiltinModule('node:child_process').spawn(process.execPath, args, {
        ...options,
        env: { ...process.env, ...allocatorVariable(role), ...compileCacheVariable() },
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

/** @throws EngineError IO_* */
function openOutput(path: string): number {
  try {
    return process.getBuiltinModule('node:fs').openSync(path, 'a', 0o600);
  } catch (thrown) {
    throw diskError(thrown, 'open', path);
  }
}

class NodeProcessHandle implements ProcessHandle {
  readonly pid: number;
  readonly exited: ProcessHandle['exited'];
  readonly #child: ChildProcess;
  #early: string[] = [];
  #listener: ((text: string) => void) | undefined;

  constructor(child: ChildProcess) {
    assert(child.pid !== undefined, 'a process that was started has an id');
    this.pid = child.pid;
    this.#child = child;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
    child.on('message', (message: unknown) => {
      if (typeof message !== 'string') return;
      if (this.#listener === undefined) this.#early.push(message);
      else this.#listener(message);
    });
  }

  // Does nothing once the process is gone: Node forgets its id then, which may be another's.
  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  onMessage(listener: (text: string) => void): void {
    assert(this.#listener === undefined, 'messages of a process have one listener');
    this.#listener = listener;
    for (const text of this.#early.splice(0)) listener(text);
  }

  release(): void {
    if (this.#child.connected) this.#child.disconnect();
    this.#child.unref();
  }
}

/** The channel does not keep this process alive. */
function parentOfThis(): ProcessParent {
  const gone = new Promise<void>((resolve) => process.once('disconnect', () => resolve()));
  process.channel?.unref();
  return {
    tell: (text) => {
      // It may be gone before this is sent; then nobody is left to be told.
      if (process.connected) process.send?.(text, undefined, undefined, () => undefined);
    },
    onGone: (listener) => void gone.then(listener),
  };
}
