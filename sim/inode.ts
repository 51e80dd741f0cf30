/**
 * Files and folders of a simulated disk with what a power loss does to them. Each keeps a journal
 * of what has been done to it since it was last durable; a loss undoes it and puts back what
 * survives: all that was synced, and of the rest whatever the seed draws.
 *
 * Invariants
 * D1. Content and size as of the last successful sync survive every power loss.
 * D2. A byte that was not synced has, after a loss, its durable value, one written since, or zero
 *     where the file ended before; the size is the durable one or one that a later operation gave.
 * D3. After a failed sync, what it should have made durable never becomes so by a later sync.
 * D4. A name in a folder leads, after a loss, to what it led to when the folder was last synced or
 *     at some moment since.
 */
import type { Prng } from '../src/base/prng.ts';
import type { Timestamp } from '../src/base/units.ts';

const SECTOR = 512;
const NOTHING = new Uint8Array(0);

export type Inode = FileInode | DirectoryInode;

/** An operation that is not durable yet, or behind one that is not. */
interface Unsynced {
  /** The host whose page cache holds it: only that host's power loss can take it. */
  readonly host: string;
  durable: boolean;
  /** A sync of it has failed: D3. */
  abandoned: boolean;
}

interface ContentChange extends Unsynced {
  readonly position: number;
  /** Bytes written; 0 for a change of size alone. */
  readonly length: number;
  /** What stood there, as far as the file went. */
  readonly before: Uint8Array;
  readonly sizeBefore: number;
  readonly sizeAfter: number;
}

export class FileInode {
  readonly kind = 'file';
  modified: Timestamp;
  #bytes: Uint8Array = NOTHING;
  #size = 0;
  #journal: ContentChange[] = [];

  constructor(modified: Timestamp) {
    this.modified = modified;
  }

  get size(): number {
    return this.#size;
  }

  /** The content, valid until the next change. */
  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  write(bytes: Uint8Array, position: number, host: string): void {
    if (bytes.length === 0) return;
    const end = position + bytes.length;
    const before = this.#bytes.slice(Math.min(position, this.#size), Math.min(end, this.#size));
    const sizeBefore = this.#size;
    const sizeAfter = Math.max(sizeBefore, end);
    this.#resize(sizeAfter);
    this.#bytes.set(bytes, position);
    const { length } = bytes;
    this.#note({ position, length, before, sizeBefore, sizeAfter, host });
  }

  truncate(size: number, host: string): void {
    const sizeBefore = this.#size;
    const before = this.#bytes.slice(Math.min(size, sizeBefore), sizeBefore);
    this.#resize(size);
    this.#note({ position: size, length: 0, before, sizeBefore, sizeAfter: size, host });
  }

  /** Everything done so far is durable, except what an earlier failure has abandoned. */
  sync(): void {
    for (const change of this.#journal) if (!change.abandoned) change.durable = true;
    settleJournal(this.#journal);
  }

  /**
   * A sync that fails: the system forgets that anything was to be written, and may at once show
   * what is on the disk again.
   */
  failSync(random: Prng): void {
    if (random.chance(0.5)) this.#lose(random, () => true);
    else for (const change of this.#journal) if (!change.durable) change.abandoned = true;
  }

  /** The power of `host` is lost, and with it what only its page cache had. */
  crash(random: Prng, host: string): void {
    this.#lose(random, (change) => change.host === host);
  }

  #lose(random: Prng, endangered: (change: ContentChange) => boolean): void {
    const journal = this.#journal;
    if (!journal.some((change) => !change.durable && endangered(change))) return;
    this.#journal = [];
    const after = this.#undo(journal);
    const survival = drawSurvival(random, journal.length);
    journal.forEach((change, index) => {
      const written = after[index] as Uint8Array;
      if (change.durable || !endangered(change)) this.#redo(change, written);
      else this.#redoSome(change, written, survival(index), random);
    });
  }

  #undo(journal: readonly ContentChange[]): readonly Uint8Array[] {
    const after: Uint8Array[] = [];
    for (let index = journal.length - 1; index >= 0; index--) {
      const change = journal[index] as ContentChange;
      const { position, length, before, sizeBefore } = change;
      after[index] = this.#bytes.slice(position, position + length);
      this.#resize(sizeBefore);
      this.#bytes.set(before, Math.min(position, sizeBefore));
    }
    return after;
  }

  #redo(change: ContentChange, written: Uint8Array): void {
    if (change.length === 0) this.#resize(change.sizeAfter);
    else {
      this.#resize(Math.max(this.#size, change.position + change.length));
      this.#bytes.set(written, change.position);
    }
  }

