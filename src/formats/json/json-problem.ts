/**
 * Explains why a line is not a record: the slow walk that is only taken when it has been refused.
 */
import type { EngineError } from '../../base/errors.ts';
import { assert } from '../../base/assert.ts';
import { isEngineError } from '../../base/errors.ts';
import type { TextBuffer } from '../../base/text-buffer.ts';
import { ROOT_PATH } from '../../types/path.ts';
import type { LineProblem } from '../format.ts';
import { lineProblem } from '../line-problem.ts';
import type { Step } from './json-cursor.ts';
import { locateValue, syntaxMistake } from './json-cursor.ts';

/** `thrown` is what the reader threw at `text`, which is the line `bytes[start, end)`. */
export function jsonProblem(
  bytes: TextBuffer,
  start: number,
  text: string,
  thrown: unknown,
): LineProblem {
  if (isEngineError(thrown, 'DATA_MALFORMED')) return misfit(bytes, start, text, thrown);
  if (!(thrown instanceof SyntaxError)) throw thrown;
  const mistake = syntaxMistake(text);
  assert(mistake !== undefined, 'what JSON.parse refuses has a mistake');
  return lineProblem(bytes, start, {
    offset: Buffer.byteLength(text.slice(0, mistake.at), 'utf8'),
    field: mistake.field,
    reason: mistake.reason,
    fix: syntaxFix(text),
  });
}

function syntaxFix(text: string): string {
  if (text.startsWith('\ufeff')) return 'Remove the byte order mark at the start of the line.';
  if (/^\s*\[\s*(?:\{.*,?)?\s*$/.test(text)) {
    return 'Write one JSON object a line, not one array over several lines.';
  }
  return 'Each line must be one complete JSON value; correct the line.';
}

function misfit(bytes: TextBuffer, start: number, text: string, error: EngineError): LineProblem {
  const path = String(error.parameters['field']);
  const reason = String(error.parameters['reason']);
  const steps = stepsOf(path);
  return lineProblem(bytes, start, {
    offset: Buffer.byteLength(text.slice(0, placeOf(text, steps)), 'utf8'),
    field: path === ROOT_PATH ? undefined : path.slice(ROOT_PATH.length).replace(/^\./, ''),
    reason,
    fix: misfitFix(reason),
  });
}

/** Where the value is; for a missing one, where the object is that should have it. */
function placeOf(text: string, steps: readonly Step[]): number {
  for (let depth = steps.length; depth >= 0; depth--) {
    const span = locateValue(text, steps.slice(0, depth));
    if (span !== undefined) return span.start;
  }
  return 0;
}

/** The steps of a path like `record.items[2]["a b"]`. */
function stepsOf(path: string): Step[] {
  const steps: Step[] = [];
  const pattern = /\.([A-Za-z_$][\w$]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  pattern.lastIndex = ROOT_PATH.length;
  for (let match = pattern.exec(path); match !== null; match = pattern.exec(path)) {
    const [, name, index, quoted] = match;
    steps.push(name ?? (index === undefined ? (JSON.parse(quoted!) as string) : Number(index)));
  }
  return steps;
}

function misfitFix(reason: string): string {
  if (reason === 'it is missing') {
    return 'If the field may be missing, declare it as t.optional(...).';
  }
  if (reason.startsWith('it is null')) {
    return 'If the field may be null, declare it as t.nullable(...).';
  }
  if (/^it is the text .*, not .*(?:number|int|float)/.test(reason)) {
    return 'Write the number without quotes, or declare the field as t.string.';
  }
  return 'Correct the line, or declare the field as what it is.';
}
