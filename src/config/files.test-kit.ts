// Some files, for tests of what reads them.
import { EngineError } from '../base/errors.ts';
import type { Disk, FileStat } from '../env/env.ts';

/** Texts by absolute path. */
export type Files = Readonly<Record<string, string>>;

/** A disk with these files, whose working directory is /here. */
export function diskWith(files: Files): Pick<Disk, 'open' | 'stat' | 'list' | 'resolve'> {
  const bytesOf = (path: string): Uint8Array => new TextEncoder().encode(files[path]);
  const paths = Object.keys(files);
  return {
    resolve: (path) => (path.startsWith('/') ? path : `/here/${path}`),
    stat(path) {
      const isFile = Object.hasOwn(files, path);
      if (!isFile && !paths.some((each) => each.startsWith(`${path}/`)))
        return Promise.resolve(undefined);
      const kind = isFile ? 'file' : 'directory';
      return Promise.resolve({ kind, size: isFile ? bytesOf(path).length : 0 } as FileStat);
    },
    list(folder) {
      const inside = paths.filter((path) => path.startsWith(`${folder}/`));
      const names = new Map(
        inside.map((path) => {
          const [name = '', ...below] = path.slice(folder.length + 1).split('/');
          return [name, below.length === 0 ? 'file' : 'directory'] as const;
        }),
      );
      return Promise.resolve([...names].map(([name, kind]) => ({ name, kind })));
    },
    async open(path) {
      if (!Object.hasOwn(files, path)) {
        throw new EngineError('IO_NOT_FOUND', { operation: 'open', path });
      }
      return {
        size: () => Promise.resolve(bytesOf(path).length),
        // A piece at a time, as a disk may do it.
        read(into: Uint8Array, position: number) {
          const piece = bytesOf(path).subarray(position, position + Math.min(into.length, 7));
          into.set(piece);
          return Promise.resolve(piece.length);
        },
        close: () => Promise.resolve(),
      } as never;
    },
  };
}
