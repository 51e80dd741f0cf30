/**
 * The one error of the engine. Every code stands in the table of `error-table.ts` with its message,
 * domain and retry advice; an error crosses threads and wires as data and is recognised by brand
 * and code, never by `instanceof`, because two copies of the package can meet in one process.
 *
 * G1. However long what was thrown is, an error as data is small: its texts are cut, its causes
 *     counted.
 * G2. An error as data is the same whenever it happens: its stack has no frames of Node itself.
 */
import { cutMiddle, cutText } from './cut-text.ts';
import type { ErrorCode } from './error-code.ts';
import { ERROR_TABLE } from './error-table.ts';

export type { ErrorCode };
/** Whose fault: the user's program or input, a system outside, or the engine itself. */
export type ErrorDomain = 'user' | 'external' | 'internal';
/** What a failover strategy may do with it. */
export type RetryAdvice = 'never' | 'now' | 'backoff';

/**
 * A row of the error table. `{name}` in `message` and `fix` is replaced by the parameter of that
 * name.
 */
export interface ErrorEntry {
  readonly domain: ErrorDomain;
  readonly retry: RetryAdvice;
  readonly message: string;
  /** What to do about it, as one sentence; shown after the message. */
  readonly fix?: string;
}

/** Where it happened; added once, on the way up, by whoever knows. */
export interface ErrorScope {
  readonly job?: string | undefined;
  readonly vertex?: string | undefined;
  readonly subtask?: number | undefined;
  readonly operator?: string | undefined;
  /** Where the record came from, e.g. `flights.jsonl:812` or `offset 8123`. */
  readonly record?: string | undefined;
  /** Where the operator stands in the user's program, as `path:line:column`. */
  readonly declaredAt?: string | undefined;
}

export type ErrorParameters = Readonly<Record<string, string | number | boolean | undefined>>;

/** An error as plain data, for threads and wires. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly parameters: ErrorParameters;
  readonly scope: ErrorScope;
  /**
   * The stack of the user's code (or of ours for internal errors), source-mapped where it was
   * thrown.
   */
  readonly stack: string | undefined;
  readonly cause: ErrorData | undefined;
}

/** G1: characters of a parameter, of a stack, and of an error with its causes. */
const PARAMETER_MAX = 16 * 1024;
const STACK_MAX = 32 * 1024;
const DATA_MAX = 128 * 1024;
/** A cause for which less is left is left out. */
const DATA_MIN = 1024;
const CAUSES_MAX = 16;

const brand = Symbol.for('millrace.EngineError');

export interface ErrorOptions {
  readonly cause?: unknown;
  readonly scope?: ErrorScope | undefined;
}

/**
 * @example
 * throw new EngineError('CONNECTOR_FILE_NOT_FOUND', { path: 'flights.jsonl' });
 */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly code: ErrorCode;
  readonly parameters: ErrorParameters;
  readonly domain: ErrorDomain;
  readonly retry: RetryAdvice;
  readonly fix: string | undefined;
  readonly scope: ErrorScope;

  constructor(code: ErrorCode, given: ErrorParameters = {}, options: ErrorOptions = {}) {
    const parameters = cutTexts(given, PARAMETER_MAX);
    const entry: ErrorEntry = ERROR_TABLE[code];
    super(
      fill(entry.message, parameters),
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    Object.defineProperty(this, brand, { value: true });
    this.code = code;
    this.parameters = parameters;
    this.domain = entry.domain;
    this.retry = entry.retry;
    this.fix = entry.fix === undefined ? undefined : fill(entry.fix, parameters);
    this.scope = options.scope ?? {};
  }

  /** The same error with the parts of `scope` that it does not know yet. */
  within(scope: ErrorScope): EngineError {
    const inner: ErrorScope = this.scope;
    const merged = { ...scope, ...definedOnly(inner) };
    const error = new EngineError(this.code, this.parameters, { cause: this.cause, scope: merged });
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }

  /** G1. */
  toData(): ErrorData {
    const causes: EngineError[] = [];
    let next: unknown = this.cause;
    while (next !== undefined && causes.length < CAUSES_MAX) {
      const cause = toEngineError(next);
      causes.push(cause);
      next = cause.cause;
    }
    let data: ErrorData | undefined;
    for (const cause of causes.reverse()) data = dataOf(cause, data);
    return cutErrorData(dataOf(this, data), DATA_MAX);
  }

  static fromData(data: ErrorData): EngineError {
    const known = Object.hasOwn(ERROR_TABLE, data.code);
    const error = known
      ? new EngineError(data.code, data.parameters, {
          scope: data.scope,
          ...(data.cause === undefined ? {} : { cause: EngineError.fromData(data.cause) }),
        })
      : new EngineError('INTERNAL', { message: `unknown error code ${String(data.code)}` });
    if (data.stack !== undefined) error.stack = data.stack;
    return error;
  }
}

