/** For tests only: a promise on purpose without a handler, whose rejection fails its process. */
export function unattended(_promise: Promise<unknown>): void {}
