/**
 * Runs code over shared memory through every order of its word operations. A party is a function
 * that makes one call of the code under test after another; it is suspended at each word operation
 * by an exception and resumed by running the call again on a copy of its data, with the results
 * logged.
 *
 * Plain bytes: only what a party has been told of by word operations (a store seen by a load) can
 * be relied on. Everything else reads as garbage, and every stretch of code between two word
 * operations runs twice, with two kinds of garbage, and must do the same. So no order of plain
 * accesses needs to be explored: code that passes has no data race, and code without data races
 * behaves sequentially consistently in JavaScript's memory model. For the same reason a kill
 * between two word operations need not be explored byte by byte: what the dead party wrote and did
 * not publish is garbage for ever.
 *
 * I1. A state is fully described by its key; a state with a known key is not explored again.
 * I2. Words change by the operations of the parties only; bytes by what a party has changed in its
 *     view.
 */
import type { SharedRegion } from '../env/env.ts';
import type {
  Party,
  PartyState,
  PendingOperation,
  Segment,
  Segments,
  Views,
  WordReader,
} from './interleaving-party.test-kit.ts';
import {
  GARBAGE,
  isBlind,
  isOver,
  isSame,
  keyed,
  latin1,
  plainBytes,
  PreparedRegion,
  resumed,
  Thread,
  WORD_BYTES,
} from './interleaving-party.test-kit.ts';

/** Found by the exploration: what went wrong, and the steps that lead to it. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface Outcome {
  readonly word: WordReader;
  /** Data of every party that has begun. */
  readonly data: ReadonlyMap<string, object>;
  readonly dead: ReadonlySet<string>;
  readonly idle: ReadonlySet<string>;
}

export interface Scenario {
  readonly regions: readonly number[];
  /** Prepares the memory; not explored. */
  prepare(regions: readonly SharedRegion[]): void;
  readonly parties: readonly Party<never>[];
  readonly kills: number;
  /** Word that becomes 1 when a party has been killed: what the supervisor of threads knows. */
  deathWord(name: string): { readonly region: number; readonly word: number };
  /** Looks at a state in which nothing can happen any more. Throws a Violation. */
  end(outcome: Outcome): void;
}

export interface Exploration {
  readonly states: number;
  readonly ends: number;
}

interface State {
  /**
   * By number of the word, in the order in which words have been met; one that is not there is 0.
   */
  readonly words: readonly number[];
  readonly bytes: Uint8Array;
  /** Which bytes each word's last store tells of, by word; a bit a byte. */
  readonly told: readonly bigint[];
  /** Which bytes each party knows the latest value of. */
  readonly known: readonly bigint[];
  /** Bytes that a dead party may have left half written. */
  readonly torn: bigint;
  readonly parties: readonly PartyState[];
  readonly kills: number;
  readonly trace: Trace | undefined;
}

interface Trace {
  readonly step: string;
  readonly before: Trace | undefined;
}

/** Explores everything. @throws Violation with the steps that lead to it. */
export function explore(scenario: Scenario): Exploration {
  return new Explorer(scenario).run();
}

