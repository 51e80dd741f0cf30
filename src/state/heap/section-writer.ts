/**
 * Writes one section of a keyed snapshot, a step at a time, in one of the two orders.
 *
 * Invariants
 * Z1. The canonical order sorts by the canonical bytes of the key; the parts of a key's list or map
 *     keep their order.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import type { SnapshotFileWriter } from '../snapshot-file-writer.ts';
import type { EntrySource } from './entry-writer.ts';

/** Entries and bytes after which a step ends. */
const STEP_ENTRIES = 64;
const STEP_BYTES = 16 * 1024;
/** Entries and bytes that are sorted at once. */
const RUN_ENTRIES = 1024;
const RUN_BYTES = 1024 * 1024;

/** Does a little of the work; false when the section is complete. */
export interface SectionWriter {
  step(file: SnapshotFileWriter): boolean;
}

/** In the order of the table. */
export class NaturalSectionWriter implements SectionWriter {
  readonly #entries: EntrySource;

  constructor(entries: EntrySource) {
    this.#entries = entries;
  }

  step(file: SnapshotFileWriter): boolean {
    const from = file.bytesWritten;
    for (let i = 0; i < STEP_ENTRIES && file.bytesWritten - from < STEP_BYTES; i++) {
      const at = this.#entries.next();
      if (at !== 'entry') return at === 'pause';
      this.#entries.write(file.entry());
      file.endEntry();
    }
    return true;
  }
}

interface RunEntry {
  /** The canonical bytes of the key as text, a character a byte. */
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** A sorted part of the section. */
interface Run {
  /** Z1: among equal keys, earlier runs come first. */
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly entries: readonly RunEntry[];
  at: number;
}

/** Sorts the section in runs as it goes through the table, then merges them. */
export class CanonicalSectionWriter implements SectionWriter {
  readonly #entries: EntrySource;
  readonly #scratch = new ByteWriter(64 * 1024);
  #gathered: RunEntry[] = [];
  /** Once `#merging`, a binary heap by the entry at `at`; none is exhausted. */
  readonly #runs: Run[] = [];
  #merging = false;

  constructor(entries: EntrySource) {
    this.#entries = entries;
  }

  step(file: SnapshotFileWriter): boolean {
    return this.#merging ? this.#merge(file) : this.#gather();
  }

  #gather(): boolean {
    const out = this.#scratch;
    for (let i = 0; i < STEP_ENTRIES; i++) {
      const at = this.#entries.next();
      if (at === 'pause') return true;
      if (at === 'end') {
        this.#endRun();
        for (let run = (this.#runs.length >> 1) - 1; run >= 0; run--) this.#sink(run);
        this.#merging = true;
        return this.#runs.length > 0;
      }
      const start = out.offset;
      this.#entries.write(out);
      const key = out.bytes.latin1Slice(start, start + this.#entries.keyBytes);
      this.#gathered.push({ key, start, end: out.offset });
      if (this.#gathered.length === RUN_ENTRIES || out.offset >= RUN_BYTES) {
        this.#endRun();
        return true;
      }
    }
    return true;
  }

  #endRun(): void {
    if (this.#gathered.length === 0) return;
    // Stable, which keeps the order of parts (Z1).
    const entries = this.#gathered.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.#runs.push({ number: this.#runs.length, bytes: this.#scratch.copy(), entries, at: 0 });
    this.#gathered = [];
    this.#scratch.reset();
  }

  #merge(file: SnapshotFileWriter): boolean {
    const runs = this.#runs;
    const from = file.bytesWritten;
    for (let i = 0; i < STEP_ENTRIES && file.bytesWritten - from < STEP_BYTES; i++) {
      const run = runs[0];
      if (run === undefined) return false;
      const { start, end } = run.entries[run.at]!;
      file.entry().raw(run.bytes.subarray(start, end));
      file.endEntry();
      run.at += 1;
      if (run.at === run.entries.length) {
        const last = runs.pop()!;
        if (runs.length > 0) runs[0] = last;
      }
      this.#sink(0);
    }
    return true;
  }

  #sink(from: number): void {
    const runs = this.#runs;
    let at = from;
    for (;;) {
      let least = at;
      for (let child = at * 2 + 1; child <= at * 2 + 2 && child < runs.length; child++) {
        if (precedes(runs[child]!, runs[least]!)) least = child;
      }
      if (least === at) return;
      [runs[at], runs[least]] = [runs[least]!, runs[at]!];
      at = least;
    }
  }
}

function precedes(left: Run, right: Run): boolean {
  const a = left.entries[left.at]!.key;
  const b = right.entries[right.at]!.key;
  return a === b ? left.number < right.number : a < b;
}
