/**
 * A record as people read it: texts as they are, everything inside others close to how it is
 * written in a program.
 */
export function formatValue(value: unknown): string {
  return typeof value === 'string' ? value : formatInner(value, 0);
}

const DEPTH_MAX = 32;

function formatInner(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return '[function]';
  if (typeof value !== 'object' || value === null)
    return Object.is(value, -0) ? '-0' : String(value);
  if (depth === DEPTH_MAX) return '...';
  const inner = (part: unknown): string => formatInner(part, depth + 1);
  if (value instanceof Uint8Array) return `bytes(${hex(value)})`;
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (Array.isArray(value)) return `[${value.map(inner).join(', ')}]`;
  if (value instanceof Map) {
    return `Map(${[...value].map(([key, part]) => `${inner(key)} => ${inner(part)}`).join(', ')})`;
  }
  if (value instanceof Set) return `Set(${[...value].map(inner).join(', ')})`;
  const parts = Object.entries(value).map(([name, part]) => `${fieldName(name)}: ${inner(part)}`);
  return parts.length === 0 ? '{}' : `{ ${parts.join(', ')} }`;
}

function fieldName(name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : JSON.stringify(name);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
