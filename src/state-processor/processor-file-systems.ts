/** The file systems of a program that works on savepoints, on this machine and in object stores. */
import type { Timestamp } from '../base/units.ts';
import { nodeClock } from '../env/node/clock.ts';
import { nodeDisk } from '../env/node/disk.ts';
import { nodeRandom } from '../env/node/random.ts';
import { fileSystemOptions, FileSystems } from '../storage/file-systems.ts';

export interface ProcessorOptions {
  /** Options by their keys; those of object stores (`s3.*`) are read. */
  readonly configuration?: Readonly<Record<string, string>> | undefined;
}

/** @throws EngineError CONFIG_* */
export function processorFileSystems({ configuration = {} }: ProcessorOptions): FileSystems {
  const env = { disk: nodeDisk(), random: nodeRandom() };
  return FileSystems.create(env, fileSystemOptions(configuration));
}

/** By which state that lives for a while has been used last. */
export function processorNow(): Timestamp {
  return nodeClock().now();
}
