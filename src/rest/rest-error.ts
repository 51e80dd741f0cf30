/**
 * Answers that are no success, in Flink's words: its own clients print them, and scripts look for
 * them. The names of Flink's exceptions stand before the messages as they do there; stacks are left
 * out.
 */
import { messageOf, toEngineError } from '../base/errors.ts';
import type { EngineError, ErrorData } from '../base/errors.ts';

const HANDLER = 'org.apache.flink.runtime.rest.handler.RestHandlerException';
const NOT_FOUND = 'org.apache.flink.runtime.rest.NotFoundException';

export class RestError extends Error {
  override readonly name = 'RestError';
  readonly status: number;
  readonly errors: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  /** An error of the engine in all its parts, for clients of our own. */
  readonly error: ErrorData | undefined;

  constructor(
    status: number,
    errors: readonly string[],
    more: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly error?: ErrorData | undefined;
    } = {},
  ) {
    super(errors.join(' '));
    this.status = status;
    this.errors = errors;
    this.headers = more.headers ?? {};
    this.error = more.error;
  }
}

/** What Flink's handlers refuse on purpose. */
export function handlerError(status: number, message: string): RestError {
  return new RestError(status, [`${HANDLER}: ${message}`]);
}

export function notFound(message: string): RestError {
  return new RestError(404, [`${NOT_FOUND}: ${message}`]);
}

export function jobNotFound(jobId: string): RestError {
  return notFound(`Job ${jobId} not found`);
}

export function badParameter(kind: 'path' | 'query', name: string, value: string): RestError {
  const what = `Cannot resolve ${kind} parameter (${name}) from value "${value}".`;
  return handlerError(400, `Bad request, could not parse parameters: ${what}`);
}

/** @param format the name of the class into which Flink reads the body */
export function badBody(format: string, problem: string): RestError {
  return new RestError(400, [
    `${HANDLER}: Request did not match expected format ${format}.`,
    problem,
  ]);
}

/** What Flink did not expect: an exception of `type` somewhere in the cluster. */
export function serverError(type: string, message: string, error?: ErrorData): RestError {
  return new RestError(
    500,
    [
      'Internal server error.',
      `<Exception on server side:\n${type}: ${message}\nEnd of exception on server side>`,
    ],
    { error },
  );
}

/** Whatever a handler threw. */
export function toRestError(thrown: unknown): RestError {
  if (thrown instanceof RestError) return thrown;
  const error = toEngineError(thrown);
  switch (error.code) {
    case 'HTTP_BODY_TOO_LARGE':
      return handlerError(413, error.message);
    case 'HTTP_BODY_MALFORMED':
    case 'HTTP_ABORTED':
      return handlerError(400, error.message);
    case 'RPC_UNREACHABLE':
    case 'RPC_FENCED':
    case 'RPC_ENDPOINT_CLOSED':
      return new RestError(
        503,
        ['Service temporarily unavailable due to an ongoing leader election. Please refresh.'],
        { headers: { 'retry-after': '1' }, error: error.toData() },
      );
    case 'RPC_TIMEOUT':
      return new RestError(504, [`${HANDLER}: ${error.message}`], { error: error.toData() });
    default:
      return engineError(error);
  }
}

/** What the user can put right is a bad request; everything else is a fault of ours. */
function engineError(error: EngineError): RestError {
  const message = fullMessage(error);
  if (error.domain !== 'user')
    return serverError(`millrace.${error.code}`, message, error.toData());
  return new RestError(400, [`${HANDLER}: ${message}`], { error: error.toData() });
}

/** With what to do about it. */
export function fullMessage(error: EngineError): string {
  const said = error.fix === undefined ? error.message : `${error.message} ${error.fix}`;
  if (error.cause === undefined) return said;
  return `${said}\nCaused by: ${messageOf(error.cause)}`;
}
