/**
 * What a user sees when something went wrong: one sentence with the code, where it happened, what
 * to do, and the place in the user's own program. The engine's own stack only if asked for.
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
  const place = userFrame(error.stack) ?? error.scope.declaredAt;
  if (place !== undefined) lines.push(`  at: ${relativeTo(place, options.workingDirectory)}`);
  if (error.fix !== undefined) lines.push(`  fix: ${error.fix}`);
  const stacks = [error.stack];
  for (let cause = error.cause; cause !== undefined; cause = causeOf(cause)) {
    const message = causeMessage(cause);
    // Most causes are what the message above was made of.
    if (!lines.some((line) => line.includes(message))) lines.push(`  cause: ${message}`);
    if (cause instanceof Error) stacks.push(cause.stack);
  }
  const shown = lines.map((line) => withRelativePaths(line, options.workingDirectory));
  if (options.verbose) shown.push(...stacks.filter((stack) => stack !== undefined));
  return `${shown.join('\n')}\n`;
}

function scopeLine({ scope }: EngineError): string | undefined {
  const parts: string[] = [];
  if (scope.vertex !== undefined) {
    const subtask = scope.subtask === undefined ? '' : `, subtask ${scope.subtask + 1}`;
    parts.push(`${scope.vertex}${subtask}`);
  } else if (scope.operator !== undefined) parts.push(scope.operator);
  if (scope.record !== undefined) parts.push(`record at ${scope.record}`);
  return parts.length === 0 ? undefined : parts.join('; ');
}

function causeOf(error: unknown): unknown {
  return isEngineError(error) || error instanceof Error ? error.cause : undefined;
}

/** What was thrown elsewhere and is no error of the engine is told in its own words. */
function causeMessage(cause: unknown): string {
  const error = toEngineError(cause);
  return error.code === 'INTERNAL' ? String(error.parameters['message']) : error.message;
}

/** The first frame of a stack that is neither Node's nor the engine's: the user's line. */
function userFrame(stack: string | undefined): string | undefined {
  if (stack === undefined) return undefined;
  for (const line of stack.split('\n')) {
    const frame = /^\s+at (?:.*\(|async )?((?:file:\/\/)?[^()]+:\d+:\d+)\)?$/.exec(line)?.[1];
    if (frame === undefined || /^(?:node|millrace|npm|rolldown):/.test(frame)) continue;
    // A source of a bundle, by its place in the user's project.
    if (frame.startsWith('job:///')) return frame.slice('job:///'.length);
    const path = pathOf(frame);
    if (!path.includes('/node_modules/') && !isEngineFile(path)) return path;
  }
  return undefined;
}

/** Whether a path lies in the engine's own sources, wherever it is installed. */
function isEngineFile(path: string): boolean {
  return ENGINE_FOLDERS.some((folder) => path.startsWith(folder));
}

const ENGINE_FOLDERS = ['..', '../../bin/'].map((folder) =>
  pathOf(new URL(folder, import.meta.url).href),
);

function pathOf(url: string): string {
  return url.startsWith('file://') ? decodeURI(url.slice('file://'.length)) : url;
}

function relativeTo(path: string, folder: string): string {
  return path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : path;
}

/** URLs and places of the program, as people write paths. */
function withRelativePaths(line: string, folder: string): string {
  return line
    .replace(/file:\/\/\/\S+/g, (url) => relativeTo(pathOf(url), folder))
    .replaceAll(`declared at ${folder}/`, 'declared at ');
}
