/**
 * The faults of a simulated cluster. Until there is high availability the loss of the master is the
 * loss of the job, so neither its process nor its host is killed; it is cut off, and stopped, as
 * all others are.
 */
import { clockJump } from '../faults/clock-jump.ts';
import { connectionLoss } from '../faults/connection-loss.ts';
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
  const isWorkerHost = (name: string): boolean => name.startsWith('worker-');
  return [
    connectionLoss(often),
    workerKill(often),
    processKill({ ...often, target: isTaskManager }),
    pause(seldom),
    partition(seldom),
    hostCrash({ ...seldom, target: isWorkerHost }),
    slowDisk(seldom),
    fsyncError(seldom),
    diskFull(seldom),
    clockJump(seldom),
  ];
}
