/**
 * State on the heap as jobs have it, of about so many bytes in a snapshot: counts by number, a
 * quarter of the bytes, and structs with texts by text.
 */
import { state } from '../../src/functions/state.ts';
import type { ValueState } from '../../src/functions/state.ts';
import { HeapKeyedStateBackend } from '../../src/state/heap/heap-keyed-state-backend.ts';
import { t } from '../../src/types/index.ts';
import type { Infer } from '../../src/types/index.ts';
import { hashKey } from '../../src/types/key.ts';
import type { Key } from '../../src/types/schema.ts';

const GROUPS = 128;
const NUMBER_BYTES = 17;
const TEXT_BYTES = 100;

const Account = t.struct({
  owner: t.string,
  city: t.string,
  balance: t.float64,
  orders: t.int32,
  updatedAt: t.timestamp,
  note: t.string,
});
type Account = Infer<typeof Account>;

export type Kind = 'numbers' | 'texts';

/** One operator with keys of that kind. */
export class HeapStateUnderTest {
  readonly kind: Kind;
  readonly keys: number;
  readonly backend: HeapKeyedStateBackend;
  readonly #counts: ValueState<number | undefined> | undefined;
  readonly #accounts: ValueState<Account | undefined> | undefined;
  #at = 0;

  constructor(kind: Kind, bytes: number) {
    this.kind = kind;
    this.keys = Math.floor(bytes / (kind === 'numbers' ? NUMBER_BYTES : TEXT_BYTES));
    this.backend = HeapKeyedStateBackend.open({
      operator: kind,
      keyGroups: { first: 0, last: GROUPS - 1 },
      maxParallelism: GROUPS,
      pause: async () => await new Promise((done) => void setImmediate(done)),
    });
    if (kind === 'numbers') this.#counts = this.backend.register('count', state.value(t.float64));
    else this.#accounts = this.backend.register('account', state.value(Account));
  }

  fill(): void {
    for (let i = 0; i < this.keys; i++) this.#set(i, i);
    this.backend.clearCurrentKey();
  }

  /** Changes some keys: other ones at every call, until all have had their turn. */
  update(count: number): void {
    for (let i = 0; i < count; i++) {
      this.#set(this.#at, -i);
      this.#at = (this.#at + 7919 * 13) % this.keys;
    }
    this.backend.clearCurrentKey();
  }

  /** Of some of what `fill` has written. @throws Error if it is something else */
  check(): void {
    if (this.backend.usage.entries !== this.keys) throw new Error('entries were lost');
    for (let i = 0; i < this.keys; i += 997) {
      this.#current(i);
      const value = this.#counts?.get() ?? this.#accounts?.get()?.balance;
      if (value !== i + 0.5) throw new Error(`the key ${i} has ${value}`);
    }
    this.backend.clearCurrentKey();
  }

  #set(i: number, to: number): void {
    this.#current(i);
    if (this.#counts !== undefined) return this.#counts.set(to + 0.5);
    this.#accounts!.set({
      owner: `owner number ${i}`,
      city: CITIES[i % CITIES.length]!,
      balance: to + 0.5,
      orders: i & 0xffff,
      updatedAt: (1_700_000_000_000 + i) as Account['updatedAt'],
      note: i % 3 === 0 ? 'prefers to be called in the morning' : 'none',
    });
  }

  #current(i: number): void {
    const key: Key = this.kind === 'numbers' ? i : `account-${i}`;
    this.backend.setCurrentKey(key, (hashKey(key) >>> 0) % GROUPS);
  }
}

const CITIES = ['Amsterdam', 'Berlin', 'Casablanca', 'Dublin', 'Edinburgh', 'Frankfurt'];