/** True for an EngineError of any copy of this package, optionally of one code. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  return (
    typeof error === 'object' &&
    error !== null &&
    (error as Readonly<Record<symbol, unknown>>)[brand] === true &&
    (code === undefined || (error as EngineError).code === code)
  );
}

/**
 * Wraps whatever was thrown by engine code; an EngineError stays itself, anything else is INTERNAL.
 */
export function toEngineError(thrown: unknown): EngineError {
  if (isEngineError(thrown)) return thrown;
  const error = new EngineError('INTERNAL', { message: messageOf(thrown) }, { cause: undefined });
  if (thrown instanceof Error && thrown.stack !== undefined) {
    error.stack = cutMiddle(thrown.stack, STACK_MAX);
  }
  return error;
}

/** The same error in at most about `limit` characters; the causes get what is left. */
export function cutErrorData(data: ErrorData, limit: number): ErrorData {
  const part = (most: number, of: number): number => Math.min(most, Math.floor(limit / of));
  const parameters = cutTexts(data.parameters, part(PARAMETER_MAX, 4));
  const scope = cutTexts({ ...data.scope }, part(PARAMETER_MAX, 8)) as ErrorScope;
  const stack = data.stack && cutMiddle(data.stack, part(STACK_MAX, 2));
  const left = limit - lengthOf(parameters) - lengthOf({ ...scope }) - (stack?.length ?? 0);
  const cause =
    data.cause === undefined || left < DATA_MIN ? undefined : cutErrorData(data.cause, left);
  return { code: data.code, parameters, scope, stack, cause };
}

function dataOf(error: EngineError, cause: ErrorData | undefined): ErrorData {
  const { code, parameters, scope } = error;
  return { code, parameters, scope, stack: error.stack && withoutNode(error.stack), cause };
}

/**
 * G2: which frames of Node itself are in a stack depends on what its event loop was just doing:
 * they say nothing, and a simulation would not be the same twice.
 */
function withoutNode(stack: string): string {
  return stack.replace(/\n\s+at [^\n]*\bnode:internal\/[^\n]*/g, '');
}

/** The texts among `values`, cut. */
function cutTexts(values: ErrorParameters, limit: number): ErrorParameters {
  const isLong = (value: unknown): boolean => typeof value === 'string' && value.length > limit;
  if (!Object.values(values).some(isLong)) return values;
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      typeof value === 'string' ? cutText(value, limit) : value,
    ]),
  );
}

function lengthOf(values: ErrorParameters): number {
  return Object.values(values).reduce<number>((sum, value) => sum + String(value).length, 0);
}

/** A sentence for anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  if (typeof thrown === 'string') return thrown;
  try {
    return JSON.stringify(thrown) ?? String(thrown);
  } catch {
    return Object.prototype.toString.call(thrown);
  }
}

function fill(template: string, parameters: ErrorParameters): string {
  return template.replace(/\{(\w+)\}(\.(?!\S))?/g, (_whole, name: string, stop: string = '') => {
    const text = String(parameters[name] ?? '?');
    // A reason may be a sentence of its own.
    return text.endsWith('.') ? text : text + stop;
  });
}

function definedOnly(scope: ErrorScope): ErrorScope {
  return Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined));
}
