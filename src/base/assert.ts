/**
 * Asserts for programmer errors. They stay on in production: going on with a broken invariant is
 * how records are lost or doubled. A failed assert fails the task (or the component), is never
 * handled, and its message cites the invariant by number ("R2: ...").
 */

/** Thrown by `assert`; recognised by name, never handled. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** @throws AssertionError when `condition` is false. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Marks a branch that the types rule out. @throws AssertionError always. */
export function unreachable(value: never, where: string): never {
  throw new AssertionError(`${where}: unexpected ${String(value)}`);
}
