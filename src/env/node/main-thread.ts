/** Whether this is the thread in which the process began, and no worker. */
export function isMainThread(): boolean {
  return process.getBuiltinModule('node:worker_threads').isMainThread;
}
