/** All classes of faults, with the intervals that a short simulation wants. */
import { clockJump } from './clock-jump.ts';
import { connectionLoss } from './connection-loss.ts';
import { diskError } from './disk-error.ts';
import { diskFull } from './disk-full.ts';
import type { FaultClass } from './fault.ts';
import { fsyncError } from './fsync-error.ts';
import { hostCrash } from './host-crash.ts';
import { partition } from './partition.ts';
import { pause } from './pause.ts';
import { processKill } from './process-kill.ts';
import { slowDisk } from './slow-disk.ts';
import { workerKill } from './worker-kill.ts';

/** One of each; `everyMillis` is the interval of the most frequent ones. */
export function everyFault(everyMillis: number): readonly FaultClass[] {
  const often = { everyMillis };
  const seldom = { everyMillis: everyMillis * 4 };
  return [
    connectionLoss(often),
    workerKill(often),
    processKill(often),
    pause(seldom),
    partition(seldom),
    hostCrash(seldom),
    slowDisk(seldom),
    fsyncError(seldom),
    diskFull(seldom),
    diskError(seldom),
    clockJump(seldom),
  ];
}
