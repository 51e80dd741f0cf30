// Entry of the thread in which the user's code runs that a JobMaster needs.
import { resolveEngineDirectly } from '../src/env/node/engine-resolution.ts';

resolveEngineDirectly(new URL('../', import.meta.url).href);
const { workerEntry } = await import('../src/env/node/worker-entry.ts');
const { guardGlobals } = await import('../src/graph/build-guard.ts');
const { coordinatorWorker } = await import('../src/jobmaster/coordinator-worker.ts');
workerEntry(coordinatorWorker(guardGlobals(globalThis)));
// What a job imports, loaded while the job is still on its way.
await import('../src/index.ts');
