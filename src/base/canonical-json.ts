/**
 * JSON with the names of every object in order, so that equal values give equal texts; for hashes
 * and comparisons.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    const names = Object.keys(part).sort();
    return Object.fromEntries(names.map((name) => [name, (part as Record<string, unknown>)[name]]));
  });
}
