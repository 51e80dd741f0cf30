// Finds the bodies of functions by their braces in blanked code: enough to measure their length.
import type { SourceText } from './source-text.ts';

export interface FunctionSpan {
  readonly name: string;
  readonly offset: number;
  readonly lines: number;
}

const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);
const PAIRS: Readonly<Record<string, string>> = { '(': ')', '{': '}', '[': ']' };

export function functionSpans(file: SourceText): FunctionSpan[] {
  const { code } = file;
  const ends = matchingEnds(code);
  const spans: FunctionSpan[] = [];
  for (const match of code.matchAll(/\(/g)) {
    const close = ends.get(match.index);
    const name =
      /([\w$#]+)?(?:<[^()]*>)?\s*$/.exec(
        code.slice(Math.max(0, match.index - 200), match.index),
      )?.[1] ?? '';
    if (close === undefined || CONTROL.has(name)) continue;
    const body = bodyAfter(code, close + 1, ends);
    const end = body === undefined ? undefined : ends.get(body);
    if (end === undefined) continue;
    const label = name === '' || name === 'function' ? 'a function' : name;
    const lines = code.slice(match.index, end).split('\n').length;
    spans.push({ name: label, offset: match.index, lines });
  }
  return spans;
}

/** Where the body begins behind a parameter list and perhaps a return type, if it is one at all. */
function bodyAfter(
  code: string,
  from: number,
  ends: ReadonlyMap<number, number>,
): number | undefined {
  let last = '';
  for (let at = from; at < code.length; at++) {
    const c = code[at]!;
    if (/\s/.test(c)) continue;
    if (c === '{' && (last === '' || last === '=>' || !/[:|&<,(=]$/.test(last))) return at;
    if (last === '' && c !== ':' && !code.startsWith('=>', at)) return undefined;
    if (last === '=>' || /[;,)\]}]/.test(c)) return undefined;
    const end = ends.get(at);
    if (end !== undefined) at = end;
    if (code.startsWith('=>', at)) at++;
    last = code[at] === '>' && code[at - 1] === '=' ? '=>' : code[at]!;
  }
  return undefined;
}

function matchingEnds(code: string): Map<number, number> {
  const ends = new Map<number, number>();
  const open: { readonly at: number; readonly close: string }[] = [];
  for (let at = 0; at < code.length; at++) {
    const close = PAIRS[code[at]!];
    if (close !== undefined) open.push({ at, close });
    else if (code[at] === open.at(-1)?.close) ends.set(open.pop()!.at, at);
  }
  return ends;
}
