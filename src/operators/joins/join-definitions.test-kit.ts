/** Joins by their definitions: what comes of a list of events, told without any state or timers. */
import type { BroadcastJoinSpec, JoinType, OneSidedJoin } from '../../graph/join-spec.ts';
import type { Event, Item } from './join.test-kit.ts';

/** Every seventh record removes that of its key. */
export const isDeletion = (item: Item): boolean => item.id % 7 === 3;

/** Both bounds are included. */
export interface Bounds {
  readonly lower: number;
  readonly upper: number;
}

/** Results and late records as `outputOf` gives them. */
interface Joined {
  readonly pairs: readonly string[];
  readonly left: readonly string[];
  readonly right: readonly string[];
}

/**
 * All pairs of records that are not late, within the bounds; but a record exactly at the watermark
 * does not meet what that watermark has made expire.
 */
export function intervalJoinOf(list: readonly Event[], { lower, upper }: Bounds): Joined {
  const kept: { readonly side: string; readonly item: Item; readonly since: number }[] = [];
  const pairs: string[] = [];
  const late = { left: [] as string[], right: [] as string[] };
  let watermark = -Infinity;
  for (const event of list) {
    if (event.kind === 'watermark') {
      watermark = event.at;
      continue;
    }
    const { side, item } = event;
    if (item.at < watermark) {
      late[side].push(`${JSON.stringify(item)} @${item.at}`);
      continue;
    }
    for (const other of kept) {
      if (other.side === side || other.item.key !== item.key) continue;
      const [left, right] = side === 'left' ? [item, other.item] : [other.item, item];
      const distance = right.at - left.at;
      if (distance < lower || distance > upper) continue;
      const expiry = other.item.at + Math.max(0, side === 'left' ? -lower : upper);
      if (expiry <= watermark && other.since < watermark) continue;
      pairs.push(`${JSON.stringify([left.id, right.id])} @${Math.max(left.at, right.at)}`);
    }
    kept.push({ side, item, since: watermark });
  }
  return { pairs: pairs.toSorted(), left: late.left.toSorted(), right: late.right.toSorted() };
}

interface Waiting {
  readonly item: Item;
  readonly late: boolean;
}

/**
 * What is joined, by definition: when the watermark has come to a left record (a late one: with the
 * next watermark), the last version at or before it of those that have come. Late records see only
 * what is kept: after a watermark, no version before the last one at or below it.
 */
export class TemporalJoin {
  readonly joined: string[] = [];
  readonly late = { left: [] as string[], right: [] as string[] };
  readonly cleared = new Set<string>();
  readonly #outer: boolean;
  #all: Item[] = [];
  #kept: Item[] = [];
  #waiting: Waiting[] = [];
  #watermark = -Infinity;

  constructor(list: readonly Event[], type: OneSidedJoin) {
    this.#outer = type === 'left';
    for (const event of list) {
      if (event.kind === 'watermark') this.#advance(event.at);
      else if (event.side === 'right') this.#version(event.item);
      else this.#wait(event.item);
    }
    this.#advance(Infinity);
  }

  #version(item: Item): void {
    if (item.at <= this.#watermark) this.late.right.push(textOf(item));
    this.#all = withVersion(this.#all, item);
    this.#kept = withVersion(this.#kept, item);
  }

  #wait(item: Item): void {
    const late = item.at <= this.#watermark;
    const kept = this.#kept.filter(({ key }) => key === item.key);
    const unknown = kept.length > 0 && kept.every(({ at }) => at > item.at);
    if (late && unknown && this.cleared.has(item.key)) this.late.left.push(textOf(item));
    else this.#waiting.push({ item, late });
  }

  #advance(watermark: number): void {
    this.#watermark = watermark;
    const due = this.#waiting.filter(({ item }) => item.at <= watermark);
    this.#waiting = this.#waiting.filter(({ item }) => item.at > watermark);
    for (const { item, late } of due) this.#join(item, late ? this.#kept : this.#all);
    const kept = this.#kept.filter(
      (version) =>
        !this.#kept.some(
          ({ key, at }) => key === version.key && at > version.at && at <= watermark,
        ),
    );
    for (const version of this.#kept) {
      if (!kept.includes(version)) this.cleared.add(version.key);
    }
    this.#kept = kept;
  }

  #join(item: Item, versions: readonly Item[]): void {
    const valid = versions
      .filter(({ key, at }) => key === item.key && at <= item.at)
      .toSorted((a, b) => b.at - a.at)[0];
    const found = valid === undefined || isDeletion(valid) ? null : valid.id;
    if (found === null && !this.#outer) return;
    this.joined.push(`${JSON.stringify([item.id, found])} @${item.at}`);
  }
}

