/**
 * The beginning of every worker thread: makes the worker's own environment of what its owner gave
 * it, and runs its main function. A worker lives until `exit`, also while it only waits for a
 * word of shared memory, which Node does not count as a reason to live: its port is one.
 */
import { assert } from '../../base/assert.ts';
import type { WorkerMain } from '../env.ts';
import { fatal } from './fatal.ts';
import { sharedRegion } from './memory.ts';
import { nodeEnv } from './node-env.ts';
import type { NodeEnvData } from './node-env.ts';
import { NodePort } from './port.ts';
import type { PortMessage } from './port.ts';
import type { WorkerStart } from './workers.ts';

/**
 * Runs `main` in this worker; what it throws ends the worker as `failed`.
 * @example
 * // bin/slot-worker.ts, all of it
 * import { workerEntry } from '../src/env/node/worker-entry.ts';
 * import { slotWorkerMain } from '../src/taskexecutor/slot-worker.ts';
 * workerEntry(slotWorkerMain);
 */
export function workerEntry(main: WorkerMain): void {
  const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
  assert(parentPort !== null, 'workerEntry is called in a worker thread only');
  const start = workerData as WorkerStart;
  const port = new NodePort({
    postMessage: (message, transfer) => parentPort.postMessage(message, [...transfer]),
  });
  parentPort.on('message', (message: PortMessage) => port.deliver(message));
  parentPort.ref();
  const context = {
    env: nodeEnv(start.environment as NodeEnvData, { worker: start.name }),
    data: start.message.bytes,
    regions: start.message.regions.map(sharedRegion),
    port,
    exit: (): void => process.exit(0),
  };
  Promise.resolve(context).then(main).catch(fatal);
}