class Explorer {
  readonly #scenario: Scenario;
  readonly #parties: readonly Party<object>[];
  readonly #threads: readonly Thread[];
  readonly #seen = new Map<string, number>();
  readonly #states: State[] = [];
  /** Steps taken, as pairs of states. */
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #final: number[] = [];
  #current = -1;
  readonly #open: number[] = [];
  readonly #words = new Map<number, number>();
  readonly #keys = new Map<string, number>();
  readonly #segments: Map<string, Segments>[];
  #blind: Views = [new Uint8Array(0), new Uint8Array(0)];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#parties = scenario.parties;
    this.#threads = this.#parties.map((party) => new Thread(party, scenario.regions));
    this.#segments = this.#parties.map(() => new Map<string, Segments>());
  }

  run(): Exploration {
    this.#add(this.#first());
    for (let id = this.#open.pop(); id !== undefined; id = this.#open.pop()) {
      this.#current = id;
      this.#expand(this.#states[id]!);
    }
    this.#findEndless();
    return { states: this.#states.length, ends: this.#final.length };
  }

  #first(): State {
    const regions = this.#scenario.regions.map((size) => new PreparedRegion(size));
    this.#scenario.prepare(regions);
    const words: number[] = [];
    regions.forEach((region, index) => {
      for (let word = 0; word < Math.min(region.byteLength, WORD_BYTES) / 4; word += 1) {
        const value = region.load(word);
        if (value !== 0) words[this.#wordNumber(index, word)] = value;
      }
    });
    const bytes = plainBytes(regions);
    this.#blind = [bytes.slice().fill(GARBAGE[0]), bytes.slice().fill(GARBAGE[1])];
    const all = (1n << BigInt(bytes.length)) - 1n;
    const parties = this.#parties.map((party): PartyState =>
      keyed({
        status: party.startsWhen === undefined ? 'computing' : 'dormant',
        data: undefined,
        start: undefined,
        log: [],
        next: undefined,
        result: 0,
        event: 'call',
        waiting: -1,
        isNotified: false,
        timers: party.timers ?? 0,
        key: '',
      }),
    );
    const known = parties.map(() => all);
    const { kills } = this.#scenario;
    return {
      words,
      bytes,
      told: words.map(() => 0n),
      known,
      torn: 0n,
      parties,
      kills,
      trace: undefined,
    };
  }

  #wordNumber(region: number, word: number): number {
    const id = region * 4096 + word;
    const known = this.#words.get(id);
    if (known !== undefined) return known;
    this.#words.set(id, this.#words.size);
    return this.#words.size - 1;
  }

  #reader(state: State): WordReader {
    return (region, word) => state.words[this.#wordNumber(region, word)] ?? 0;
  }

  /** Party states are many times fewer than states: a number stands for each. */
  #keyOf(party: PartyState): number {
    let id = this.#keys.get(party.key);
    if (id === undefined) this.#keys.set(party.key, (id = this.#keys.size));
    return id;
  }

  #add(state: State): void {
    const { parties, known, told, words, bytes, torn, kills } = state;
    // What every living party knows anyway makes no difference when it is told again.
    let common = -1n;
    for (let i = 0; i < parties.length; i += 1) if (!isOver(parties[i]!)) common &= known[i]!;
    let key = latin1(bytes);
    for (let i = 0; i < parties.length; i += 1) {
      key += `${this.#keyOf(parties[i]!)};`;
      if (!isOver(parties[i]!)) key += `${known[i]!.toString(36)};`;
    }
    for (let i = 0; i < words.length; i += 1) {
      const news = told[i]! & ~common;
      key += news === 0n ? `${words[i]!};` : `${words[i]!}:${news.toString(36)};`;
    }
    key += `${torn}/${kills}`;
    let id = this.#seen.get(key);
    if (id === undefined) {
      id = this.#states.push(state) - 1;
      this.#seen.set(key, id);
      this.#open.push(id);
    }
    this.#from.push(this.#current);
    this.#to.push(id);
  }

  /** From every state an end must be in reach; else there is a circle that nobody leaves. */
  #findEndless(): void {
    const before: number[][] = this.#states.map(() => []);
    this.#to.forEach((to, i) => before[to]!.push(this.#from[i]!));
    const ends = new Uint8Array(this.#states.length);
    const open = [...this.#final];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      if (id < 0 || ends[id] === 1) continue;
      ends[id] = 1;
      open.push(...before[id]!);
    }
    const endless = ends.indexOf(0);
    if (endless === -1) return;
    this.#check(this.#states[endless]!, () => {
      throw new Violation('from here on it goes round in a circle');
    });
  }

  #expand(state: State): void {
    const quiet = state.parties.findIndex((_party, index) => this.#isQuiet(state, index));
    if (quiet !== -1) {
      this.#operate(state, quiet);
      return;
    }
    let isStuck = true;
    state.parties.forEach((party, index) => {
      const { name, killable, startsWhen } = this.#parties[index]!;
      if (party.status === 'dormant') {
        if (!startsWhen!(this.#reader(state))) return;
        isStuck = false;
        const begun = step(state, index, { ...party, status: 'computing' }, `${name} begins`);
        this.#advance(begun, index, false);
        return;
      }
      if (party.status === 'done' || party.status === 'dead') return;
      if (party.status === 'computing') {
        isStuck = false;
        this.#advance(state, index, true);
      } else if (party.status === 'ready') {
        isStuck = false;
        this.#operate(state, index);
      } else {
        if (party.isNotified) {
          isStuck = false;
          this.#wake(state, index, 'notified');
        }
        if (party.timers > 0) this.#wake(state, index, 'timer');
      }
      if (killable === true && state.kills > 0) this.#kill(state, index);
    });
    if (isStuck) this.#end(state);
  }

  /** Whether the next operation of a party makes no difference to any other, nor theirs to it. */
  #isQuiet(state: State, index: number): boolean {
    const { status, next } = state.parties[index]!;
    if (status !== 'ready') return false;
    const { operation, region, word } = next!;
    const use = this.#parties[index]!.uses(region, word);
    const isRead = operation === 'load';
    this.#check(state, () => {
      if (use === 'none' || (use === 'reads' && !isRead)) {
        throw new Error(
          `${this.#parties[index]!.name} is not known to ${operation} ${region}:${word}`,
        );
      }
    });
    return this.#parties.every((other, i) => {
      if (i === index || isOver(state.parties[i]!)) return true;
      const theirs = other.uses(region, word);
      return theirs === 'none' || (isRead && theirs === 'reads');
    });
  }

  #end(state: State): void {
    this.#final.push(this.#current);
    const names = (status: string): Set<string> =>
      new Set(
        this.#parties.filter((_, i) => state.parties[i]!.status === status).map((p) => p.name),
      );
    const data = new Map<string, object>();
    state.parties.forEach((party, index) => {
      if (party.data !== undefined) data.set(this.#parties[index]!.name, party.data);
    });
    this.#check(state, () =>
      this.#scenario.end({
        word: this.#reader(state),
        data,
        dead: names('dead'),
        idle: names('idle'),
      }),
    );
  }

  #wake(state: State, index: number, event: 'notified' | 'timer'): void {
    const party = state.parties[index]!;
    const woken: PartyState = {
      ...party,
      status: 'computing',
      event,
      waiting: event === 'notified' ? -1 : party.waiting,
      isNotified: event === 'notified' ? false : party.isNotified,
      timers: party.timers - (event === 'timer' ? 1 : 0),
    };
    const text = `${this.#parties[index]!.name} is woken: ${event}`;
    this.#advance(step(state, index, woken, text), index, false);
  }

  #kill(state: State, index: number): void {
    const { name } = this.#parties[index]!;
    const others = state.known.reduce((sum, known, i) => (i === index ? sum : sum | known), 0n);
    const dead: PartyState = {
      ...state.parties[index]!,
      status: 'dead',
      waiting: -1,
      isNotified: false,
    };
    const { region, word } = this.#scenario.deathWord(name);
    const after = step(state, index, dead, `${name} is killed`);
    const number = this.#wordNumber(region, word);
    const words = withWord(state.words, number, 1, 0);
    const told = withWord(state.told, number, 0n, 0n);
    const torn = state.torn | (state.known[index]! & ~others);
    const known = state.known.with(index, 0n);
    this.#add({ ...after, words, told, torn, known, kills: state.kills - 1 });
  }

  /**
   * Runs a party's code up to its next operation, or waiting. Code that looks at no bytes runs at
   * once; other code only if `mayLook`, else others get the chance to come in between.
   */
  #advance(from: State, index: number, mayLook: boolean): void {
    let state = from;
    while (state.parties[index]!.status === 'computing') {
      const blind = this.#segmentsOf(state, index, undefined);
      if (isBlind(blind)) {
        state = this.#computed(state, index, blind, undefined);
      } else if (mayLook) {
        const views = [this.#look(state, index, 0), this.#look(state, index, 1)] as const;
        const segments = this.#segmentsOf(state, index, views);
        if (!isSame(segments)) {
          this.#check(state, () => {
            throw new Violation('data race: what happens depends on bytes that were not published');
          });
        }
        const computed = this.#computed(state, index, segments, views);
        state = this.#written(computed, index, segments);
      } else {
        break;
      }
    }
    this.#add(state);
  }

  /** Both runs of the code after an operation; the same for the same party and views. */
  #segmentsOf(state: State, index: number, views: Views | undefined): Segments {
    const party = state.parties[index]!;
    const seen = views === undefined ? '' : latin1(views[0]) + latin1(views[1]);
    const key = `${party.key}|${seen}`;
    const known = this.#segments[index]!.get(key);
    if (known !== undefined) return known;
    const { log, start } = resumed(party, views ?? this.#blind);
    const run = (garbage: 0 | 1): Segment => {
      const act = (): Segment => this.#threads[index]!.run(party, log, start, garbage);
      if (views !== undefined) return this.#check(state, act);
      try {
        return act();
      } catch {
        return { next: undefined, outcome: undefined, data: {}, writes: 1n, view: this.#blind[0] };
      }
    };
    const segments = [run(0), run(1)] as const;
    this.#segments[index]!.set(key, segments);
    return segments;
  }

  #computed(state: State, index: number, segments: Segments, views: Views | undefined): State {
    const party = state.parties[index]!;
    const { next, outcome, data } = segments[0];
    const computed: PartyState =
      next !== undefined
        ? { ...party, ...resumed(party, views), status: 'ready', result: 0, next }
        : {
            ...party,
            status: outcome === 'again' ? 'computing' : outcome!,
            data,
            start: undefined,
            log: [],
            next: undefined,
            result: 0,
            event: 'call',
          };
    return withParty(state, index, computed);
  }

  #written(state: State, index: number, [first, second]: Segments): State {
    const writes = first.writes | second.writes;
    if (writes === 0n) return state;
    const bytes = state.bytes.slice();
    for (let i = 0; i < bytes.length; i += 1) {
      const bit = 1n << BigInt(i);
      if ((writes & bit) === 0n) continue;
      this.#check(state, () => {
        if (first.view[i] !== second.view[i]) throw new Violation('data race: garbage was copied');
        if ((state.known[index]! & bit) === 0n && (state.torn & bit) === 0n) {
          throw new Violation('data race: two parties write the same byte');
        }
      });
      bytes[i] = first.view[i]!;
    }
    const known = state.known.map((mask, i) => (i === index ? mask | writes : mask & ~writes));
    const told = state.told.map((mask) => mask & ~writes);
    return { ...state, bytes, known, told, torn: state.torn & ~writes };
  }

  /** Memory as a party sees it: what it has not been told of is garbage. */
  #look(state: State, index: number, garbage: 0 | 1): Uint8Array {
    const view = state.bytes.slice();
    const known = state.known[index]!;
    for (let i = 0; i < view.length; i += 1)
      if ((known & (1n << BigInt(i))) === 0n) view[i] = GARBAGE[garbage];
    return view;
  }

  /** One word operation. */
  #operate(state: State, index: number): void {
    const party = state.parties[index]!;
    const next = party.next!;
    const id = next.region * 4096 + next.word;
    const number = this.#wordNumber(next.region, next.word);
    const value = state.words[number] ?? 0;
    const written = valueAfter(next, value);
    const isRead = next.operation !== 'store' && next.operation !== 'notify';
    const known = isRead ? state.known[index]! | (state.told[number] ?? 0n) : state.known[index]!;
    const after: PartyState = { ...party, status: 'computing', result: value };
    const { name } = this.#parties[index]!;
    const text = `${name}: ${next.operation} ${next.region}:${next.word} ${next.first} -> ${value}`;
    let result: State = {
      ...step(state, index, after, text),
      known: state.known.with(index, known),
    };
    if (written !== undefined) {
      const words = withWord(state.words, number, written, 0);
      result = { ...result, words, told: withWord(state.told, number, known, 0n) };
    }
    if (next.operation === 'wait') result = this.#arm(result, index, id, value === next.first);
    if (next.operation === 'notify') result = notify(result, id);
    this.#advance(result, index, written === undefined);
  }

  #arm(state: State, index: number, id: number, isEqual: boolean): State {
    const party = state.parties[index]!;
    this.#check(state, () => {
      if (party.waiting !== -1) throw new Violation('a second wait is armed');
    });
    return withParty(state, index, { ...party, waiting: id, isNotified: !isEqual });
  }

  /** Whatever the code under test throws is a violation; it gets the steps that lead to it. */
  #check<T>(state: State, act: () => T): T {
    try {
      return act();
    } catch (thrown) {
      const steps: string[] = [];
      for (let at = state.trace; at !== undefined; at = at.before) steps.push(at.step);
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      throw new Violation(`${message}\n  ${steps.toReversed().join('\n  ')}`, { cause: thrown });
    }
  }
}

function valueAfter(next: PendingOperation, value: number): number | undefined {
  switch (next.operation) {
    case 'store':
    case 'exchange':
      return next.first | 0;
    case 'add':
      return (value + next.first) | 0;
    case 'compareExchange':
      return value === next.first ? next.second | 0 : undefined;
    default:
      return undefined;
  }
}

function notify(state: State, id: number): State {
  const parties = state.parties.map((party) =>
    party.waiting === id ? keyed({ ...party, isNotified: true }) : party,
  );
  return { ...state, parties };
}

function withWord<T>(list: readonly T[], index: number, value: T, filler: T): readonly T[] {
  const copy = list.slice();
  while (copy.length < index) copy.push(filler);
  copy[index] = value;
  return copy;
}

function step(state: State, index: number, party: PartyState, text: string): State {
  const trace = text === '' ? state.trace : { step: text, before: state.trace };
  return { ...withParty(state, index, party), trace };
}

function withParty(state: State, index: number, party: PartyState): State {
  return { ...state, parties: state.parties.with(index, keyed(party)) };
}
