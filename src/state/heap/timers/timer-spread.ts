/**
 * Chooses where in the heads of a hash table of timers the chain of a timer begins. Timers are
 * mostly set in the order of their times, a while ahead, and fire in that order. So the heads are
 * cut into pages: the time decides the page, times in a row have pages in a row, and within the
 * page the hash decides. What is set and what fires then touches a few lines of memory that are at
 * hand, where a hash of all would fetch three from far away for every timer. Where times are too
 * uneven for that, pages are larger, up to one page for all: a hash table as any other.
 *
 * Invariants
 * H1. Between two choices the head depends on time and hash alone.
 * H2. Pages are a power of two and have a power of two of heads each, in all as many as there are.
 * H3. A choice keeps the mean of what a timer finds in its chain below CHAIN_MORE more than with an
 *     even spread. What comes later may be otherwise: when timers that are added pass more than
 *     PASSED_MEAN others in the mean, and that has cost as much as choosing again, `isCrowded` says
 *     so, and the next choice has larger pages.
 */
import { assert } from '../../../base/assert.ts';

/** Of heads: with its timers a page fits into the nearest cache. */
const PAGE_SHIFT_MIN = 8;
/** Exponents by which pages become larger. */
const SHIFT_STEP = 2;
/** H3 */
const CHAIN_MORE = 0.5;
const PASSED_MEAN = 2;
/** With a single page, times are looked at again when so many timers by head have been added. */
const LOOKED_AGAIN = 8;
/** Where there is nothing to choose. */
const NEVER: number = 2 ** 30;

/** Gives the times of all timers, one call each. */
export type EachTime = (visit: (time: number) => void) => void;

export class TimerSpread {
  #heads: number;
  #mask: number;
  /** Heads of a page, as an exponent; the hash is shifted by the other. */
  #pageShift: number;
  #hashShift: number;
  /** Pages by unit of time; 0 if there is one page. */
  #pagesByTime = 0;
  /** H3: what must be passed, or added, until choosing again pays. */
  #left: number;

  /** @param heads a power of two */
  constructor(heads: number) {
    this.#heads = heads;
    this.#mask = heads - 1;
    this.#pageShift = Math.log2(heads);
    this.#hashShift = 32 - this.#pageShift;
    this.#left = NEVER;
  }

  /** H3 */
  get isCrowded(): boolean {
    return this.#left < 0;
  }

  /** @param hash of all that makes the timer; its high bits are used */
  headOf(time: number, hash: number): number {
    const page = (time * this.#pagesByTime) | 0;
    return ((page << this.#pageShift) + (hash >>> this.#hashShift)) & this.#mask;
  }

  /** H3: so many others were in the chain of a timer that was added. */
  notePassed(timers: number): void {
    if (this.#pagesByTime === 0) this.#left -= 1;
    else this.#left = Math.min(this.#left + PASSED_MEAN - timers, this.#heads);
  }

  /** For so many heads from now on, and timers as they are now. Whether heads are others. */
  choose(heads: number, each: EachTime): boolean {
    const whole = Math.log2(heads);
    assert(Number.isInteger(whole), 'H2: heads are a power of two');
    const least = this.#leastShift(heads);
    const wasWhole = heads === this.#heads && this.#pagesByTime === 0;
    this.#heads = heads;
    this.#mask = heads - 1;
    const pages = countPages(2 ** Math.max(whole - least, 0), each);
    let shift = least;
    while (shift < whole && !isEven(pages.counts, heads)) {
      shift += SHIFT_STEP;
      pages.counts = folded(pages.counts, SHIFT_STEP);
      pages.pagesByTime /= 2 ** SHIFT_STEP;
    }
    if (shift < whole) this.#use(shift, pages.pagesByTime, this.#heads);
    else this.#use(whole, 0, whole > PAGE_SHIFT_MIN ? heads * LOOKED_AGAIN : NEVER);
    return !wasWhole || shift < whole;
  }

  /** H3: larger pages than those that were crowded. */
  #leastShift(heads: number): number {
    const escalates = this.isCrowded && heads === this.#heads && this.#pagesByTime !== 0;
    return escalates ? this.#pageShift + SHIFT_STEP : PAGE_SHIFT_MIN;
  }

  #use(pageShift: number, pagesByTime: number, left: number): void {
    this.#pageShift = pageShift;
    this.#hashShift = 32 - pageShift;
    this.#pagesByTime = pagesByTime;
    this.#left = left;
  }
}

interface PageCounts {
  /** Timers by page. */
  counts: Int32Array;
  pagesByTime: number;
}

/** With pages for the time from the first timer to the last one. */
function countPages(pages: number, each: EachTime): PageCounts {
  let first = Infinity;
  let last = -Infinity;
  each((time) => {
    if (time < first) first = time;
    if (time > last) last = time;
  });
  const counts = new Int32Array(pages);
  const pagesByTime = last > first ? Math.min(pages / (last - first), 1) : 1;
  each((time) => {
    counts[((time * pagesByTime) | 0) & (pages - 1)]! += 1;
  });
  return { counts, pagesByTime };
}

/** The counts for pages that are larger by so many bits: neighbours become one page. */
function folded(counts: Int32Array, bits: number): Int32Array {
  const fewer = new Int32Array(Math.max(counts.length >> bits, 1));
  for (let page = 0; page < counts.length; page++) fewer[page >> bits]! += counts[page]!;
  return fewer;
}

/** H3 */
function isEven(counts: Int32Array, heads: number): boolean {
  let size = 0;
  let squares = 0;
  for (const count of counts) {
    size += count;
    squares += count * count;
  }
  return (squares * counts.length) / heads <= size * (size / heads + CHAIN_MORE);
}
