/**
 * The faults of a simulated cluster. Its master keeps the job on a disk, so that its process and
 * host are lost like all others; what they lose is never the job.
 */
import { clockJump } from '../faults/clock-jump.ts';
import { connectionLoss } from '../faults/connection-loss.ts';
import { diskError } from '../faults/disk-error.ts';
import { diskFull } from '../faults/disk-full.ts';
import type { FaultClass } from '../faults/fault.ts';
import { fsyncError } from '../faults/fsync-error.ts';
import { hostCrash } from '../faults/host-crash.ts';
import { partition } from '../faults/partition.ts';
import { pause } from '../faults/pause.ts';
import { processKill } from '../faults/process-kill.ts';
import { slowDisk } from '../faults/slow-disk.ts';
import { workerKill } from '../faults/worker-kill.ts';

export function clusterFaults(): readonly FaultClass[] {
  const often = { everyMillis: 4_000 };
  const seldom = { everyMillis: 10_000 };
  const isTaskManager = (name: string): boolean => name === 'taskmanager';
  const isJobManager = (name: string): boolean => name === 'jobmanager';
  const isHostOfCluster = (name: string): boolean => /^(?:worker-|master$)/.test(name);
  return [
    connectionLoss(often),
    workerKill(often),
    processKill({ ...often, target: isTaskManager }),
    { ...processKill({ ...seldom, target: isJobManager }), name: 'jobmanager-kill' },
    pause(seldom),
    partition(seldom),
    hostCrash({ ...seldom, target: isHostOfCluster }),
    slowDisk(seldom),
    fsyncError(seldom),
    diskFull(seldom),
    diskError(seldom),
    clockJump(seldom),
  ];
}
