/** The machine as the operating system describes it; `node:os` is loaded by the first question. */
import type { Machine } from '../env.ts';

export function nodeMachine(): Machine {
  const os = (): typeof import('node:os') => process.getBuiltinModule('node:os');
  return {
    get hostName(): string {
      return os().hostname();
    },
    get cores(): number {
      return os().availableParallelism();
    },
    // Of a container where one limits it.
    get memoryBytes(): number {
      const limit = process.constrainedMemory();
      const total = os().totalmem();
      return limit > 0 && limit < total ? limit : total;
    },
    freeMemoryBytes: () => process.availableMemory(),
    residentBytes: () => process.memoryUsage.rss(),
  };
}
