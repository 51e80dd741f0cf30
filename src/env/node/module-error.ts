/**
 * Why a job module could not be imported, in one sentence with the place. Node tells a missing
 * file, a missing package, a type imported as a value and a syntax error apart only by codes and
 * by the shape of messages and stacks; all knowledge of those is here.
 */
import type { BundleHeader } from '../../base/bundle-header.ts';
import { EngineError, isEngineError, messageOf } from '../../base/errors.ts';
import { entryPoint } from './entry-points.ts';
import { systemCode } from './system-error.ts';

/** An import that the resolver refused. */
export interface FailedImport {
  readonly specifier: string;
  readonly importer: string | undefined;
  /** Of the importer, if it is a bundle. */
  readonly bundle: BundleHeader | undefined;
}

export interface ModuleAttempt {
  /** The job module. */
  readonly url: string;
  /** The import that failed to resolve, if it was that. */
  readonly failed: FailedImport | undefined;
  /** The ES modules that were found on the way, in order. */
  readonly found: readonly string[];
}

/** How many of the modules found last are looked through for a syntax error. */
const MODULES_LOOKED_THROUGH = 100;

export function moduleError(thrown: unknown, attempt: ModuleAttempt): EngineError {
  if (isEngineError(thrown)) return thrown;
  if (attempt.failed !== undefined) return unresolved(thrown, attempt, attempt.failed);
  if (isSyntaxErrorOfModule(thrown)) return syntaxError(thrown, attempt);
  const path = displayPath(attempt.url);
  const message = messageOf(thrown);
  const unsupported =
    isNodes(thrown) && /^ERR_(UNKNOWN|UNSUPPORTED|INVALID|REQUIRE)_/.test(systemCode(thrown) ?? '');
  const code = unsupported ? 'JOB_MODULE_UNSUPPORTED' : 'JOB_MODULE_FAILED';
  return withStackOf(
    thrown,
    new EngineError(code, { path, message: sentence(message) }, cause(thrown)),
  );
}

function unresolved(thrown: unknown, attempt: ModuleAttempt, failed: FailedImport): EngineError {
  const { specifier, bundle } = failed;
  if (specifier === attempt.url) {
    const code = systemCode(thrown);
    const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_UNSUPPORTED_DIR_IMPORT';
    const path = displayPath(attempt.url);
    return missing
      ? new EngineError('JOB_MODULE_NOT_FOUND', { path }, cause(thrown))
      : new EngineError(
          'JOB_MODULE_UNSUPPORTED',
          { path, message: messageOf(thrown) },
          cause(thrown),
        );
  }
  if (bundle !== undefined) {
    const name = packageOf(specifier);
    const { hostname } = process.getBuiltinModule('node:os');
    const parameters = { job: bundle.job, name, host: hostname(), folder: process.cwd() };
    return new EngineError('JOB_EXTERNAL_MISSING', parameters, cause(thrown));
  }
  const parameters = {
    importer: displayPath(failed.importer ?? attempt.url),
    specifier,
    ...adviceFor(specifier, thrown),
  };
  return new EngineError('JOB_MODULE_DEPENDENCY_MISSING', parameters, cause(thrown));
}

function adviceFor(specifier: string, thrown: unknown): { reason: string; advice: string } {
  if (/^(?:\.|\/|file:)/.test(specifier)) {
    return {
      reason: 'there is no such file',
      advice: 'Write the name of the file with its extension, e.g. "./orders.ts".',
    };
  }
  const name = packageOf(specifier);
  if (systemCode(thrown) === 'ERR_PACKAGE_PATH_NOT_EXPORTED') {
    return {
      reason: `the package ${name} has no such part`,
      advice: `See "exports" in the package.json of ${name} for what can be imported.`,
    };
  }
  return {
    reason: `the package ${name} is not installed there`,
    advice: `Install it beside the job: npm install ${name}`,
  };
}

function packageOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}

// `JSON.parse` and `new Function` throw SyntaxErrors too; those come from the user's code, these
// from Node's loader.
function isSyntaxErrorOfModule(thrown: unknown): thrown is SyntaxError {
  if (!(thrown instanceof SyntaxError)) return false;
  return isNodes(thrown);
}

/** True for an error whose stack begins in Node's own loader. */
function isNodes(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const frame = /^ {4}at .*$/m.exec(thrown.stack ?? '')?.[0] ?? '';
  return /node:internal\/(?:modules|vm)/.test(frame);
}

function syntaxError(thrown: SyntaxError, attempt: ModuleAttempt): EngineError {
  const place = placeIn(thrown.stack ?? '') ?? findPlace(attempt) ?? displayPath(attempt.url);
  const missing = /^The requested module '(.*)' does not provide an export named '(.*)'/s.exec(
    thrown.message,
  );
  if (missing !== null) {
    const parameters = { place, specifier: missing[1], name: missing[2] };
    return new EngineError('JOB_MODULE_EXPORT_MISSING', parameters, cause(thrown));
  }
  const code =
    systemCode(thrown) === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'
      ? 'JOB_MODULE_UNSUPPORTED_TYPESCRIPT'
      : 'JOB_MODULE_SYNTAX';
  return new EngineError(code, { place, message: sentence(thrown.message) }, cause(thrown));
}

/**
 * `path:line:column` of the excerpt with a caret that Node puts before the message, if it does.
 */
function placeIn(text: string): string | undefined {
  const lines = text.split('\n');
  const head = /^(.+):(\d+)$/.exec(lines[0] ?? '');
  if (head === null) return undefined;
  const caret = lines.slice(1, 4).find((line) => /^\s*\^+\s*$/.test(line));
  const place = `${displayPath(head[1] ?? '')}:${String(head[2])}`;
  return caret === undefined ? place : `${place}:${caret.indexOf('^') + 1}`;
}

/**
 * V8 knows the place of a syntax error but shows it only when the error ends a process; so, on this
 * way to the exit, a process of its own parses the modules again.
 */
function findPlace(attempt: ModuleAttempt): string | undefined {
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  const files = attempt.found
    .filter((url) => url.startsWith('file:'))
    .map((url) => fileURLToPath(url))
    .slice(-MODULES_LOOKED_THROUGH);
  const check = fileURLToPath(entryPoint('./syntax-check', import.meta.url));
  const flags = ['--experimental-vm-modules', '--no-warnings'];
  const { stderr } = process
    .getBuiltinModule('node:child_process')
    .spawnSync(process.execPath, [...flags, check, ...files], { encoding: 'utf8' });
  return placeIn(stderr ?? '');
}

function displayPath(url: string): string {
  if (!url.startsWith('file:')) return url;
  const { pathToFileURL, fileURLToPath } = process.getBuiltinModule('node:url');
  const path = fileURLToPath(url);
  const here = `${pathToFileURL(process.cwd()).href}/`;
  return url.startsWith(here) ? decodeURIComponent(url.slice(here.length)) : path;
}

// The table ends its sentences itself.
function sentence(message: string): string {
  return message.replace(/\.$/, '');
}

function withStackOf(thrown: unknown, error: EngineError): EngineError {
  if (thrown instanceof Error && thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

function cause(thrown: unknown): { readonly cause: unknown } {
  return { cause: thrown };
}
