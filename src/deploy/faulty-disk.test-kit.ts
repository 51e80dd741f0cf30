/** The disk of this process, on which operations fail as a test says. Test code. */
import type { EngineError } from '../base/errors.ts';
import type { Disk, Env } from '../env/env.ts';

/** What is done to which path; of a rename or link, the one that is made. */
export type Fault = (
  operation: keyof Disk | 'write' | 'sync',
  path: string,
) => EngineError | undefined;

export class FaultyDisk {
  /** Asked before every operation that looks at or changes the disk. */
  fault: Fault = () => undefined;
  readonly env: Env;

  constructor(env: Env) {
    this.env = { ...env, disk: this.#wrap(env.disk) };
  }

  #check(operation: keyof Disk | 'write' | 'sync', path: string): void {
    const error = this.fault(operation, path);
    if (error !== undefined) throw error;
  }

  #wrap(disk: Disk): Disk {
    const check = (operation: keyof Disk | 'write' | 'sync', path: string): void =>
      this.#check(operation, path);
    return {
      async open(path, mode, access) {
        check('open', `${path}${mode === 'read' ? '' : `?${mode}`}`);
        const file = await disk.open(path, mode, access);
        return {
          read: (into, position) => file.read(into, position),
          async write(bytes, position) {
            check('write', path);
            return file.write(bytes, position);
          },
          async sync() {
            check('sync', path);
            return file.sync();
          },
          truncate: (size) => file.truncate(size),
          size: () => file.size(),
          close: () => file.close(),
        };
      },
      async stat(path) {
        check('stat', path);
        return disk.stat(path);
      },
      async list(path) {
        check('list', path);
        return disk.list(path);
      },
      async makeDirectory(path, access) {
        check('makeDirectory', path);
        return disk.makeDirectory(path, access);
      },
      async rename(from, to) {
        check('rename', to);
        return disk.rename(from, to);
      },
      async link(from, to) {
        check('link', to);
        return disk.link(from, to);
      },
      async remove(path) {
        check('remove', path);
        return disk.remove(path);
      },
      async syncDirectory(path) {
        check('syncDirectory', path);
        return disk.syncDirectory(path);
      },
      lock: (path) => disk.lock(path),
      resolve: (path) => disk.resolve(path),
      scratch: () => disk.scratch(),
    };
  }
}
