/**
 * Timers of keys in memory, ordered by time and without duplicates.
 *
 * Invariants
 * J1. Every live slot of the table is in the order once, with its time. Other slots in the order
 *     are of deleted timers: `#deleted` counts them, and they are released when they leave it.
 * J2. The least of the order, if there is one, is live.
 */
import { EngineError } from '../../../base/errors.ts';
import type { Key } from '../../../types/schema.ts';
import type { TimerQueue } from '../../keyed-state-backend.ts';
import type { StateDescription } from '../../state-description.ts';
import { valueInvalid } from '../../state-errors.ts';
import type { StateNames } from '../../state-errors.ts';
import type { NamespaceReading } from '../../state-evolution.ts';
import { FrozenTimers } from './frozen-timers.ts';
import type { HeapBackendParts } from '../heap-state.ts';
import type { KeyContext, KeyLookup } from '../key-context.ts';
import { hashLookup } from '../lookup-index.ts';
import { EvolvingNamespace, NamespaceParts } from '../namespace-parts.ts';
import { RemovalLog } from '../removal-log.ts';
import type { VersionClock } from '../version-clock.ts';
import { TimerOrder } from './timer-order.ts';
import { newTimer, TimerTable } from './timer-table.ts';
import type { Timer } from './timer-table.ts';

const DELETED_MIN = 64;

export class HeapTimerQueue implements TimerQueue<unknown> {
  readonly index: number;
  readonly description: StateDescription;
  readonly parts: NamespaceParts;
  readonly #context: KeyContext;
  readonly #groups: number;
  readonly #clock: VersionClock;
  /** By group: key, time and parts of the namespace. */
  readonly #removals: (RemovalLog<Key> | undefined)[] = [];
  readonly #order = new TimerOrder();
  #table: TimerTable;
  #deleted = 0;
  /** What is registered or deleted. */
  readonly #asked: Timer = newTimer();
  /** What was popped. */
  readonly #popped: Timer = newTimer();
  #namespace: unknown = undefined;

  constructor(
    index: number,
    description: StateDescription,
    { context, clock }: HeapBackendParts,
    groups: number,
  ) {
    this.#clock = clock;
    this.index = index;
    this.description = description;
    this.parts = new NamespaceParts(description.namespace);
    this.#context = context;
    this.#groups = groups;
    this.#table = this.#newTable();
  }

  get name(): string {
    return this.description.name;
  }

