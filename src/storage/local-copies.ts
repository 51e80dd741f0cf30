/**
 * Copies that a slot keeps, on the disk of its own machine, of the files of state that its tasks
 * have written for checkpoints: a restart in the same slot reads them instead of a remote storage.
 * The checkpoint never depends on them.
 *
 * Invariants
 * L1. What is read from a copy is exactly what was written: its length and checksum are compared
 *     before anything of it is used. One that is missing or damaged is told, and the file of the
 *     checkpoint is read.
 * L2. A copy that cannot be written costs the copy and never the checkpoint.
 * L3. A copy stays while the newest complete checkpoint refers to it, or one that may become
 *     complete; every other one is removed, those of earlier attempts included.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { crc32 } from '../base/crc32.ts';
import { isEngineError, messageOf } from '../base/errors.ts';
import type { Disk, DiskFile, Log } from '../env/env.ts';
import type { StateHandle } from '../protocol/checkpoint.ts';
import type { FileInput, FileOutput } from './file-system.ts';
import { joinUri, nameOfUri } from './file-uri.ts';
import { LocalInput } from './local-file-system.ts';

const MAGIC = 0x314c434d;
/** Magic, checksum and length, behind the content. */
const FOOTER_BYTES = 16;
const CHECK_BYTES = 4 * 1024 * 1024;

export interface LocalCopiesOptions {
  readonly disk: Pick<Disk, 'open' | 'list' | 'rename' | 'remove' | 'makeDirectory'>;
  readonly log: Log;
  /** Of the slot, for one job, made if need be: nobody else writes into it. */
  readonly folder: string;
  /** Whether a restore reads them. */
  readonly read: boolean;
  /** Whether they are written. */
  readonly write: boolean;
}

export class LocalCopies {
  readonly #options: LocalCopiesOptions;
  /** L3. Of checkpoints that are complete or may become so, by their numbers. */
  readonly #wanted = new Map<number, ReadonlySet<string>>();
  /** Names of copies that are there. */
  readonly #present = new Set<string>();
  /** Of them, those of which no snapshot has told yet. */
  readonly #fresh = new Set<string>();
  /** Being written. */
  readonly #writing = new Set<string>();
  #ready: Promise<void> = Promise.resolve();
  #removals: Promise<void> = Promise.resolve();
  /** Bytes of state, since they were told. */
  #restored = { copies: 0, files: 0 };

  constructor(options: LocalCopiesOptions) {
    this.#options = options;
  }

  /** Resolves when everything has been removed that was to be. */
  get settled(): Promise<void> {
    return this.#ready.then(() => this.#removals);
  }

  /** A task has its state. */
  tellRestored(): void {
    const { copies, files } = this.#restored;
    if (copies + files === 0) return;
    this.#restored = { copies: 0, files: 0 };
    const from = `${copies} bytes of state were read from copies here`;
    this.#options.log.write('info', `${from}, ${files} from the checkpoint`);
  }

  /** What the slot starts from; to be called before anything is read. L3. */
  begin(checkpointId: number, handles: Iterable<StateHandle>): void {
    const names = namesOf(handles);
    this.#wanted.set(checkpointId, names);
    this.#ready = this.#find(names);
  }

