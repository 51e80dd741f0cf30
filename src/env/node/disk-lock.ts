/**
 * Locks on files that end with the process that holds them, however it ends. Node has no call for
 * them; SQLite, which is part of Node, takes the locks of the system (`fcntl`, on Windows
 * `LockFileEx`) on the file that it is given, and refuses itself within one process, where those do
 * not. The file stays empty.
 *
 * L1. Nothing else of this process opens a file that may be locked: the system gives all locks of a
 *     process on a file back when the process closes any handle of it.
 */
import type { DatabaseSync } from 'node:sqlite';
import { EngineError, messageOf } from '../../base/errors.ts';
import type { DiskLock } from '../env.ts';

/** SQLITE_BUSY and its kinds: the number in the low byte. */
const BUSY = 5;

/** The file must be there. Undefined if somebody holds it. @throws EngineError IO_FAILED */
export function lockFile(path: string): DiskLock | undefined {
  // Loaded on first use: few processes hold a lock.
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite');
  let database: DatabaseSync | undefined;
  try {
    database = new Database(path, { timeout: 0 });
    // No journal beside it, and the lock is kept until the end.
    database.exec('PRAGMA journal_mode=MEMORY; PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (thrown) {
    database?.close();
    if ((errorNumber(thrown) & 0xff) === BUSY) return undefined;
    const reason = `the system gives no lock on it: ${messageOf(thrown)}`;
    throw new EngineError('IO_FAILED', { operation: 'lock', path, reason }, { cause: thrown });
  }
  const held = database;
  return {
    release: async () => {
      if (held.isOpen) held.close();
    },
  };
}

function errorNumber(thrown: unknown): number {
  const { errcode } = thrown as { readonly errcode?: unknown };
  return typeof errcode === 'number' ? errcode : 0;
}
