// Runs commands in this process, against a terminal and files that are in memory.
import { EngineError } from '../base/errors.ts';
import { diskWith, type Files } from '../config/files.test-kit.ts';
import type { Env, Terminal, TerminalStream } from '../env/env.ts';
import type { CommandEnv } from './command-env.ts';
import { cli } from './cli.ts';

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  readonly files?: Files;
  readonly variables?: Readonly<Record<string, string>>;
  /** Of the terminal; undefined: there is none. */
  readonly columns?: number;
  /** Whoever read what it prints has gone. */
  readonly isUnread?: boolean;
  /** What else of its surroundings the command uses. */
  readonly env?: Partial<CommandEnv>;
}

class Written implements TerminalStream {
  readonly columns: number | undefined;
  text = '';

  constructor(columns: number | undefined) {
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  isUnread = false;

  flush(): Promise<void> {
    const closed = new EngineError('OUTPUT_CLOSED', { stream: 'stdout' });
    return this.isUnread ? Promise.reject(closed) : Promise.resolve();
  }
}

/** Runs `millrace ARGS` in the folder /here. */
export async function command(
  args: readonly string[],
  {
    files = {},
    variables = { HOME: '/home/me' },
    env = {},
    columns,
    isUnread = false,
  }: Surroundings = {},
): Promise<Said> {
  const stdout = new Written(columns);
  stdout.isUnread = isUnread;
  const stderr = new Written(columns);
  const terminal: Terminal = {
    ...{ args, variables, workingDirectory: '/here', stdout, stderr },
    onSignal: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const disk = diskWith(files) as Env['disk'];
  const code = await cli({ disk, ...env, terminal } as CommandEnv, '1.2.3');
  return { code, stdout: stdout.text, stderr: stderr.text };
}
