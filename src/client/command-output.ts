/** What a command of a cluster says: sentences for people and scripts of Flink, or one object. */
import type { Env } from '../env/env.ts';
import type { ParsedArguments } from './arguments.ts';

export class CommandOutput {
  readonly isJson: boolean;
  readonly #terminal: Env['terminal'];

  constructor({ terminal }: Pick<Env, 'terminal'>, args: ParsedArguments) {
    this.#terminal = terminal;
    this.isJson = args.has('json');
  }

  /** A line, unless JSON was asked for. */
  say(line: string): void {
    if (!this.isJson) this.#terminal.stdout.write(`${line}\n`);
  }

  /** What the command has to tell programs, if they asked. */
  result(value: Readonly<Record<string, unknown>>): void {
    if (this.isJson) this.#terminal.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  }

  flush(): Promise<void> {
    return this.#terminal.stdout.flush();
  }
}
