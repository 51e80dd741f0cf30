/** The heap of a slot where nothing is configured, and V8's limits of the threads of a job. */

export const DEFAULT_SLOT_HEAP_BYTES: number = 1024 ** 3;

/** V8's limit of the thread that builds a job and runs its split enumerators. */
export const COORDINATOR_HEAP_MEGABYTES = 1024;

/**
 * V8's limit, as a multiple of what a slot may use: a slot over its budget fails before V8 ends it,
 * and perhaps the whole process. At least a second's worth of allocation lies between the two.
 */
const HEAP_LIMIT_FACTOR = 3;
const HEAP_LIMIT_ABOVE_BYTES = 2 ** 30;

export function heapLimitMegabytes(heapBudgetBytes: number): number {
  const limit = Math.max(
    heapBudgetBytes * HEAP_LIMIT_FACTOR,
    heapBudgetBytes + HEAP_LIMIT_ABOVE_BYTES,
  );
  return Math.ceil(limit / 2 ** 20);
}
