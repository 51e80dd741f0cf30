/** Where two values differ first, for messages about values that do not come back as they went. */
import { sameBytes } from './dynamic-codec.ts';
import { fieldPath, itemPath, ROOT_PATH } from './path.ts';

/**
 * The path of the first part in which the two differ, e.g. `record.items[2].price`; the path of the
 * whole if no part shows it. Both may be any values; at most `DEPTH_MAX` levels are looked at.
 */
export function firstDifference(left: unknown, right: unknown): string {
  return differenceAt(left, right, ROOT_PATH, 0) ?? ROOT_PATH;
}

const DEPTH_MAX = 200;

function differenceAt(
  left: unknown,
  right: unknown,
  path: string,
  depth: number,
): string | undefined {
  if (Object.is(left, right) || depth > DEPTH_MAX) return undefined;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) {
    return path;
  }
  if (left instanceof Uint8Array) return sameBytes(left, right) ? undefined : path;
  if (left instanceof Date && right instanceof Date) {
    return Object.is(left.getTime(), right.getTime()) ? undefined : path;
  }
  if (left instanceof Map && right instanceof Map) {
    return entriesDifference([...left], [...right], `${path}.entries()`, depth);
  }
  if (left instanceof Set && right instanceof Set) {
    return entriesDifference([...left], [...right], `${path}.values()`, depth);
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return entriesDifference(left, right, path, depth);
  }
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return path;
  return fieldsDifference(left as Plain, right as Plain, path, depth);
}

type Plain = Readonly<Record<string, unknown>>;

function entriesDifference(
  left: readonly unknown[],
  right: readonly unknown[],
  path: string,
  depth: number,
): string | undefined {
  const length = Math.max(left.length, right.length);
  for (let i = 0; i < length; i++) {
    if (i in left !== i in right) return itemPath(path, i);
    const found = differenceAt(left[i], right[i], itemPath(path, i), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fieldsDifference(
  left: Plain,
  right: Plain,
  path: string,
  depth: number,
): string | undefined {
  for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
    // A missing field and an undefined one are the same to a schema.
    const found = differenceAt(left[name], right[name], fieldPath(path, name), depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}
