/**
 * JSON as Flink writes and reads it: NaN and infinities are texts, longs that JavaScript cannot
 * hold are digits. What comes in has a limited depth, so that nobody who goes through it runs out
 * of stack.
 */

const DEPTH_MAX = 64;

/** Bigints as whole numbers, NaN and infinities as texts; fields that are undefined left out. */
export function writeJson(value: unknown): string {
  switch (typeof value) {
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? String(value) : `"${value}"`;
    case 'string':
      return JSON.stringify(value);
    case 'object':
      if (value === null) return 'null';
      if (Array.isArray(value)) return `[${value.map(writeItem).join(',')}]`;
      return `{${Object.entries(value).flatMap(writeField).join(',')}}`;
    default:
      return typeof value === 'boolean' ? String(value) : 'null';
  }
}

function writeItem(item: unknown): string {
  return writeJson(item);
}

function writeField([key, value]: readonly [string, unknown]): string[] {
  return value === undefined ? [] : [`${JSON.stringify(key)}:${writeJson(value)}`];
}

/** @throws SyntaxError, also for what is nested too deeply; TypeError for what is no UTF-8. */
export function readJson(bytes: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  refuseDepth(text);
  return JSON.parse(text, withoutPrototype);
}

function refuseDepth(text: string): void {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at++) {
    const c = text[at]!;
    if (c === '"') inText = !inText;
    else if (inText) at += c === '\\' ? 1 : 0;
    else if (c === '[' || c === '{') depth += 1;
    else if (c === ']' || c === '}') depth -= 1;
    if (depth > DEPTH_MAX) throw new SyntaxError(`nested more than ${DEPTH_MAX} deep`);
  }
}

/** `__proto__` is a name like others to JSON.parse, but not to those who copy fields. */
function withoutPrototype(this: unknown, key: string, value: unknown): unknown {
  if (key === '__proto__') throw new SyntaxError('a field must not be called __proto__');
  return value;
}
