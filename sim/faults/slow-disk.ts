/** The disk of a host gets slow, ten to three thousand times. */
import { pickFiles } from './pick-files.ts';
import { drawMicros, type FaultClass, type FaultOptions } from './fault.ts';

export function slowDisk(options: FaultOptions): FaultClass {
  return {
    name: 'slow-disk',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const disk = pickFiles(world, options, (files) => files.slowness === 1);
      if (disk === undefined) return undefined;
      const { files } = disk;
      files.slowness = drawMicros(world.random, 10, 3000);
      return {
        what: `${disk.name} ${files.slowness} times slower`,
        micros: drawMicros(world.random, 100_000, 20_000_000),
        heal: () => {
          files.slowness = 1;
        },
      };
    },
  };
}
