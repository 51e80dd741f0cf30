/** Which core executes jobs, in both systems, and where everything else runs. */
import { availableParallelism } from 'node:os';

const CORES = availableParallelism();

/** The last one. */
export const WORKER_CORE = String(CORES - 1);
/** The same where there is only one. */
export const OTHER_CORES: string = CORES === 1 ? '0' : `0-${CORES - 2}`;
/** Where what needs more than one core is measured. */
export const ALL_CORES = `0-${CORES - 1}`;
