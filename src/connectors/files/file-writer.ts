/**
 * Writes the records of one subtask into files: encodes them into a block while the block before is
 * on its way to the disk, and begins another file when the one at hand is large or old enough.
 *
 * Invariants
 * W1. At most one block is on its way; the other is being filled.
 * W2. Every record is in exactly one file; a file holds whole records only.
 * W3. A file is handed on (`prepareCommit`) once, complete and durable, its name too; one that was
 *     not is removed by `close`.
 */
import { assert } from '../../base/assert.ts';
import { EngineError } from '../../base/errors.ts';
import { allocateTextBuffer } from '../../base/text-buffer.ts';
import type { Duration } from '../../base/units.ts';
import type { CompressionKind } from '../../env/env.ts';
import type { SinkWriter, SinkWriterContext } from '../../functions/sink.ts';
import type { LineEncoder, LineFormat } from '../../formats/format.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { FileCommittable, WrittenFile } from './file-committer.ts';
import { planOutput, type OnExisting, type OutputPlan } from './output-folder.ts';
import { finalName, pendingName, type PartNames } from './part-files.ts';
import { PendingFile } from './pending-file.ts';

export interface FileWriterOptions<T> {
  readonly names: PartNames;
  readonly shown: string;
  readonly format: LineFormat<T>;
  readonly compression: CompressionKind | undefined;
  readonly onExisting: OnExisting;
  readonly rollBytes: number | undefined;
  readonly rollInterval: Duration | undefined;
  readonly blockBytes: number;
}

/** What a subtask goes on from after a restore. */
export interface FileWriterState {
  /** Of the file that it begins next: the names of all before may be taken. */
  readonly nextNumber: number;
}

export const FileWriterStateSchema: Schema<FileWriterState> = t.struct({ nextNumber: t.integer });

export class FileWriter<T> implements SinkWriter<T, FileCommittable, FileWriterState> {
  readonly #context: SinkWriterContext;
  readonly #options: FileWriterOptions<T>;
  readonly #encoder: LineEncoder<T>;
  #plan: OutputPlan | undefined;
  #number = 0;
  #file: PendingFile | undefined;
  #block: Uint8Array;
  #spare: Uint8Array;
  /** Bytes of the block that are in use. */
  #used = 0;
  /** The block on its way, with whatever is to be done after it. */
  #writing: Promise<void> | undefined;
  #busy: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;
  #rollTimer: Disposable | undefined;
  /** The interval has passed while a block was on its way. */
  #rollDue = false;
  /** Begun and not complete; at most one of them takes records. */
  readonly #unfinished = new Set<PendingFile>();
  #finished: WrittenFile[] = [];
  #prepared = false;
  #closed = false;

  /** `all`: the states of all former subtasks. */
  constructor(
    context: SinkWriterContext,
    options: FileWriterOptions<T>,
    all: readonly FileWriterState[] = [],
  ) {
    this.#number = Math.max(0, ...all.map(({ nextNumber }) => nextNumber));
    this.#context = context;
    this.#options = options;
    this.#encoder = options.format.createEncoder();
    this.#block = allocateTextBuffer(options.blockBytes);
    this.#spare = allocateTextBuffer(options.blockBytes);
  }

