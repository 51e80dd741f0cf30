/**
 * The beginning of every worker thread: makes the worker's own environment of what its owner gave
 * it, and runs its main function. A worker lives until `exit`, also while it only waits for a
 * word of shared memory, which Node does not count as a reason to live: its port is one.
 */
import { assert } from '../../base/assert.ts';
import type { TakeOutput, WorkerMain } from '../env.ts';
import { fatal } from './fatal.ts';
import { sharedRegion } from './memory.ts';
import { nodeEnv } from './node-env.ts';
import type { NodeEnvData } from './node-env.ts';
import { NodePort } from './port.ts';
import type { PortMessage } from './port.ts';
import type { WorkerStart } from './workers.ts';

type WriteCallback = (error?: Error | null) => void;

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
    takeOutput,
    exit: (): void => process.exit(0),
  };
  Promise.resolve(context).then(main).catch(fatal);
}

/** Of texts that come in pieces no character is lost. */
function takeOutput(take: TakeOutput): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const decoder = new TextDecoder();
    const write = (
      chunk: string | Uint8Array,
      encoding?: BufferEncoding | WriteCallback,
      callback?: WriteCallback,
    ): boolean => {
      const text = typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
      if (text !== '') take(name, text);
      const done = typeof encoding === 'function' ? encoding : callback;
      if (done !== undefined) process.nextTick(done);
      return true;
    };
    process[name].write = write;
  }
}
