/**
 * Writes the records of one bucket of a subtask: encodes them into a block while the block before
 * is on its way to the file, and begins another file when the one at hand is large or old enough.
 *
 * Invariants
 * W1. At most one block is on its way, or one other call of its file; the other block is being
 *     filled.
 * W2. Every record is in exactly one file; a file holds whole records only.
 * W3. A file is handed on (`take`) once, complete and durable; one that was not is dropped by
 *     `close`.
 * W4. While a checkpoint is taken, from `flush` to `resume`, no file rolls by itself.
 */
import { assert } from '../../base/assert.ts';
import { allocateTextBuffer } from '../../base/text-buffer.ts';
import { milliseconds, type Duration } from '../../base/units.ts';
import type { CompressionKind } from '../../env/env.ts';
import type { ConnectorEnv } from '../../functions/source.ts';
import type { LineEncoder } from '../../formats/format.ts';
import type { WrittenFile } from './file-committer.ts';
import type { OpenFile, PartFile } from './part-file.ts';

/** When a file ends, and another one begins. */
export interface Rolling {
  readonly bytes: number | undefined;
  /** Since it was begun. */
  readonly interval: Duration | undefined;
  /** Since the last record. */
  readonly inactivity: Duration | undefined;
}

export interface BucketOptions<T> {
  readonly env: Pick<ConnectorEnv, 'clock' | 'compression'>;
  readonly encoder: LineEncoder<T>;
  readonly compression: CompressionKind | undefined;
  readonly rolling: Rolling;
  /** A block is on its way when it has so many bytes. */
  readonly blockBytes: number;
  /** Blocks grow from this to `blockBytes`. */
  readonly firstBytes: number;
  begin(): PartFile;
}

export class BucketWriter<T> {
  readonly #options: BucketOptions<T>;
  readonly #encoder: LineEncoder<T>;
  readonly #blockBytes: number;
  readonly #watchesRest: boolean;
  #file: PartFile | undefined;
  #block: Uint8Array;
  #spare: Uint8Array;
  /** Bytes of the block that are in use. */
  #used = 0;
  /** W1. What is on its way, with whatever is to be done after it. */
  #writing: Promise<void> | undefined;
  #busy: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #timer: Disposable | undefined;
  /** Of the file, by the monotonic clock. */
  #begunAt = 0;
  #lastAt = 0;
  /** W4 */
  #paused = false;
  /** The file is old enough, which was found while something was on its way. */
  #rollDue = false;
  /** Begun and not complete; at most one of them takes records. */
  readonly #unfinished = new Set<PartFile>();
  #finished: { readonly file: PartFile; readonly written: WrittenFile }[] = [];
  #closed = false;

  constructor(options: BucketOptions<T>) {
    this.#options = options;
    this.#encoder = options.encoder;
    this.#blockBytes = options.blockBytes;
    this.#watchesRest = options.rolling.inactivity !== undefined;
    this.#block = allocateTextBuffer(options.firstBytes);
    this.#spare = allocateTextBuffer(options.firstBytes);
  }

  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  /** It has no file that is open or complete: nothing is lost with it. */
  get isEmpty(): boolean {
    return this.#unfinished.size === 0 && this.#finished.length === 0;
  }