/** A version takes the place of one of the same time. */
function withVersion(versions: readonly Item[], item: Item): Item[] {
  return [...versions.filter(({ key, at }) => key !== item.key || at !== item.at), item];
}

function textOf(item: Item): string {
  return `${JSON.stringify(item)} @${item.at}`;
}

/** Each left record with the last right one of its key: of all, or of those before it. */
export function broadcastJoinOf(
  list: readonly Event[],
  spec: Pick<BroadcastJoinSpec, 'type' | 'holdUntilEnd'>,
): readonly string[] {
  const of = (side: 'left' | 'right', events: readonly Event[]): readonly Item[] =>
    events.flatMap((event) => (event.kind === 'record' && event.side === side ? [event.item] : []));
  const results = list.flatMap((event, index) => {
    if (event.kind !== 'record' || event.side !== 'left') return [];
    const { item } = event;
    const seen = of('right', spec.holdUntilEnd ? list : list.slice(0, index));
    const last = seen.findLast(({ key }) => key === item.key);
    const right = last === undefined || isDeletion(last) ? null : last.id;
    if (right === null && spec.type === 'inner') return [];
    return [`${JSON.stringify([item.id, right])} @${item.at}`];
  });
  return results.toSorted();
}

/** Windows of `size`, one each `slide`; the same for windows that do not overlap. */
export interface JoinWindows {
  readonly size: number;
  readonly slide: number;
  readonly lateness: number;
  readonly type: JoinType;
}

/**
 * All pairs in the same window when the watermark comes to its last moment, and again with each
 * record that comes later, until it is past that by the lateness. What comes then is late.
 */
export class WindowJoin {
  readonly pairs: string[] = [];
  readonly late: string[] = [];
  readonly #windows: JoinWindows;
  readonly #contents = new Map<string, { side: string; item: Item }[]>();
  #watermark = -Infinity;

  constructor(list: readonly Event[], windows: JoinWindows) {
    this.#windows = windows;
    for (const event of list) {
      if (event.kind === 'watermark') this.#advance(event.at);
      else this.#add(event.side, event.item);
    }
    this.#advance(Infinity);
  }

  #add(side: 'left' | 'right', item: Item): void {
    const { size, slide, lateness } = this.#windows;
    let taken = false;
    for (let start = Math.floor(item.at / slide) * slide; start > item.at - size; start -= slide) {
      const last = start + size - 1;
      if (last + lateness <= this.#watermark) continue;
      taken = true;
      const name = `${item.key} ${last}`;
      const content = this.#contents.get(name) ?? [];
      this.#contents.set(name, [...content, { side, item }]);
      if (last <= this.#watermark) this.#fire(name);
    }
    if (!taken) this.late.push(`${JSON.stringify({ side, value: item })} @${item.at}`);
  }

  #advance(watermark: number): void {
    for (const name of this.#contents.keys()) {
      const last = Number(name.split(' ')[1]);
      if (last > this.#watermark && last <= watermark) this.#fire(name);
    }
    this.#watermark = watermark;
  }

  #fire(name: string): void {
    const of = (side: string): readonly number[] =>
      this.#contents.get(name)!.flatMap((each) => (each.side === side ? [each.item.id] : []));
    const { type } = this.#windows;
    const [left, right] = [of('left'), of('right')];
    const lefts = left.length === 0 && (type === 'right' || type === 'full') ? [null] : left;
    const rights = right.length === 0 && (type === 'left' || type === 'full') ? [null] : right;
    for (const one of lefts) {
      for (const other of rights) {
        this.pairs.push(`${JSON.stringify([one, other])} @${name.split(' ')[1]}`);
      }
    }
  }
}