  async start(): Promise<void> {
    const { names, onExisting, shown } = this.#options;
    const { parallelism, env, restoredCheckpointId } = this.#context;
    const restored = restoredCheckpointId !== undefined;
    this.#plan = await planOutput(env.disk, { names, parallelism, onExisting, shown, restored });
    this.#number = Math.max(this.#number, this.#plan.firstNumber);
  }

  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  write(value: T): void {
    assert(this.#busy === undefined && !this.#closed, 'W1: nothing is written while it is busy');
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#file === undefined) this.#begin();
    let end = this.#encoder.encode(value, this.#block, this.#used);
    while (end === -1) {
      this.#grow();
      end = this.#encoder.encode(value, this.#block, this.#used);
    }
    this.#used = end;
    if (end < this.#options.blockBytes) return;
    if (this.#writing === undefined) this.#send();
    else this.#holdUp();
  }

  async flush(endOfInput: boolean): Promise<void> {
    const { names, shown } = this.#options;
    if (names.single !== undefined && !endOfInput) {
      throw new EngineError('CONNECTOR_SINGLE_FILE_CHECKPOINT', { path: shown });
    }
    this.#cancelTimer();
    await this.#settled();
    // One file of a fixed name is there also if it has no records.
    const isOwed = endOfInput && names.single !== undefined && this.#number === 0;
    if (this.#file === undefined && isOwed) this.#begin();
    if (this.#file !== undefined) this.#send(true);
    await this.#settled();
    assert(this.#used === 0, 'W2: everything is in a file');
    if (this.#finished.length > 0) await this.#context.env.disk.syncDirectory(names.folder);
  }

  prepareCommit(): readonly FileCommittable[] {
    assert(this.#writing === undefined && this.#used === 0, 'W3: prepared after a flush');
    const files = this.#finished;
    const replaces = this.#prepared ? [] : this.#plan!.replaces;
    this.#finished = [];
    this.#prepared = true;
    if (files.length === 0 && replaces.length === 0) return [];
    const { onExisting, names } = this.#options;
    const overwrites = onExisting === 'replace';
    return [{ folder: names.folder, files, overwrites, replaces }];
  }

  snapshotState(): readonly FileWriterState[] {
    return [{ nextNumber: this.#number }];
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    await this.#writing;
    const { disk } = this.#context.env;
    const { folder } = this.#options.names;
    for (const file of this.#unfinished) await file.discard();
    for (const { pending } of this.#finished) await disk.remove(`${folder}/${pending}`);
  }

  // -------------------------------------------------------------------------------------- blocks

  #begin(): void {
    const { names, rollInterval } = this.#options;
    this.#file = new PendingFile(this.#context.env.disk, {
      folder: names.folder,
      pending: pendingName(names, this.#number),
      final: finalName(names, this.#number),
    });
    this.#unfinished.add(this.#file);
    this.#number += 1;
    this.#rollDue = false;
    if (rollInterval !== undefined) {
      this.#rollTimer = this.#context.env.clock.after(rollInterval, () => {
        this.#rollTimer = undefined;
        if (this.#writing === undefined) this.#send(true);
        else this.#rollDue = true;
      });
    }
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
      if (this.#writing === undefined && this.#used >= this.#options.blockBytes) this.#send();
    });
  }

  /** Sends the block on its way, and with `roll` the file after it. */
  #send(roll: boolean = false): void {
    assert(this.#writing === undefined, 'W1: one block is on its way');
    const file = this.#file!;
    const block = this.#block;
    const bytes = block.subarray(0, this.#used);
    const { rollBytes } = this.#options;
    // By the size before compression, so that the cut is known before the block has gone.
    const isLast = roll || this.#rollDue || file.bytes + bytes.length >= (rollBytes ?? Infinity);
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
        if (this.#rollDue && this.#file !== undefined && !this.#closed) this.#send(true);
      },
      (error: unknown) => {
        this.#writing = undefined;
        this.#failure ??= { error };
      },
    );
  }

  async #carry(file: PendingFile, bytes: Uint8Array, isLast: boolean): Promise<void> {
    const { compression } = this.#options;
    // Each block is a member of its own: readers take members one after another as one content.
    const written =
      compression === undefined || bytes.length === 0
        ? bytes
        : await this.#context.env.compression.compress(compression, bytes);
    if (written.length > 0) await file.write(written);
    if (!isLast) return;
    this.#finished.push(await file.finish());
    this.#unfinished.delete(file);
  }

  /** @throws what went wrong with a block */
  async #settled(): Promise<void> {
    while (this.#busy !== undefined) await this.#busy;
    while (this.#writing !== undefined) await this.#writing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #cancelTimer(): void {
    this.#rollTimer?.[Symbol.dispose]();
    this.#rollTimer = undefined;
  }
}
