/**
 * What becomes of an error in a callback that a promise happens to carry: it ends the thread, as
 * one in a timer's callback does, and is not left to whatever listens for rejections.
 */

/** Throws outside of every promise. @example promise.then(callback).catch(fatal) */
export function fatal(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}
