// Entry of the thread in which the user's code runs that a JobMaster needs.
import { workerEntry } from '../src/env/node/worker-entry.ts';
import { guardGlobals } from '../src/graph/build-guard.ts';
import { coordinatorWorker } from '../src/jobmaster/coordinator-worker.ts';

workerEntry(coordinatorWorker(guardGlobals(globalThis)));
