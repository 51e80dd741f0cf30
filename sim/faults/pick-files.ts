/** Chooses a disk for a fault: one of a host, or one that hosts share. */
import type { FileSystem } from '../file-system.ts';
import { hits, type FaultOptions, type FaultWorld } from './fault.ts';

export interface NamedFiles {
  readonly name: string;
  readonly files: FileSystem;
}

export function pickFiles(
  { hosts, mounts, random }: FaultWorld,
  options: FaultOptions,
  healthy: (files: FileSystem) => boolean,
): NamedFiles | undefined {
  const all: readonly NamedFiles[] = [
    ...hosts.map(({ name, files }) => ({ name, files })),
    ...mounts.map(({ path, files }) => ({ name: path, files })),
  ];
  const targets = all.filter(({ name, files }) => hits(options, name) && healthy(files));
  return targets.length === 0 ? undefined : random.pick(targets);
}
