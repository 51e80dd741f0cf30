/**
 * State of a key in a namespace: in the tables of a key group its entries are found by the tuple of
 * both. The key group is that of the key alone.
 */
import type { ByteReader } from '../../base/byte-reader.ts';
import type { ByteWriter } from '../../base/byte-writer.ts';
import type { Key } from '../../types/schema.ts';
import type { NamespacedState } from '../keyed-state-backend.ts';
import type { NamespaceReading } from '../state-evolution.ts';
import { readCompoundKey, writeCompoundKey } from './compound-key.ts';
import { HeapState } from './heap-state.ts';
import type { KeyCheck } from './heap-state.ts';
import type { KeyLookup } from './key-context.ts';
import type { KeyedHandle } from './keyed-handle.ts';
import { ABSENT } from './key-group-table.ts';
import type { KeyGroupTable } from './key-group-table.ts';
import { NamespaceContext } from './namespace-context.ts';
import { EvolvingNamespace, NamespaceParts } from './namespace-parts.ts';

/** A key with what it is found by in every namespace that has something of it. */
interface Held {
  readonly key: Key;
  readonly lookups: KeyLookup[];
}

export class NamespacedHeapState extends HeapState {
  override readonly context: NamespaceContext;
  readonly #namespaces: NamespaceParts;

  /** Its entries are found by more than the key. */
  override approach(): number {
    return 0;
  }

  constructor(...args: ConstructorParameters<typeof HeapState>) {
    super(...args);
    this.#namespaces = new NamespaceParts(this.description.namespace);
    this.context = new NamespaceContext(this.parts.context, this.#namespaces);
  }

  /** Calls `visit` for every key that holds something in any namespace, with that key current. */
  forEachKey(visit: (key: Key) => void): void {
    const keys = this.parts.context;
    for (let group = 0; group < this.tables.length; group++) {
      const held = new Map<KeyLookup, Held>();
      for (const table of this.tablesOf(group)) this.#gather(table, held);
      for (const [lookup, { key, lookups }] of held) {
        // Another visit may have removed it.
        const isThere = (tuple: KeyLookup): boolean =>
          (this.tableOf(group, tuple)?.find(tuple) ?? ABSENT) !== ABSENT;
        if (!lookups.some(isThere)) continue;
        keys.take(key, lookup, group);
        visit(key);
      }
    }
  }

  override get hasPlainKeys(): boolean {
    return false;
  }

  override writeKey(tuple: Key, _table: KeyGroupTable, out: ByteWriter): void {
    const [key, ...parts] = tuple as readonly Key[];
    writeCompoundKey(key!, parts, out);
  }

  override evolving(namespace: NamespaceReading | undefined): EvolvingNamespace | undefined {
    return namespace && new EvolvingNamespace(namespace, this.#namespaces, this.names);
  }

  override readKey(entry: ByteReader, check: KeyCheck, former?: EvolvingNamespace): Key {
    const parts: Key[] = [];
    const key = readCompoundKey(entry, parts);
    check(entry, key);
    if (!(former ?? this.#namespaces).fit(parts)) entry.corrupt('a key of another namespace');
    return former === undefined ? [key, ...parts] : [key, ...former.evolved(parts)];
  }

  #gather(table: KeyGroupTable, into: Map<KeyLookup, Held>): void {
    for (const tuple of this.shownKeysOf(table)) {
      const key = (tuple as readonly Key[])[0]!;
      const lookup = this.parts.context.lookupOf(key);
      const known = into.get(lookup);
      if (known === undefined) into.set(lookup, { key, lookups: [this.context.lookupOf(tuple)] });
      else known.lookups.push(this.context.lookupOf(tuple));
    }
  }
}

/** What operators hold of it. */
export class HeapNamespacedState<H, N> implements NamespacedState<H, N> {
  readonly handle: H;
  readonly #state: NamespacedHeapState;

  constructor(state: NamespacedHeapState, handle: H & Pick<KeyedHandle, 'forget'>) {
    this.handle = handle;
    this.#state = state;
  }

  setNamespace(namespace: N): void {
    this.#state.context.setNamespace(namespace, this.#state.names);
  }

  /** After the state has been changed behind the handle's back. */
  forget(): void {
    (this.handle as Pick<KeyedHandle, 'forget'>).forget();
  }
}