  write(value: T): void {
    assert(this.#busy === undefined && !this.#closed, 'W1: nothing is written while it is busy');
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#file === undefined) this.#begin();
    if (this.#watchesRest) this.#lastAt = this.#options.env.clock.monotonic();
    let end = this.#encoder.encode(value, this.#block, this.#used);
    while (end === -1) {
      this.#grow();
      end = this.#encoder.encode(value, this.#block, this.#used);
    }
    this.#used = end;
    if (end < this.#blockBytes) return;
    if (this.#writing === undefined) this.#send();
    else this.#holdUp();
  }

  /** W4. What has come is with its file; with `end` the file is complete. */
  async flush(end: boolean): Promise<void> {
    this.#paused = true;
    this.#cancelTimer();
    await this.#settled();
    if (this.#file === undefined) return;
    if (end || this.#used > 0) this.#send(end);
    await this.#settled();
    assert(this.#used === 0, 'W2: everything is in a file');
  }

  /** One file of a fixed name is there also if it has no records. */
  beginEmpty(): void {
    this.#begin();
  }

  /** W3. After a flush. */
  take(): readonly WrittenFile[] {
    assert(this.#writing === undefined && this.#used === 0, 'W3: prepared after a flush');
    return this.#finished.splice(0).map(({ written }) => written);
  }

  /** W4. What goes on from a checkpoint goes on with it; undefined if no file is open. */
  async persist(checkpointId: number): Promise<OpenFile | undefined> {
    if (this.#file === undefined) return undefined;
    assert(this.#paused && this.#writing === undefined, 'W4: persisted after a flush');
    return this.#file.persist(checkpointId);
  }

  /** W4. The checkpoint has its part. */
  resume(): void {
    this.#paused = false;
    if (this.#file !== undefined) this.#arm();
  }

  /** No one goes on from a checkpoint before this one any more. */
  async release(checkpointId: number): Promise<void> {
    for (const file of this.#unfinished) await file.release(checkpointId);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    await this.#writing;
    for (const file of this.#unfinished) await file.drop();
    for (const { file } of this.#finished) await file.drop();
  }

  // -------------------------------------------------------------------------------------- blocks

  #begin(): void {
    this.#file = this.#options.begin();
    this.#unfinished.add(this.#file);
    this.#rollDue = false;
    this.#begunAt = this.#options.env.clock.monotonic();
    this.#lastAt = this.#begunAt;
    this.#arm();
    const { header } = this.#encoder;
    if (header === undefined) return;
    while (this.#used + header.length > this.#block.length) this.#grow();
    this.#block.set(header, this.#used);
    this.#used += header.length;
  }

  #grow(): void {
    const longer = allocateTextBuffer(this.#block.length * 2);
    longer.set(this.#block.subarray(0, this.#used));
    this.#block = longer;
  }

  /** The block is full before the one before it has gone: no more records until it has. */
  #holdUp(): void {
    this.#busy = this.#writing!.then(() => {
      this.#busy = undefined;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#writing === undefined && this.#used >= this.#blockBytes) this.#send();
    });
  }

  /** Sends the block on its way, and with `roll` the file after it. */
  #send(roll: boolean = false): void {
    assert(this.#writing === undefined, 'W1: one block is on its way');
    const file = this.#file!;
    const block = this.#block;
    const bytes = block.subarray(0, this.#used);
    const { rolling } = this.#options;
    // By the size before compression, so that the cut is known before the block has gone.
    const isFull = file.bytes + bytes.length >= (rolling.bytes ?? Infinity);
    const isLast = roll || this.#rollDue || isFull;
    if (isLast) {
      this.#file = undefined;
      this.#cancelTimer();
    }
    this.#block = this.#spare;
    this.#spare = block;
    this.#used = 0;
    this.#writing = this.#carry(file, bytes, isLast).then(
      () => {
        this.#writing = undefined;
        // Nobody may ever write again, so the file cannot wait for the next record.
        const isDue = this.#rollDue && this.#file !== undefined;
        if (isDue && !this.#closed && !this.#paused) this.#send(true);
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#failure ??= { error };
      },
    );
  }

  async #carry(file: PartFile, bytes: Uint8Array, isLast: boolean): Promise<void> {
    const { compression, env } = this.#options;
    // Each block is a member of its own: readers take members one after another as one content.
    const written =
      compression === undefined || bytes.length === 0
        ? bytes
        : await env.compression.compress(compression, bytes);
    if (written.length > 0) await file.write(written);
    if (!isLast) return;
    const complete = await file.finish();
    this.#finished.push({ file, written: complete });
    this.#unfinished.delete(file);
  }

  /** @throws what went wrong with a block */
  async #settled(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
    while (this.#writing !== undefined) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  // --------------------------------------------------------------------------------------- times

  /** When the file is to end if nothing more comes; undefined: never. */
  #rollsAt(): number | undefined {
    const { interval, inactivity } = this.#options.rolling;
    const byAge = interval === undefined ? Infinity : this.#begunAt + interval;
    const byRest = inactivity === undefined ? Infinity : this.#lastAt + inactivity;
    const at = Math.min(byAge, byRest);
    return at === Infinity ? undefined : at;
  }

  #arm(): void {
    this.#cancelTimer();
    const at = this.#rollsAt();
    if (at === undefined || this.#paused) return;
    const { clock } = this.#options.env;
    const wait = milliseconds(Math.max(0, at - clock.monotonic()));
    this.#timer = clock.after(wait, () => {
      this.#timer = undefined;
      if (this.#closed || this.#file === undefined) return;
      if (this.#rollsAt()! > clock.monotonic()) this.#arm();
      else if (this.#writing === undefined) this.#send(true);
      else this.#rollDue = true;
    });
  }

  #cancelTimer(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
