/**
 * Every error the engine can report: code -> message, domain, retry advice and fix. The failover
 * strategy reads only domain and retry; users see message and fix. Codes are stable: they are
 * never renamed or reused. Keep the groups together and alphabetical.
 */
import type { ErrorEntry } from './errors.ts';

function user(message: string, fix?: string): ErrorEntry {
  return { domain: 'user', retry: 'never', message, ...(fix === undefined ? {} : { fix }) };
}

function external(message: string, fix?: string): ErrorEntry {
  return { domain: 'external', retry: 'backoff', message, ...(fix === undefined ? {} : { fix }) };
}

function internal(message: string, retry: ErrorEntry['retry'] = 'backoff'): ErrorEntry {
  return { domain: 'internal', retry, message };
}

export const ERROR_TABLE = {
  // Configuration
  CONFIG_INVALID_ASSIGNMENT: user('"{text}" does not set an option.', 'Write key=value, e.g. -D parallelism.default=2.'),
  CONFIG_INVALID_DURATION: user('{value} is not a duration.', 'Use a finite number, e.g. seconds(5).'),
  CONFIG_INVALID_PARAMETER: user(
    'The parameter "{name}" of job "{job}" cannot be {value}: it must be {expected}.',
    'Give it as --param {name}=VALUE.',
  ),
  CONFIG_INVALID_VALUE: user('The option {key} cannot be {value}.', 'It must be {expected}.'),
  CONFIG_MISSING_PARAMETER: user(
    'The job "{job}" needs {names}, which got no value.',
    'Add --param {first}=VALUE.',
  ),
  CONFIG_UNKNOWN_OPTION: user('There is no option {key}.{suggestion}'),
  CONFIG_UNKNOWN_PARAMETER: user('The job "{job}" has no parameter "{name}".{suggestion}', 'It has {known}.'),
  CONFIG_UNSUPPORTED_OPTION: user('{key} is an option of Flink that Millrace does not have.{reason}', 'Leave it out.'),

  // Data
  DATA_CORRUPT: {
    domain: 'external',
    retry: 'backoff',
    message: 'The bytes of {what} are damaged: {reason}.',
    fix: 'If it comes back, look at the disk or network it came from, and restore an older snapshot.',
  },
  DATA_INVALID_KEY: user(
    'A value cannot be a key: {reason}.',
    'Use a string, number, bigint or boolean, or a tuple of them, e.g. keyBy((o) => [o.user, o.day]).',
  ),
  DATA_INVALID_TIMESTAMP: user(
    '{value} is not a timestamp.',
    'A timestamp is a whole number of milliseconds since 1970, a Date or a Temporal.Instant.',
  ),
  DATA_MALFORMED: user(
    'The input does not fit the schema at {field}: {reason}.',
    'Correct the input or the schema, or set onError on the source.',
  ),
  DATA_NOT_SERIALIZABLE: user(
    'A value at {field} of the edge after "{operator}" cannot be sent to another task: {reason}.',
    'Emit plain data, or declare the stream\'s schema with .returns(schema).',
  ),

  // The module that holds the job
  JOB_MODULE_DEPENDENCY_MISSING: user(
    '{importer} imports "{specifier}", which cannot be found: {reason}.',
    '{advice}',
  ),
  JOB_MODULE_EXPORT_MISSING: user(
    '{place}: "{specifier}" has no export named "{name}".',
    'If it is a type, import it with `import type`.',
  ),
  JOB_MODULE_FAILED: user('{path} threw while it was imported: {message}'),
  JOB_MODULE_NOT_FOUND: user('There is no job module at {path}.', 'Check the path: it must be a file.'),
  JOB_MODULE_SYNTAX: user('{place}: {message}.'),
  JOB_MODULE_UNSUPPORTED: user('{path} cannot be imported: {message}.', 'A job is a .ts, .mts, .js or .mjs file.'),
  JOB_MODULE_UNSUPPORTED_TYPESCRIPT: user(
    '{place}: {message}.',
    'Types are taken away, not compiled: use a union of literals for an enum, plain fields for parameter ' +
      'properties, a module for a namespace; or compile the job and run the JavaScript.',
  ),

  // Input and output of this machine
  IO_ACCESS_DENIED: external('No permission to {operation} {path}.', 'Check the owner and mode of the file.'),
  IO_EXISTS: external('{path} exists already.'),
  IO_FAILED: external('Could not {operation} {path}: {reason}.'),
  IO_NOT_FOUND: external('{path} does not exist.'),
  IO_NO_SPACE: external('No space left on the disk to {operation} {path}.', 'Free some space, or use another folder.'),
  NETWORK_FAILED: external('Could not {operation} {address}: {reason}.'),
  PROCESS_START_FAILED: external('Could not start a {role} process: {reason}.'),

  // User code
  USER_CODE_ASYNC: user(
    'The {role} function of "{operator}" returned a promise, but it is called synchronously.',
    'Use asyncMap(...) for work that must wait.',
  ),
  USER_CODE_FAILED: user('The {role} function of "{operator}" threw: {message}'),
  USER_CODE_MUTATION: user(
    'A function changed a record at {field} after "{operator}" had emitted it.',
    'Records are shared between functions: copy before changing, e.g. { ...record, total: 1 }.',
  ),

  // The engine itself
  INTERNAL: internal('Internal error: {message}'),
} as const satisfies Readonly<Record<string, ErrorEntry>>;
