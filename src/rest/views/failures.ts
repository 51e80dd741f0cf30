/** What went wrong in a job, as Flink's list of exceptions. */
import { EngineError } from '../../base/errors.ts';
import type { ErrorData } from '../../base/errors.ts';
import type { FailureInfo } from '../../protocol/execution-graph-info.ts';
import { redactText } from '../../base/redact-text.ts';
import { integer, list, named, object, optional, record, text } from '../shape.ts';
import type { Shape } from '../shape.ts';

interface ExceptionInfo {
  readonly exceptionName: string;
  readonly stacktrace: string;
  readonly timestamp: number | bigint;
  readonly taskName?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly taskManagerId?: string | undefined;
  readonly failureLabels: Readonly<Record<string, string>>;
}

export interface RootExceptionInfo extends ExceptionInfo {
  readonly concurrentExceptions: readonly ExceptionInfo[];
}

const fields = {
  exceptionName: text,
  stacktrace: text,
  timestamp: integer,
  taskName: optional(text),
  endpoint: optional(text),
  taskManagerId: optional(text),
  failureLabels: record(text),
};

export const rootExceptionInfo: Shape<RootExceptionInfo> = named(
  'RootExceptionInfo',
  object({ ...fields, concurrentExceptions: list(object(fields)) }),
);

export function rootExceptionOf(failure: FailureInfo): RootExceptionInfo {
  return {
    ...exceptionOf(failure),
    concurrentExceptions: failure.concurrent.map((each) => exceptionOf(each)),
  };
}

/** Characters of all texts of an answer together, however many failures a job keeps. */
const TEXTS_MAX = 1024 * 1024;

/**
 * As many of the failures, newest first, as an answer may have: the first whole, then what fits.
 * `cut`: something was left out.
 */
export function withinLimit(
  failures: readonly RootExceptionInfo[],
  limit: number = TEXTS_MAX,
): { readonly entries: readonly RootExceptionInfo[]; readonly cut: boolean } {
  let left = limit;
  let cut = false;
  const fits = ({ stacktrace }: ExceptionInfo): boolean => {
    if (stacktrace.length > left) return false;
    left -= stacktrace.length;
    return true;
  };
  const entries: RootExceptionInfo[] = [];
  for (const failure of failures) {
    if (!fits(failure) && entries.length > 0) {
      cut = true;
      break;
    }
    const concurrentExceptions = failure.concurrentExceptions.filter((each) => fits(each));
    cut ||= concurrentExceptions.length < failure.concurrentExceptions.length;
    entries.push({ ...failure, concurrentExceptions });
  }
  return { entries, cut };
}

function exceptionOf(failure: FailureInfo): ExceptionInfo {
  const { error, timestamp, taskName, endpoint, taskManagerId } = failure;
  return {
    exceptionName: exceptionName(error),
    stacktrace: errorText(error),
    timestamp,
    ...{ taskName, endpoint, taskManagerId },
    failureLabels: {},
  };
}

export function exceptionName(error: ErrorData): string {
  return `millrace.${error.code}`;
}

/** Name, message, what to do, where it was, and the same of its causes. */
export function errorText(data: ErrorData): string {
  const parts: string[] = [];
  for (let at: ErrorData | undefined = data; at !== undefined; at = at.cause) {
    const error = EngineError.fromData(at);
    const fix = error.fix === undefined ? '' : ` ${error.fix}`;
    const head = `${exceptionName(at)}: ${error.message}${fix}`;
    parts.push([head, ...frames(at.stack)].join('\n'));
  }
  return redactText(`${parts.join('\nCaused by: ')}\n`);
}

/** The places of a stack, without the message above them, indented as in Java. */
function frames(stack: string | undefined): readonly string[] {
  const lines = (stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).map((line) => `\t${line}`);
}