  #redoSome(change: ContentChange, written: Uint8Array, survival: Survival, random: Prng): void {
    if (survival === 'none') return;
    if (survival === 'all') {
      this.#redo(change, written);
      return;
    }
    if (change.length === 0) {
      if (random.chance(0.5)) this.#resize(change.sizeAfter);
      return;
    }
    // The size may be on the disk although the data is not: then zeros are read.
    if (random.chance(0.25)) this.#resize(Math.max(this.#size, change.sizeAfter));
    const { position } = change;
    const cut = random.below(change.length + 1);
    const prefix = random.chance(0.5);
    let at = 0;
    while (at < change.length) {
      const next = Math.min(change.length, at + SECTOR - ((position + at) % SECTOR));
      const end = prefix ? Math.min(next, cut) : next;
      if (prefix ? at < cut : random.chance(0.5)) {
        this.#resize(Math.max(this.#size, position + end));
        this.#bytes.set(written.subarray(at, end), position + at);
      }
      at = next;
    }
  }

  /** Sets the size; what is new reads as zeros. */
  #resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2, 64));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    } else if (size < this.#size) {
      this.#bytes.fill(0, size, this.#size);
    }
    this.#size = size;
  }

  #note(change: Omit<ContentChange, 'durable' | 'abandoned'>): void {
    this.#journal.push({ ...change, durable: false, abandoned: false });
  }
}

interface EntryChange extends Unsynced {
  readonly names: readonly NameChange[];
}

interface NameChange {
  readonly name: string;
  readonly before: Inode | undefined;
  readonly after: Inode | undefined;
}

export class DirectoryInode {
  readonly kind = 'directory';
  modified: Timestamp;
  readonly #entries: Map<string, Inode> = new Map();
  #journal: EntryChange[] = [];

  constructor(modified: Timestamp) {
    this.modified = modified;
  }

  get entries(): ReadonlyMap<string, Inode> {
    return this.#entries;
  }

  /** Changes entries, all of them at once, also over a power loss. */
  change(
    changes: readonly (readonly [name: string, after: Inode | undefined])[],
    host: string,
  ): void {
    const names = changes.map(([name, after]) => {
      const before = this.#entries.get(name);
      this.#put(name, after);
      return { name, before, after };
    });
    this.#journal.push({ names, host, durable: false, abandoned: false });
  }

  sync(): void {
    for (const change of this.#journal) change.durable = true;
    settleJournal(this.#journal);
  }

  crash(random: Prng, host: string): void {
    const journal = this.#journal;
    this.#journal = [];
    if (journal.length === 0) return;
    for (const { names } of journal.toReversed()) {
      for (const { name, before } of names.toReversed()) this.#put(name, before);
    }
    const survival = drawSurvival(random, journal.length);
    journal.forEach((change, index) => {
      const kept = survival(index);
      const survives =
        change.durable ||
        change.host !== host ||
        kept === 'all' ||
        (kept === 'part' && random.chance(0.5));
      if (!survives) return;
      for (const { name, after } of change.names) this.#put(name, after);
    });
  }

  #put(name: string, inode: Inode | undefined): void {
    if (inode === undefined) this.#entries.delete(name);
    else this.#entries.set(name, inode);
  }
}

/** Drops what is durable and has nothing before it that is not. */
function settleJournal(journal: Unsynced[]): void {
  const first = journal.findIndex((change) => !change.durable);
  journal.splice(0, first < 0 ? journal.length : first);
}

type Survival = 'none' | 'part' | 'all';

/**
 * How much of each operation that was not synced survives: nothing, all, a prefix, or any of them.
 */
function drawSurvival(random: Prng, operations: number): (index: number) => Survival {
  const cut = random.below(operations + 1);
  switch (random.below(5)) {
    case 0:
      return () => 'none';
    case 1:
      return () => 'all';
    case 2:
      return (index) => (index < cut ? 'all' : index === cut ? 'part' : 'none');
    case 3:
      return () => random.pick(['none', 'part', 'all']);
    default:
      return () => 'part';
  }
}
