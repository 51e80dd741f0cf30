// Some files, for tests of what reads them.
import type { Disk, FileStat } from '../env/env.ts';

/** Texts by absolute path. */
export type Files = Readonly<Record<string, string>>;

/** A disk with these files, whose working directory is /work. */
export function diskWith(files: Files): Pick<Disk, 'open' | 'stat' | 'list' | 'resolve'> {
  const bytesOf = (path: string): Uint8Array => new TextEncoder().encode(files[path]);
  const paths = Object.keys(files);
  return {
    resolve: (path) => (path.startsWith('/') ? path : `/work/${path}`),
    stat(path) {
      const isFile = Object.hasOwn(files, path);
      if (!isFile && !paths.some((each) => each.startsWith(`${path}/`)))
        return Promise.resolve(undefined);
      const kind = isFile ? 'file' : 'directory';
      return Promise.resolve({ kind, size: isFile ? bytesOf(path).length : 0 } as FileStat);
    },
    list: (folder) =>
      Promise.resolve(
        paths
          .filter((path) => path.startsWith(`${folder}/`))
          .map((path) => ({ name: path.slice(folder.length + 1), kind: 'file' as const })),
      ),
    open: (path) =>
      Promise.resolve({
        // A piece at a time, as a disk may do it.
        read(into: Uint8Array, position: number) {
          const piece = bytesOf(path).subarray(position, position + Math.min(into.length, 7));
          into.set(piece);
          return Promise.resolve(piece.length);
        },
        close: () => Promise.resolve(),
      } as never),
  };
}