  get names(): StateNames {
    return { operator: this.#context.operator, state: this.name };
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#order.bytes + this.#table.bytes;
  }

  register(at: number, namespace: unknown): void {
    this.#ask(at, namespace);
    const slot = this.#table.add(this.#asked);
    if (slot >= 0) this.#order.push(this.#asked.time, slot);
  }

  delete(at: number, namespace: unknown): void {
    const asked = this.#asked;
    this.#ask(at, namespace);
    const slot = this.#table.find(asked);
    if (slot < 0) return;
    this.#noteRemoval(slot, asked);
    this.#remove(slot, asked);
  }

  /** But not from the order. */
  #remove(slot: number, timer: Timer): void {
    this.#table.remove(slot, timer);
    this.#deleted += 1;
    this.#settle();
    if (this.#deleted > DELETED_MIN && this.#deleted > this.#table.size) this.#sweep();
  }

  get next(): number {
    return this.#order.time;
  }

  pop(limit: number): boolean {
    if (this.#table.size === 0 || this.#order.time > limit) return false;
    const popped = this.#popped;
    const slot = this.#order.slot;
    const table = this.#table;
    table.load(slot, popped);
    this.#noteRemoval(slot, popped);
    table.remove(slot, popped);
    table.release(slot);
    this.#order.pop();
    if (this.#deleted > 0) this.#settle();
    if (table.sparse) this.#sweep();
    this.#namespace = this.parts.numeric ? undefined : popped.namespace;
    this.#context.take(popped.key, popped.lookup, popped.group);
    return true;
  }

  get at(): number {
    return this.#popped.time;
  }

  get namespace(): unknown {
    if (this.parts.count === 0) return undefined;
    return (this.#namespace ??= this.parts.join(this.#popped.parts));
  }

  timersOfCurrentKey(): readonly { readonly at: number; readonly namespace: unknown }[] {
    const { lookup } = this.#context;
    if (lookup === undefined) this.#outside();
    const found: { at: number; namespace: unknown }[] = [];
    const timer = newTimer();
    for (let slot = 0; slot < this.#table.end; slot++) {
      if (!this.#table.isLive(slot)) continue;
      this.#table.load(slot, timer);
      if (!isSame(timer.lookup, lookup)) continue;
      const namespace = this.parts.numeric ? this.parts.join(timer.parts) : timer.namespace;
      found.push({ at: timer.time, namespace });
    }
    return found.sort((a, b) => a.at - b.at);
  }

  /** Calls `visit` for every key that has a timer, with that key current; it may change timers. */
  forEachKey(visit: (key: Key) => void): void {
    const timersOf = new Map<KeyLookup, Timer[]>();
    for (let slot = 0; slot < this.#table.end; slot++) {
      if (!this.#table.isLive(slot)) continue;
      const timer = newTimer();
      this.#table.load(slot, timer);
      const known = timersOf.get(timer.lookup);
      if (known === undefined) timersOf.set(timer.lookup, [timer]);
      else known.push(timer);
    }
    for (const timers of timersOf.values()) {
      // Another visit may have removed them.
      if (!timers.some((timer) => this.#table.find(timer) >= 0)) continue;
      const { key, lookup, group } = timers[0]!;
      this.#context.take(key, lookup, group);
      visit(key);
    }
  }

  /**
   * For a restore: a timer of any key, by its parts as they were stored. False if it is there
   * already.
   */
  restore(timer: Timer, parts: readonly Key[]): boolean {
    this.#complete(timer, parts);
    const slot = this.#table.add(timer);
    if (slot >= 0) this.#order.push(timer.time, slot);
    return slot >= 0;
  }

  /** The same of one that has gone, if it is there. */
  restoreRemoved(timer: Timer, parts: readonly Key[]): void {
    this.#complete(timer, parts);
    const slot = this.#table.find(timer);
    if (slot >= 0) this.#remove(slot, timer);
  }

  /** Of namespaces that were stored with another schema. */
  evolving(namespace: NamespaceReading | undefined): EvolvingNamespace | undefined {
    return namespace && new EvolvingNamespace(namespace, this.parts, this.names);
  }

  /** Gives away all timers, with the parts of their namespaces. Before the first snapshot. */
  takeAll(take: (timer: Timer, parts: readonly Key[]) => void): void {
    for (let slot = 0; slot < this.#table.end; slot++) {
      if (!this.#table.isLive(slot)) continue;
      const timer = newTimer();
      this.#table.load(slot, timer);
      const parts: Key[] = [];
      if (this.parts.numeric) parts.push(...timer.parts);
      else this.parts.split(timer.namespace, parts, this.names);
      // Those who take it may have others, and more or fewer.
      timer.parts.length = 0;
      timer.namespace = undefined;
      take(timer, parts);
    }
    this.drop();
  }

  #complete(timer: Timer, parts: readonly Key[]): void {
    timer.hash = hashLookup(timer.lookup);
    this.#setNamespace(timer, this.parts.count === 0 ? undefined : this.parts.join(parts));
  }

  /** The timers as they are now. */
  freeze(since: number, version: number): FrozenTimers {
    const removed = Array.from({ length: this.#groups }, (_, group) =>
      since === 0 ? [] : (this.#removals[group]?.between(since, version) ?? []),
    );
    return new FrozenTimers(this, this.#table.freeze(), since, removed);
  }

  /** V3: before the timer in the slot goes. */
  #noteRemoval(slot: number, timer: Timer): void {
    const clock = this.#clock;
    if (clock.newestMark === 0 || this.#table.isYounger(slot, clock.newestMark)) return;
    let parts: Key[] = [];
    if (this.parts.numeric) parts = timer.parts;
    else this.parts.split(timer.namespace, parts, this.names);
    const log = (this.#removals[timer.group] ??= new RemovalLog<Key>(clock));
    log.add([timer.key, timer.time, ...parts]);
  }

  /** Lets go of everything. */
  drop(): void {
    this.#order.filter(() => -1);
    this.#table = this.#newTable();
    this.#deleted = 0;
  }

  #newTable(): TimerTable {
    return new TimerTable(this.parts.count, this.parts.numeric, this.#clock);
  }

  #ask(at: number, namespace: unknown): void {
    const { key, lookup, group } = this.#context;
    if (lookup === undefined) this.#outside();
    if (!Number.isSafeInteger(at)) throw valueInvalid(this.names, at, 'timestamp');
    const asked = this.#asked;
    asked.time = at;
    if (lookup !== asked.lookup || lookup !== lookup) {
      asked.key = key!;
      asked.lookup = lookup;
      asked.hash = hashLookup(lookup);
      asked.group = group;
    }
    if (this.parts.count > 0) this.#setNamespace(asked, namespace);
  }

  #setNamespace(timer: Timer, namespace: unknown): void {
    if (this.parts.numeric) return this.parts.split(namespace, timer.parts, this.names);
    timer.parts[0] = this.parts.textOf(namespace, this.names);
    timer.namespace = namespace;
  }

  /** J2 */
  #settle(): void {
    while (this.#order.time !== Infinity && !this.#table.isLive(this.#order.slot)) {
      this.#table.release(this.#order.slot);
      this.#order.pop();
      this.#deleted -= 1;
    }
  }

  /** Takes deleted timers out of the order, and gives memory back. */
  #sweep(): void {
    const moved = this.#table.compact();
    this.#order.filter((slot) => moved[slot]!);
    this.#deleted = 0;
  }

  #outside(): never {
    throw new EngineError('USER_CODE_OUTSIDE_CALL', {
      what: `timers "${this.name}"`,
      operator: this.#context.operator,
    });
  }
}

function isSame(left: KeyLookup, right: KeyLookup): boolean {
  return left === right || (left !== left && right !== right);
}
