/** Which files are compressed, and how: told by the ends of their names, as Flink does. */
import type { CompressionKind } from '../../env/env.ts';

const KINDS: Readonly<Record<string, CompressionKind | 'unsupported'>> = {
  gz: 'gzip',
  gzip: 'gzip',
  deflate: 'deflate',
  zst: 'zstd',
  bz2: 'unsupported',
  xz: 'unsupported',
};

/** Undefined: the file holds its content as it is. */
export function compressionOf(name: string): CompressionKind | 'unsupported' | undefined {
  const dot = name.lastIndexOf('.');
  const ending = name.slice(dot + 1).toLowerCase();
  return dot === -1 || !Object.hasOwn(KINDS, ending) ? undefined : KINDS[ending];
}
