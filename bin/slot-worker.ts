// Entry of the thread of a task slot.
import { workerEntry } from '../src/env/node/worker-entry.ts';
import { slotWorker } from '../src/taskexecutor/slot/slot-worker.ts';

workerEntry(slotWorker);
