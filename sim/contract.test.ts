/**
 * The simulated environment keeps the contracts of the seam, under many seeds and so many worlds.
 */
import { clockContract } from '../src/env/contract/clock-contract.ts';
import { compressionContract } from '../src/env/contract/compression-contract.ts';
import { diskContract } from '../src/env/contract/disk-contract.ts';
import { memoryContract } from '../src/env/contract/memory-contract.ts';
import { networkContract } from '../src/env/contract/network-contract.ts';
import { hours } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { fileSystemContract } from '../src/storage/file-system-contract.ts';
import { LocalFileSystem } from '../src/storage/local-file-system.ts';
import { simulation } from './simulation.ts';

interface SimRig extends AsyncDisposable {
  run(body: () => Promise<void>): Promise<void>;
}

/** A rig whose parts come to life when the body runs, in a simulated process. */
function rig<P extends object>(seed: number, parts: (env: Env) => P): P & SimRig {
  const world = simulation({ seed, buggify: false });
  const made: SimRig = {
    run: (body) =>
      world.runProcess(
        world.host('host'),
        async (env) => {
          await env.disk.makeDirectory('/folder');
          Object.assign(made, parts(env));
          await body();
        },
        hours(24 * 100),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return made as P & SimRig;
}

for (let seed = 1; seed <= 6; seed++) {
  const name = `simulated, seed ${seed}`;
  clockContract(name, () => rig(seed, ({ clock }) => ({ clock })));
  memoryContract(name, () => rig(seed, ({ clock, memory }) => ({ clock, memory })));
  networkContract(name, () =>
    rig(seed, ({ clock, network }) => ({ clock, network, host: 'localhost' })),
  );
  diskContract(name, () => rig(seed, ({ disk }) => ({ disk, folder: '/folder' })));
  fileSystemContract(name, () =>
    rig(seed, (env) => ({
      fileSystem: new LocalFileSystem(env),
      folder: '/folder',
      hasFolders: true,
    })),
  );
}

compressionContract('simulated', () => rig(1, ({ compression }) => ({ compression })));
