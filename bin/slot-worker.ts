// Entry of the thread of a task slot.
import { resolveEngineDirectly } from '../src/env/node/engine-resolution.ts';

resolveEngineDirectly(new URL('../', import.meta.url).href);
const { workerEntry } = await import('../src/env/node/worker-entry.ts');
const { slotWorker } = await import('../src/taskexecutor/slot/slot-worker.ts');
workerEntry(slotWorker);
// What a job imports, loaded while the job is still being built elsewhere.
await import('../src/index.ts');
