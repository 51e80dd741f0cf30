/** Operations on a disk fail for a while, or it can be read and not written. */
import { pickFiles } from './pick-files.ts';
import { drawMicros, type FaultClass, type FaultOptions } from './fault.ts';

export function diskError(options: FaultOptions): FaultClass {
  return {
    name: 'disk-error',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const disk = pickFiles(world, options, (files) => files.failures === 0 && !files.readOnly);
      if (disk === undefined) return undefined;
      const { files } = disk;
      files.readOnly = world.random.chance(0.3);
      if (!files.readOnly) files.failures = world.random.pick([0.02, 0.2, 1]);
      return {
        what: files.readOnly ? `${disk.name} is read-only` : `${disk.name} by ${files.failures}`,
        micros: drawMicros(world.random, 50_000, 3_000_000),
        heal: () => {
          files.failures = 0;
          files.readOnly = false;
        },
      };
    },
  };
}
