/** What the bundler says, in the words of the engine: where, what, and what to do. */
import { EngineError, isEngineError, messageOf } from '../../base/errors.ts';
import { fileUrl } from '../../base/file-url.ts';

/** A message of the bundler, as far as it is read. */
export interface BundlerMessage {
  readonly code?: string | undefined;
  readonly message: string;
  /** The module that it is about. */
  readonly id?: string | undefined;
  /** What was asked for, in an unresolved import. */
  readonly exporter?: string | undefined;
  readonly loc?:
    | { readonly file?: string; readonly line: number; readonly column: number }
    | undefined;
}

/** The first message of what the bundler threw; undefined if it is none of the bundler's. */
export function bundlerMessageOf(thrown: unknown): BundlerMessage | undefined {
  const { errors } = thrown as { readonly errors?: readonly BundlerMessage[] };
  return Array.isArray(errors) ? errors[0] : undefined;
}

export function bundleError(thrown: unknown, path: string): EngineError {
  if (isEngineError(thrown)) return thrown;
  const message = bundlerMessageOf(thrown);
  if (message !== undefined) return messageError(message, path);
  return new EngineError(
    'JOB_BUNDLE_FAILED',
    { path, message: messageOf(thrown) },
    { cause: thrown },
  );
}

export function messageError(message: BundlerMessage, path: string): EngineError {
  const place = placeOf(message) ?? fileUrl(path);
  const text = headline(message);
  switch (message.code) {
    case 'UNRESOLVED_IMPORT':
    case 'UNRESOLVED_ENTRY':
      return unresolved(message, place, text);
    case 'PARSE_ERROR':
      return new EngineError('JOB_MODULE_SYNTAX', { place, message: text });
    case 'MISSING_EXPORT': {
      const [, name = '?', specifier = '?'] = /^"(.*)" is not exported by "(.*)"$/.exec(text) ?? [];
      return new EngineError('JOB_MODULE_EXPORT_MISSING', { place, specifier, name });
    }
    default:
      return new EngineError('JOB_BUNDLE_FAILED', { path: place, message: message.message });
  }
}

function unresolved(message: BundlerMessage, importer: string, text: string): EngineError {
  const specifier = message.exporter ?? /^Could not resolve '(.*)' in /.exec(text)?.[1] ?? '?';
  const name = /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
  const isFile = /^(?:\.|\/|file:)/.test(specifier);
  return new EngineError('JOB_MODULE_DEPENDENCY_MISSING', {
    importer,
    specifier,
    reason: isFile ? 'there is no such file' : `the package ${name} is not installed there`,
    advice: isFile
      ? 'Write the name of the file with its extension, e.g. "./orders.ts".'
      : `Install it beside the job: npm install ${name}`,
  });
}

function placeOf({ loc, id }: BundlerMessage): string | undefined {
  const file = loc?.file ?? id;
  if (file === undefined) return undefined;
  const url = fileUrl(file.replaceAll('\\', '/'));
  return loc === undefined ? url : `${url}:${loc.line}:${loc.column + 1}`;
}

/** Its first line, without the code; an excerpt of the source follows it. */
function headline({ message }: BundlerMessage): string {
  return message
    .split('\n', 1)[0]!
    .replace(/^\[\w+\] /, '')
    .replace(/\.$/, '');
}
