/**
 * Who refers to files that several checkpoints share: a file goes when nobody does any more.
 *
 * F1. A file is given back once, when the last checkpoint that refers to it is released.
 * F2. Files of others, which a job was started from and does not own, are never given back.
 */
import type { StateHandle } from '../protocol/checkpoint.ts';

export class SharedFiles {
  /** By URI, the checkpoints that refer to it. */
  readonly #users = new Map<string, Set<number>>();
  readonly #handles = new Map<string, StateHandle>();
  readonly #foreign = new Set<string>();

  register(checkpointId: number, handles: Iterable<StateHandle>): void {
    for (const handle of handles) {
      if (handle.kind !== 'file' || !handle.shared) continue;
      const users = this.#users.get(handle.uri) ?? new Set();
      users.add(checkpointId);
      this.#users.set(handle.uri, users);
      this.#handles.set(handle.uri, handle);
    }
  }

  /** F2. */
  protect(handles: Iterable<StateHandle>): void {
    for (const handle of handles) if (handle.kind === 'file') this.#foreign.add(handle.uri);
  }

  /** F1. @returns what nobody refers to any more */
  release(checkpointId: number): readonly StateHandle[] {
    const unused: StateHandle[] = [];
    for (const [uri, users] of this.#users) {
      if (!users.delete(checkpointId) || users.size > 0) continue;
      this.#users.delete(uri);
      if (!this.#foreign.has(uri)) unused.push(this.#handles.get(uri)!);
      this.#handles.delete(uri);
    }
    return unused;
  }

  /** Files to which somebody refers. */
  get inUse(): ReadonlySet<string> {
    return new Set(this.#users.keys());
  }

  /** Of these, what nobody refers to: files of a checkpoint that was given up. */
  unused(handles: Iterable<StateHandle>): readonly StateHandle[] {
    return [...handles].filter(
      (handle) =>
        handle.kind === 'file' &&
        handle.shared &&
        !this.#users.has(handle.uri) &&
        !this.#foreign.has(handle.uri),
    );
  }
}
