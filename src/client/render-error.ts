/**
 * What a user sees when something went wrong: one sentence with the code, where it happened, what to
 * do, and the place in the user's own program. The engine's own stack only if asked for.
 */
import type { EngineError } from '../base/errors.ts';
import { isEngineError, toEngineError } from '../base/errors.ts';

export interface RenderOptions {
  /** Prints whole stacks. */
  readonly verbose: boolean;
  /** Frames in files below this folder are shown relative to it. */
  readonly workingDirectory: string;
}

/** @returns lines with a line end each. */
export function renderError(thrown: unknown, options: RenderOptions): string {
  const error = toEngineError(thrown);
  const lines = [`error[${error.code}]: ${error.message}`];
  const where = scopeLine(error);
  if (where !== undefined) lines.push(`  in: ${where}`);
  const place = userFrame(error.stack, options.workingDirectory);
  if (place !== undefined) lines.push(`  at: ${place}`);
  if (error.fix !== undefined) lines.push(`  fix: ${error.fix}`);
  for (let cause = error.cause; cause !== undefined; cause = causeOf(cause)) {
    const inner = toEngineError(cause);
    lines.push(`  cause: ${inner.message}`);
  }
  if (options.verbose && error.stack !== undefined) lines.push(error.stack);
  return `${lines.join('\n')}\n`;
}

function scopeLine({ scope }: EngineError): string | undefined {
  const parts: string[] = [];
  if (scope.vertex !== undefined) {
    const subtask = scope.subtask === undefined ? '' : `, subtask ${scope.subtask + 1}`;
    parts.push(`${scope.vertex}${subtask}`);
  }
  if (scope.record !== undefined) parts.push(`record at ${scope.record}`);
  return parts.length === 0 ? undefined : parts.join('; ');
}

function causeOf(error: unknown): unknown {
  return isEngineError(error) || error instanceof Error ? error.cause : undefined;
}

/** The first frame of a stack that is neither Node's nor the engine's: the user's line. */
export function userFrame(stack: string | undefined, workingDirectory: string): string | undefined {
  if (stack === undefined) return undefined;
  for (const line of stack.split('\n')) {
    const frame = /^\s+at (?:.*\()?((?:file:\/\/)?[^()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (frame === undefined || frame.startsWith('node:') || frame.startsWith('millrace:')) continue;
    const path = frame.replace(/^file:\/\//, '');
    if (path.includes('/node_modules/') || isEngineFile(path)) continue;
    return path.startsWith(`${workingDirectory}/`) ? path.slice(workingDirectory.length + 1) : path;
  }
  return undefined;
}

/** Whether a path lies in the engine's own sources, wherever it is installed. */
function isEngineFile(path: string): boolean {
  return path.startsWith(ENGINE_FOLDER);
}

const ENGINE_FOLDER = new URL('..', import.meta.url).pathname;
