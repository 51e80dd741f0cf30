/**
 * A turn of the real event loop, after which all promises that could settle without anything from
 * outside have done so.
 */

/** Taken when this is loaded: a test that puts its own in the global's place waits all the same. */
const later = setImmediate;

export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => {
    later(resolve);
  });
}
