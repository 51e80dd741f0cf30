/**
 * One party of an exploration (`interleaving.test-kit.ts`): what it may do, the state it is in, and
 * the thread that runs its calls again up to the next word operation.
 */
import type { SharedRegion } from '../env/env.ts';

export type CallOutcome = 'again' | 'idle' | 'done';

/**
 * One thread. `data` may hold plain values, arrays and objects of the code under test (no `#`
 * fields).
 */
export interface Party<D extends object> {
  readonly name: string;
  /** Begins only when the words say so; until then it is neither run nor missed. */
  readonly startsWhen?: ((words: WordReader) => boolean) | undefined;
  /** May be ended at any step. */
  readonly killable?: boolean | undefined;
  /** How often something else than the doorbell may wake it while it is idle. */
  readonly timers?: number | undefined;
  /**
   * What it may ever do to a word. An operation that no other living party can tell of is carried
   * out at once, since every order of it and the others' operations comes to the same.
   */
  uses(region: number, word: number): WordUse;
  begin(regions: readonly SharedRegion[]): D;
  /** Makes one call; `again` for another one, `idle` to wait for a notification. */
  call(data: D): CallOutcome;
  /** A wait has been notified. */
  notified?(data: D): void;
  /** Woken by something else. */
  timer?(data: D): void;
}

export type WordUse = 'none' | 'reads' | 'writes';
export type WordReader = (region: number, word: number) => number;

type Operation = 'load' | 'store' | 'exchange' | 'compareExchange' | 'add' | 'wait' | 'notify';

export interface PendingOperation {
  readonly operation: Operation;
  readonly region: number;
  readonly word: number;
  readonly first: number;
  readonly second: number;
}

/** Memory as a party sees it, with either kind of garbage. */
export type Views = readonly [Uint8Array, Uint8Array];

export interface LogEntry {
  readonly result: number;
  /** What was seen after it; undefined if the code up to the next operation looked at no bytes. */
  readonly views: Views | undefined;
}

export interface PartyState {
  readonly status: 'dormant' | 'ready' | 'computing' | 'idle' | 'done' | 'dead';
  /** As it was before the current call. */
  readonly data: object | undefined;
  /** What it saw when the current call began; undefined if it did not look. */
  readonly start: Views | undefined;
  readonly log: readonly LogEntry[];
  /**
   * In `ready`: what comes next. In `computing`: undefined, the result below has not been used yet.
   */
  readonly next: PendingOperation | undefined;
  readonly result: number;
  readonly event: 'call' | 'notified' | 'timer';
  /** Region * 4096 + word of its armed wait, or -1. */
  readonly waiting: number;
  readonly isNotified: boolean;
  readonly timers: number;
  readonly key: string;
}

const suspend = new Error('suspended at a word operation');
export const GARBAGE = [0xa5, 0x5a] as const;

/** Where the words end and the plain bytes begin: a region's first bytes are never read plainly. */
export const WORD_BYTES = 512;

/** A region as one party sees it while one of its calls runs again. */
class RegionView implements SharedRegion {
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  readonly #thread: Thread;
  readonly #index: number;

  constructor(thread: Thread, index: number, byteLength: number) {
    this.#thread = thread;
    this.#index = index;
    this.byteLength = byteLength;
    this.bytes = new Uint8Array(byteLength);
  }

  load(word: number): number {
    return this.#thread.step('load', this.#index, word, 0, 0);
  }
  store(word: number, value: number): void {
    this.#thread.step('store', this.#index, word, value, 0);
  }
  exchange(word: number, value: number): number {
    return this.#thread.step('exchange', this.#index, word, value, 0);
  }
  compareExchange(word: number, expected: number, value: number): number {
    return this.#thread.step('compareExchange', this.#index, word, expected, value);
  }
  add(word: number, value: number): number {
    return this.#thread.step('add', this.#index, word, value, 0);
  }
  wait(word: number, expected: number): void {
    this.#thread.step('wait', this.#index, word, expected, 0);
  }
  notify(word: number): void {
    this.#thread.step('notify', this.#index, word, 0, 0);
  }
}

export type Segments = readonly [Segment, Segment];

export interface Segment {
  readonly next: PendingOperation | undefined;
  readonly outcome: CallOutcome | undefined;
  readonly data: object;
  readonly writes: bigint;
  readonly view: Uint8Array;
}

/** Runs one party's calls again and again. */
export class Thread {
  readonly regions: readonly RegionView[];
  readonly #party: Party<object>;
  #log: readonly LogEntry[] = [];
  #garbage: 0 | 1 = 0;
  #at = 0;
  #next: PendingOperation | undefined;

  constructor(party: Party<object>, sizes: readonly number[]) {
    this.#party = party;
    this.regions = sizes.map((size, index) => new RegionView(this, index, size));
  }

  step(operation: Operation, region: number, word: number, first: number, second: number): number {
    const entry = this.#log[this.#at];
    if (entry === undefined) {
      this.#next = { operation, region, word, first, second };
      throw suspend;
    }
    this.#at += 1;
    if (entry.views !== undefined) this.#show(entry.views[this.#garbage]);
    return entry.result;
  }

