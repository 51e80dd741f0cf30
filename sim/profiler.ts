/** The profiler in a simulation: time is virtual, so there are no samples. */
import type { Profiler } from '../src/env/env.ts';

const EMPTY = { nodes: [], startTime: 0, endTime: 0, samples: [], timeDeltas: [] };

export const simProfiler: Profiler = {
  start: async () => ({ stop: async () => JSON.stringify(EMPTY) }),
  startHeap: async () => ({ stop: async () => JSON.stringify(EMPTY) }),
};
