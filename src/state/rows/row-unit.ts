/**
 * What a snapshot copies and a restore fills: the memory of one table, or of one slice of a log.
 */
import type { Arena } from './arena.ts';

export interface RowUnit {
  readonly size: number;
  /** All that there is to know, always the same number of them. */
  readonly arenas: readonly Arena[];
  readonly typedBytes: number;
  /** Before it is filled again: an arena without anything in the place of one of these. */
  resetArena(which: number): void;
  /** After the arenas were filled: makes the rest, or says what is wrong. */
  takeRestored(): string | undefined;
}
