/** A disk has hardly any room for a while. */
import { pickFiles } from './pick-files.ts';
import { drawMicros, type FaultClass, type FaultOptions } from './fault.ts';

export function diskFull(options: FaultOptions): FaultClass {
  return {
    name: 'disk-full',
    everyMillis: options.everyMillis,
    strike: (world) => {
      const disk = pickFiles(world, options, (files) => files.room === Infinity);
      if (disk === undefined) return undefined;
      const { files } = disk;
      files.room = world.random.chance(0.5) ? 0 : world.random.below(100_000);
      return {
        what: `${disk.name} has ${files.room} bytes left`,
        micros: drawMicros(world.random, 100_000, 10_000_000),
        heal: () => {
          files.room = Infinity;
        },
      };
    },
  };
}
