/**
 * The layout of a snapshot, shared by its writer and its reader.
 *
 *   header    magic u32, version u16, kind u8, 0 u8, crc u32 of these
 *   blocks    crc u32 of the rest, payload length u32, section u32, number within the section u32,
 *             entries u32, payload: whole entries one after another
 *   manifest  what the states are, as JSON, then one row for each section
 *   trailer manifest length u32, manifest crc u32, size of the whole u64, magic u32, crc u32 of
 *   these
 *
 * A section holds the entries of one state in one key group (0 for operator state), or the keys of
 * those that have gone since the base of the snapshot, which come first. An entry of keyed state is
 * the canonical bytes of the key and the value in the codec of its schema, for lists and maps a
 * part of it behind the number of its elements: a key may come several times, and its parts are in
 * order. Sections follow one another without a gap, so that every byte is under a checksum. All
 * numbers are little-endian.
 */
import { EngineError } from '../base/errors.ts';
import type { KeyFamily } from '../types/key.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { KeyGroupRange } from './keyed-state-backend.ts';
import type { SnapshotOrder } from './snapshot.ts';
import type { StateDescription } from './state-description.ts';

export const HEADER_MAGIC = 0x534e_524d;
export const TRAILER_MAGIC = 0x4d52_4e53;
export const SNAPSHOT_VERSION = 2;
export const HEADER_BYTES = 12;
export const BLOCK_HEADER_BYTES = 20;
export const TRAILER_BYTES = 24;
/** A block is closed when it holds this much; the entry that fills it may be longer. */
export const BLOCK_BYTES: number = 64 * 1024;

export const SnapshotKind: { readonly keyed: 1; readonly operator: 2 } = { keyed: 1, operator: 2 };
export type SnapshotKindName = keyof typeof SnapshotKind;

/** `entries` are new, or come in the place of those with the same keys; `removals` are keys. */
export type SectionMode = 'entries' | 'removals';
export const SECTION_MODES: readonly SectionMode[] = ['entries', 'removals'];

/** Tells one snapshot from others. */
export interface SnapshotIdentity {
  readonly size: number;
  /** Of the manifest, and so of everything. */
  readonly crc: number;
}

/** What a keyed snapshot says of itself. */
export interface KeyedManifest {
  readonly kind: 'keyed';
  readonly operator: string;
  readonly order: SnapshotOrder;
  /** Null: it is whole. */
  readonly base: SnapshotIdentity | null;
  readonly keyHashVersion: number;
  readonly maxParallelism: number;
  readonly keyGroups: KeyGroupRange;
  /** Null while there has been no key. */
  readonly keyFamily: KeyFamily | null;
  /** Null where the family alone was known. */
  readonly keySchema: SchemaDescription | null;
  readonly states: readonly StateDescription[];
}

/** What a snapshot of operator state says of itself. */
export interface OperatorManifest {
  readonly kind: 'operator';
  readonly operator: string;
  readonly subtask: number;
  readonly parallelism: number;
  readonly states: readonly StateDescription[];
}

export type Manifest = KeyedManifest | OperatorManifest;

/** A row of the manifest. */
export interface Section {
  /** Counts the sections from 0. */
  readonly number: number;
  /** Index in `states`. */
  readonly state: number;
  readonly group: number;
  readonly mode: SectionMode;
  readonly offset: number;
  readonly length: number;
  readonly blocks: number;
  readonly entries: number;
  /** Of the headers of all blocks, and so of all that is in them. */
  readonly crc: number;
}

/** @throws EngineError STATE_SNAPSHOT_CORRUPT always. */
export function corrupt(source: string, reason: string, cause?: unknown): never {
  throw new EngineError('STATE_SNAPSHOT_CORRUPT', { source, reason }, { cause });
}
