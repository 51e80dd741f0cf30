/**
 * The right of one JobManager to the folder in which its jobs are kept: two of them would run every
 * job twice. It rests on a lock of the system, which ends with the process that holds it, and on a
 * file that says who that is. Because some network file systems know locks within a host only, the
 * holder also writes a beat into that file, and looks whether it is still its own.
 *
 * Invariants
 * L1. Who has taken a folder holds the lock of its file `lock` until `release`, or its end.
 * L2. A folder whose holder was on another host is taken only when that one has not beaten for
 *     `SILENCE`.
 * L3. `confirm` resolves only if the folder was this process's own within the last `CONFIRMED_FOR`.
 */
import { EngineError, isEngineError } from '../base/errors.ts';
import { isoText } from '../base/iso-timestamp.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { DiskLock, Env } from '../env/env.ts';
import { readAll, readWhole, writeAtomically } from './atomic-file.ts';
import { makeDurableFolder } from '../env/durable-folder.ts';

const LOCK_FILE = 'lock';
const HOLDER_FILE = 'holder.json';
const BEAT_INTERVAL = seconds(1);
const SILENCE = seconds(3);
const CONFIRMED_FOR = milliseconds(1500);
/** So that a beat is written over the one before. */
const BEAT_DIGITS = 12;

/** Who holds a folder, for others to read. */
export interface FolderHolder {
  readonly host: string;
  readonly pid: number;
}

interface HolderRecord extends FolderHolder {
  readonly token: string;
  /** Epoch milliseconds. */
  readonly since: number;
  readonly beat: string;
}

export interface FolderLockOptions {
  readonly env: Pick<Env, 'clock' | 'disk' | 'random'>;
  readonly folder: string;
  readonly holder: FolderHolder;
  /** The folder is another's, or gone: this process must end. Called once at most. */
  readonly onLost: (error: EngineError) => void;
}

export class FolderLock {
  readonly #options: FolderLockOptions;
  readonly #lock: DiskLock;
  readonly #record: HolderRecord;
  #beats = 0;
  #confirmedAt: Duration;
  #confirming: Promise<void> | undefined;
  #timer: Disposable | undefined;
  #beating: Promise<void> | undefined;
  #ended = false;

  private constructor(options: FolderLockOptions, lock: DiskLock, record: HolderRecord) {
    this.#options = options;
    this.#lock = lock;
    this.#record = record;
    this.#confirmedAt = options.env.clock.monotonic();
    this.#armBeat();
  }

  /** Makes the folder if need be. @throws EngineError HA_STORAGE_HELD, IO_* */
  static async take(options: FolderLockOptions): Promise<FolderLock> {
    const { env, folder, holder } = options;
    await makeDurableFolder(env.disk, env.disk.resolve(folder), 'private');
    const lock = await env.disk.lock(`${folder}/${LOCK_FILE}`);
    if (lock === undefined) throw heldBy(folder, await readHolder(env, folder));
    try {
      await waitForSilence(options);
      const since = env.clock.now();
      const record = { token: env.random.uuid(), ...holder, since, beat: beatText(0) };
      const place = { folder, name: HOLDER_FILE };
      await writeAtomically(env, place, encode(record), 'private');
      return new FolderLock(options, lock, record);
    } catch (thrown) {
      await lock.release();
      throw thrown;
    }
  }

  /**
   * L3. To be asked before every change in the folder.
   * @throws EngineError HA_STORAGE_LOST, IO_*
   */
  async confirm(): Promise<void> {
    const age = this.#options.env.clock.monotonic() - this.#confirmedAt;
    if (!this.#ended && age <= CONFIRMED_FOR) return;
    await this.#look();
  }

  /** The next one need not wait. Idempotent. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
    await this.#beating;
    const { env, folder } = this.#options;
    try {
      const { token } = (await readHolder(env, folder)) ?? {};
      if (token === this.#record.token) await env.disk.remove(`${folder}/${HOLDER_FILE}`);
    } finally {
      await this.#lock.release();
    }
  }

  #look(): Promise<void> {
    this.#confirming ??= this.#lookOnce().finally(() => {
      this.#confirming = undefined;
    });
    return this.#confirming;
  }

  async #lookOnce(): Promise<void> {
    const { env, folder } = this.#options;
    const askedAt = env.clock.monotonic();
    this.#requireOwn(await readHolder(env, folder), askedAt);
  }

  #requireOwn(found: HolderRecord | undefined, askedAt: Duration): void {
    if (this.#ended || found?.token !== this.#record.token) {
      const { folder } = this.#options;
      const holder = this.#ended || found === undefined ? 'nobody' : describe(found);
      throw new EngineError('HA_STORAGE_LOST', { folder, holder });
    }
    this.#confirmedAt = askedAt;
  }

  #armBeat(): void {
    this.#timer = this.#options.env.clock.after(BEAT_INTERVAL, () => {
      this.#beating = this.#beat();
    });
  }

  /** Never rejects: a disk that fails now is noticed by who writes, through `confirm`. */
  async #beat(): Promise<void> {
    try {
      await this.#beatOnce();
    } catch (thrown) {
      if (!this.#ended && isEngineError(thrown, 'HA_STORAGE_LOST')) {
        this.#options.onLost(thrown);
        return;
      }
      if (!isEngineError(thrown)) throw thrown;
    }
    if (!this.#ended) this.#armBeat();
  }

  /**
   * On one handle: who takes the folder puts another file in its place, and is not written over.
   */
  async #beatOnce(): Promise<void> {
    const { env, folder } = this.#options;
    const askedAt = env.clock.monotonic();
    let file;
    try {
      file = await env.disk.open(`${folder}/${HOLDER_FILE}`, 'update');
    } catch (thrown) {
      if (isEngineError(thrown, 'IO_NOT_FOUND')) this.#requireOwn(undefined, askedAt);
      throw thrown;
    }
    try {
      this.#requireOwn(decode(await readAll(file)), askedAt);
      this.#beats += 1;
      await file.write(encode({ ...this.#record, beat: beatText(this.#beats) }), 0);
    } finally {
      await file.close();
    }
  }
}

/** L2. */
async function waitForSilence({ env, folder, holder }: FolderLockOptions): Promise<void> {
  const before = await readHolder(env, folder);
  if (before === undefined || before.host === holder.host) return;
  await new Promise<void>((resolve) => env.clock.after(SILENCE, resolve));
  const after = await readHolder(env, folder);
  if (after === undefined) return;
  if (after.token === before.token && after.beat === before.beat) return;
  throw heldBy(folder, after);
}

function heldBy(folder: string, found: HolderRecord | undefined): EngineError {
  const holder = found === undefined ? 'a process that has not said its name' : describe(found);
  return new EngineError('HA_STORAGE_HELD', { folder, holder });
}

function describe({ host, pid, since }: HolderRecord): string {
  return `process ${pid} on ${host} (since ${isoText(since)})`;
}

/** Undefined if nobody is written there, or nobody that can be read. */
async function readHolder(
  env: Pick<Env, 'disk'>,
  folder: string,
): Promise<HolderRecord | undefined> {
  const bytes = await readWhole(env, `${folder}/${HOLDER_FILE}`);
  return bytes && decode(bytes);
}

function decode(bytes: Uint8Array): HolderRecord | undefined {
  try {
    const found = JSON.parse(new TextDecoder().decode(bytes)) as HolderRecord;
    return typeof found.token === 'string' && typeof found.host === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

function encode(record: HolderRecord): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(record)}\n`);
}

function beatText(beats: number): string {
  return String(beats).padStart(BEAT_DIGITS, '0');
}
