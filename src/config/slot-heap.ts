/** The heap of a slot where nothing is configured, and V8's limits of the threads of a job. */

export const DEFAULT_SLOT_HEAP_BYTES: number = 1024 ** 3;

/** V8's limit of the thread that builds a job and runs its split enumerators. */
export const COORDINATOR_HEAP_MEGABYTES = 1024;

/**
 * V8's limit, as a multiple of what a slot may use: a slot over its budget fails before V8 ends it.
 */
const HEAP_LIMIT_FACTOR = 3;

export function heapLimitMegabytes(heapBudgetBytes: number): number {
  return Math.ceil((heapBudgetBytes * HEAP_LIMIT_FACTOR) / 2 ** 20);
}