  /** Runs a call from its beginning to the first operation that is not in the log, or its end. */
  run(
    before: PartyState,
    log: readonly LogEntry[],
    start: Views | undefined,
    garbage: 0 | 1,
  ): Segment {
    this.#log = log;
    this.#garbage = garbage;
    this.#at = 0;
    this.#next = undefined;
    if (start !== undefined) this.#show(start[garbage]);
    const shown = (log.length === 0 ? start : log[log.length - 1]!.views)![garbage];
    let data: object = {};
    let outcome: CallOutcome | undefined;
    try {
      if (before.data === undefined) {
        data = this.#party.begin(this.regions);
        outcome = 'again';
      } else {
        data = clone(before.data);
        outcome = this.#event(before.event, data);
      }
    } catch (thrown) {
      if (thrown !== suspend) throw thrown;
    }
    const view = plainBytes(this.regions);
    let writes = 0n;
    for (let i = 0; i < view.length; i += 1) if (view[i] !== shown[i]) writes |= 1n << BigInt(i);
    return { next: this.#next, outcome, data, writes, view };
  }

  #event(event: PartyState['event'], data: object): CallOutcome {
    if (event === 'notified') this.#party.notified!(data);
    else if (event === 'timer') this.#party.timer!(data);
    else return this.#party.call(data);
    return 'again';
  }

  #show(view: Uint8Array): void {
    let at = 0;
    for (const region of this.regions) {
      const length = Math.max(0, region.byteLength - WORD_BYTES);
      region.bytes.set(view.subarray(at, at + length), region.byteLength - length);
      at += length;
    }
  }
}

export function plainBytes(regions: readonly SharedRegion[]): Uint8Array {
  const parts = regions.map(({ bytes }) => bytes.subarray(Math.min(WORD_BYTES, bytes.length)));
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A deep copy; memory (regions and views of them) is shared. */
function clone<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof RegionView || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(clone) as T;
  const copy = Object.create(Object.getPrototypeOf(value) as object | null) as Record<
    string,
    unknown
  >;
  for (const [name, field] of Object.entries(value)) copy[name] = clone(field);
  return copy as T;
}

function describe(value: unknown): string {
  if (typeof value === 'function') return 'f';
  if (typeof value !== 'object' || value === null) return String(value);
  if (value instanceof RegionView || ArrayBuffer.isView(value)) return 'm';
  if (Array.isArray(value)) return `[${value.map(describe).join()}]`;
  return `{${Object.values(value).map(describe).join()}}`;
}

/** The state a party is in at a call's beginning does not change any more: described once. */
const described = new WeakMap<object, string>();

export function describeOnce(value: object | undefined): string {
  if (value === undefined) return '';
  let text = described.get(value);
  if (text === undefined) described.set(value, (text = describe(value)));
  return text;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** Memory for `Scenario.prepare`: operations take effect at once. */
export class PreparedRegion implements SharedRegion {
  readonly byteLength: number;
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    this.bytes = new Uint8Array(byteLength);
    this.#words = new Int32Array(this.bytes.buffer);
  }

  load(word: number): number {
    return this.#words[word]!;
  }
  store(word: number, value: number): void {
    this.#words[word] = value;
  }
  exchange(word: number, value: number): number {
    const before = this.#words[word]!;
    this.#words[word] = value;
    return before;
  }
  compareExchange(word: number, expected: number, value: number): number {
    const before = this.#words[word]!;
    if (before === expected) this.#words[word] = value;
    return before;
  }
  add(word: number, value: number): number {
    return this.exchange(word, this.#words[word]! + value);
  }
  wait(): void {
    throw new Error('nobody sleeps while memory is prepared');
  }
  notify(): void {}
}

export function isOver(party: PartyState): boolean {
  return party.status === 'done' || party.status === 'dead';
}

/**
 * The log and the first view of a call with the result that came last, and what is seen after it.
 */
export function resumed(
  party: PartyState,
  views: Views | undefined,
): { readonly log: readonly LogEntry[]; readonly start: Views | undefined } {
  if (party.next === undefined) return { log: party.log, start: views };
  return { log: [...party.log, { result: party.result, views }], start: party.start };
}

/** Both runs did the same. */
export function isSame([first, second]: Segments): boolean {
  return (
    first.outcome === second.outcome &&
    describeOnce(first.next) === describeOnce(second.next) &&
    (first.next !== undefined || describe(first.data) === describe(second.data))
  );
}

/** The code did the same though it could see nothing but garbage, and wrote nothing. */
export function isBlind(segments: Segments): boolean {
  return segments[0].writes === 0n && segments[1].writes === 0n && isSame(segments);
}

/** I1: everything that decides what the party does from here on. */
export function keyed(party: PartyState): PartyState {
  const gone = isOver(party);
  const seen = (views: Views | undefined): string =>
    views === undefined ? '' : latin1(views[0]) + latin1(views[1]);
  const log = party.log.map(({ result, views }) => `${result}:${seen(views)}`).join('/');
  const key = [
    party.status,
    describeOnce(party.data),
    gone ? '' : seen(party.start),
    gone ? '' : log,
    gone ? '' : describeOnce(party.next),
    gone ? '' : party.result,
    party.event,
    party.waiting,
    party.isNotified,
    party.timers,
  ].join(';');
  return { ...party, key };
}
