/**
 * What every kind of state agrees on about its snapshots: they are written in slices between the
 * records of a running task, go to an abstract sink of bytes and come back from an abstract source;
 * where the bytes are kept is the checkpoint storage's business.
 */

/**
 * `natural` is the order in which the backend holds its entries; `canonical` is sorted by the
 * canonical bytes of the key within each key group and state, so that any backend can take it over
 * by a merge. Both have the same layout, and every backend restores from both.
 */
export type SnapshotOrder = 'natural' | 'canonical';

/** Names a snapshot of a backend for later ones of the same backend. */
export type SnapshotMark = number & { readonly [mark]: true };
declare const mark: unique symbol;

export interface SnapshotOptions {
  /** `natural` if undefined. */
  readonly order?: SnapshotOrder | undefined;
  /**
   * The mark of an earlier snapshot that is done: this one holds only what has changed since, and
   * is of use only together with it.
   */
  readonly base?: SnapshotMark | undefined;
  /**
   * Whether later ones may have this one as their base. From then on until its mark is released the
   * backend keeps what it is to know of what goes away.
   */
  readonly marked?: boolean | undefined;
}

/** Where the bytes of one snapshot go, in order. */
export interface SnapshotOutput {
  /**
   * The bytes belong to the output from now on. Throwing ends the snapshot: the caller aborts it.
   * @param release to be called, if ever, once nobody needs the bytes any more, at most once: their
   * memory is the caller's again, who writes into it
   */
  write(bytes: Uint8Array, release?: () => void): void;
  /**
   * True while the output would rather get nothing more; the writer then returns `blocked`. Absent:
   * never.
   */
  readonly full?: boolean | undefined;
}

/** Where the bytes of one snapshot come from. */
export interface SnapshotInput {
  /** For messages: the path or address. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `position`; asking beyond the end is an error of the caller. The
   * bytes belong to the caller.
   */
  read(position: number, length: number): Uint8Array | Promise<Uint8Array>;
}

/**
 * `more`: call again; `blocked`: call again when the output is not full any more; `done`: all is
 * written.
 */
export type SliceResult = 'more' | 'blocked' | 'done';

/**
 * A snapshot being written. It shows the state exactly as it was at the record boundary where it
 * began, whatever happens to the state between slices. Forgetting one without `abort` or `done`
 * makes its state keep copies for ever.
 *
 * @example
 * const writer = backend.beginSnapshot(output);
 * const slice = () => {
 *   if (writer.writeSlice(5, now) !== 'done') mailbox.putLow(slice);
 * };
 */
export interface SnapshotWriter {
  /**
   * Writes for about `budgetMillis` by the clock `now`; makes progress even if the budget is 0.
   * Never called after `done` or `abort`. Throws what the output or a codec throws; then only
   * `abort` may follow.
   */
  writeSlice(budgetMillis: number, now: () => number): SliceResult;
  /**
   * Lets go of everything, its mark included; what was written is worthless. Idempotent, and
   * allowed after `done`.
   */
  abort(): void;
  /** Of keyed state that was asked to mark it; a base once it is done. */
  readonly mark: SnapshotMark | undefined;
  /** Entries (of keyed state: a key's value, or a part of its list or map) written so far. */
  readonly entriesWritten: number;
  readonly bytesWritten: number;
}
