/**
 * Syncs of files on a disk fail for a while, and what they should have made durable never becomes
 * so.
 */
import { pickFiles } from './pick-files.ts';
import { drawMicros, type FaultClass, type FaultOptions } from './fault.ts';

export function fsyncError(options: FaultOptions): FaultClass {
  return {
    name: 'fsync-error',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const disk = pickFiles(world, options, (files) => files.syncFailures === 0);
      if (disk === undefined) return undefined;
      const { files } = disk;
      files.syncFailures = world.random.pick([0.1, 0.5, 1]);
      return {
        what: `${disk.name} with probability ${files.syncFailures}`,
        micros: drawMicros(world.random, 50_000, 5_000_000),
        heal: () => {
          files.syncFailures = 0;
        },
      };
    },
  };
}
