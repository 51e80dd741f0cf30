/**
 * Restores a section of a whole snapshot of a state that has a value for a key and nothing besides.
 * All its keys are new: one that comes twice is found while it is inserted.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import { readKey, readNumberKey } from '../../types/key-bytes.ts';
import type { Key } from '../../types/schema.ts';
import type { BlockVisitor } from '../snapshot-file-reader.ts';
import { storeValue } from './column.ts';
import type { Source } from './heap-restore.ts';
import type { HeapState } from './heap-state.ts';
import type { KeyLookup } from './key-context.ts';
import { ABSENT } from './key-group-table.ts';
import type { KeyGroupTable } from './key-group-table.ts';

export async function restoreValues(source: Source, state: HeapState): Promise<void> {
  const { file, section, target } = source;
  const visit =
    file.manifest.keyFamily === 'number' && state.column === 'float64'
      ? numbersByNumber(source, state)
      : anyValues(source, state);
  await file.readBlocks(section, visit, target.pause);
}

/** Monomorphic, for what is most common among large tables. */
function numbersByNumber(source: Source, state: HeapState): BlockVisitor {
  const { codec, kind } = state.schemas.value;
  const { checkKey } = source;
  const isAny = kind === 'float64';
  return (entries, count) => {
    for (let i = 0; i < count; i++) {
      const key = readNumberKey(entries);
      checkKey(entries, key);
      const table = tableOf(source, state, key as number);
      const slot = insert(entries, table, key as number, key);
      const column = table.values as Float64Array;
      if (isAny) column[slot] = entries.float64();
      else column[slot] = codec.decode(entries) as number;
    }
  };
}

function anyValues(source: Source, state: HeapState): BlockVisitor {
  const { context, column } = state;
  const { codec } = state.schemas.value;
  const { checkKey } = source;
  return (entries, count) => {
    for (let i = 0; i < count; i++) {
      const key = readKey(entries);
      checkKey(entries, key);
      const lookup = context.lookupOf(key);
      const table = tableOf(source, state, lookup);
      const slot = insert(entries, table, lookup, key);
      storeValue(column, table.values, slot, codec.decode(entries));
    }
  };
}

function insert(entries: ByteReader, table: KeyGroupTable, lookup: KeyLookup, key: Key): number {
  const slot = table.insertRestored(lookup, key);
  return slot === ABSENT ? entries.corrupt('a key for the second time') : slot;
}

/** Most sections have keys of one kind: there is room for all of them at once. */
function tableOf({ section, target }: Source, state: HeapState, lookup: KeyLookup): KeyGroupTable {
  const group = section.group - target.keyGroups.first;
  const known = state.tableOf(group, lookup);
  if (known !== undefined) return known;
  const table = state.makeTableOf(group, lookup);
  table.reserve(section.entries);
  return table;
}