  /** A file of a checkpoint, written here as well. */
  copied(uri: string, file: FileOutput): FileOutput {
    if (!this.#options.write) return file;
    const name = nameOfUri(uri);
    // Under both of its names.
    this.#writing.add(name).add(temporaryOf(name));
    const written = (): void => {
      this.#writing.delete(name);
      this.#writing.delete(temporaryOf(name));
    };
    return new CopiedOutput(file, {
      ...{ disk: this.#options.disk, path: joinUri(this.#options.folder, name) },
      ready: this.#ready,
      kept: () => {
        written();
        this.#present.add(name);
        this.#fresh.add(name);
      },
      gone: () => {
        written();
        this.#present.delete(name);
        this.#fresh.delete(name);
      },
      failed: (thrown) => this.#warn(`no copy is kept of ${uri}: ${messageOf(thrown)}`),
    });
  }

  /** L1. Undefined: the file itself is to be read. */
  async open({
    uri,
    size,
  }: {
    readonly uri: string;
    readonly size: number;
  }): Promise<FileInput | undefined> {
    await this.#ready;
    const name = nameOfUri(uri);
    const input =
      this.#options.read && this.#present.has(name) ? await this.#open(uri, size) : undefined;
    if (input === undefined) this.#restored.files += size;
    else this.#restored.copies += size;
    return input;
  }

  /** A task of the slot has told what its snapshot consists of. */
  acknowledged(checkpointId: number, handles: Iterable<StateHandle>): void {
    const names = namesOf(handles);
    for (const name of names) this.#fresh.delete(name);
    const known = this.#wanted.get(checkpointId) ?? new Set();
    this.#wanted.set(checkpointId, known.union(names));
  }

  /** L3. @param latest the newest complete checkpoint */
  completed(latest: number): void {
    for (const checkpointId of [...this.#wanted.keys()]) {
      if (checkpointId < latest) this.#wanted.delete(checkpointId);
    }
    this.#sweep();
  }

  /** L3. It never will be complete. */
  aborted(checkpointId: number): void {
    this.#wanted.delete(checkpointId);
    this.#sweep();
  }

  async #find(wanted: ReadonlySet<string>): Promise<void> {
    const { disk, folder } = this.#options;
    try {
      await disk.makeDirectory(folder, 'private');
      for (const { name, kind } of await disk.list(folder)) {
        if (kind !== 'file' || this.#writing.has(name)) continue;
        if (wanted.has(name)) this.#present.add(name);
        else if (!this.#fresh.has(name)) this.#remove(name);
      }
    } catch (thrown) {
      this.#warn(`no copies of state in ${folder} are used: ${messageOf(thrown)}`);
    }
  }

  #sweep(): void {
    const wanted = new Set([...this.#wanted.values()].flatMap((names) => [...names]));
    for (const name of this.#present) {
      if (wanted.has(name) || this.#fresh.has(name)) continue;
      this.#present.delete(name);
      this.#remove(name);
    }
  }

  #remove(name: string): void {
    const { disk, folder } = this.#options;
    this.#removals = this.#removals
      .then(() => disk.remove(joinUri(folder, name)))
      .catch((thrown: unknown) =>
        this.#warn(`the copy ${name} in ${folder} was not removed: ${messageOf(thrown)}`),
      );
  }

  /** L1. */
  async #open(uri: string, size: number): Promise<FileInput | undefined> {
    const { disk, folder } = this.#options;
    const path = joinUri(folder, nameOfUri(uri));
    let file: DiskFile | undefined;
    try {
      file = await disk.open(path, 'read');
      const wrong = await damageOf(file, size);
      if (wrong === undefined) return new LocalInput(file, path, size);
      this.#warn(`the copy ${path} is not used, ${uri} is read: ${wrong}`);
    } catch (thrown) {
      const reason = isEngineError(thrown, 'IO_NOT_FOUND') ? 'it is gone' : messageOf(thrown);
      this.#warn(`the copy ${path} is not used, ${uri} is read: ${reason}`);
    }
    await file?.close();
    this.#present.delete(nameOfUri(uri));
    this.#remove(nameOfUri(uri));
    return undefined;
  }

  #warn(message: string): void {
    this.#options.log.write('warn', message);
  }
}

/** What is wrong with a copy of so many bytes; undefined: nothing. */
async function damageOf(file: DiskFile, size: number): Promise<string | undefined> {
  const found = await file.size();
  if (found !== size + FOOTER_BYTES) {
    return `it has ${found - FOOTER_BYTES} bytes, and ${size} were written`;
  }
  const buffer = new Uint8Array(Math.min(CHECK_BYTES, size + FOOTER_BYTES));
  const read = async (position: number, length: number): Promise<Uint8Array> => {
    const into = buffer.subarray(0, length);
    let done = 0;
    for (let count = 1; done < length && count > 0; done += count) {
      count = await file.read(into.subarray(done), position + done);
    }
    return into.subarray(0, done);
  };
  let crc = 0;
  for (let position = 0; position < size;) {
    const bytes = await read(position, Math.min(CHECK_BYTES, size - position));
    if (bytes.length === 0) return `it ends before byte ${position + 1}`;
    crc = crc32(bytes, crc);
    position += bytes.length;
  }
  const footer = new ByteReader(await read(size, FOOTER_BYTES));
  const isSame = footer.uint32() === MAGIC && footer.uint32() === crc && footer.float64() === size;
  return isSame ? undefined : 'it does not match its checksum';
}

interface CopyOptions {
  readonly disk: LocalCopiesOptions['disk'];
  readonly path: string;
  /** Never rejects: the folder is there, or cannot be made. */
  readonly ready: Promise<void>;
  readonly kept: () => void;
  readonly gone: () => void;
  readonly failed: (thrown: unknown) => void;
}

/** L2. */
class CopiedOutput implements FileOutput {
  readonly #file: FileOutput;
  readonly #options: CopyOptions;
  #copy: DiskFile | undefined;
  #size = 0;
  #crc = 0;
  #state: 'open' | 'kept' | 'gone' = 'open';

  constructor(file: FileOutput, options: CopyOptions) {
    this.#file = file;
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    // Whatever becomes of one of them, the bytes are nobody's before both have ended.
    const [written] = await Promise.allSettled([this.#file.write(bytes), this.#writeCopy(bytes)]);
    if (written.status === 'rejected') throw written.reason;
  }

  async finish(): Promise<{ readonly size: number }> {
    const [finished] = await Promise.allSettled([this.#file.finish(), this.#finishCopy()]);
    if (finished.status === 'rejected') throw finished.reason;
    return finished.value;
  }

  /** Also of what was finished: the checkpoint is not to be. */
  async abort(): Promise<void> {
    await this.#giveUp();
    await this.#file.abort();
  }

  async #writeCopy(bytes: Uint8Array): Promise<void> {
    if (this.#state !== 'open') return;
    try {
      await this.#options.ready;
      this.#copy ??= await this.#options.disk.open(temporaryOf(this.#options.path), 'create');
      await this.#copy.write(bytes, this.#size);
      this.#size += bytes.length;
      this.#crc = crc32(bytes, this.#crc);
    } catch (thrown) {
      await this.#failed(thrown);
    }
  }

  /** Without `sync`: a copy that a loss of power has cut is known by its end. */
  async #finishCopy(): Promise<void> {
    if (this.#state !== 'open' || this.#copy === undefined) return;
    const { disk, path, kept } = this.#options;
    try {
      const footer = new ByteWriter(FOOTER_BYTES);
      footer.uint32(MAGIC);
      footer.uint32(this.#crc);
      footer.float64(this.#size);
      await this.#copy.write(footer.copy(), this.#size);
      await this.#copy.close();
      await disk.rename(temporaryOf(path), path);
      this.#state = 'kept';
      kept();
    } catch (thrown) {
      await this.#failed(thrown);
    }
  }

  async #failed(thrown: unknown): Promise<void> {
    this.#options.failed(thrown);
    await this.#giveUp();
  }

  async #giveUp(): Promise<void> {
    const { disk, path, gone, failed } = this.#options;
    const before = this.#state;
    this.#state = 'gone';
    if (before === 'gone') return;
    gone();
    try {
      await this.#copy?.close();
      await disk.remove(before === 'kept' ? path : temporaryOf(path));
    } catch (thrown) {
      failed(thrown);
    }
  }
}

function temporaryOf(path: string): string {
  return `${path}.writing`;
}

function namesOf(handles: Iterable<StateHandle>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const handle of handles) if (handle.kind === 'file') names.add(nameOfUri(handle.uri));
  return names;
}
