/**
 * What has gone since some snapshot: the keys of removed entries, or the starts of dropped slices,
 * in the order of their going.
 *
 * Invariants
 * G1. `#versions` never fall. What is appended stays at its place while a snapshot is open that is
 *     to tell of it.
 */
import type { VersionClock } from './version-clock.ts';

export class RemovalLog<K> {
  readonly #clock: VersionClock;
  #keys: K[] = [];
  #versions: number[] = [];

  constructor(clock: VersionClock) {
    this.#clock = clock;
  }

  add(key: K): void {
    if (this.#keys.length === 0) this.#clock.enlist(this);
    this.#keys.push(key);
    this.#versions.push(this.#clock.now);
  }

  /** What went after `since` and not after `version`. */
  between(since: number, version: number): readonly K[] {
    const from = this.#firstAfter(since);
    const to = this.#firstAfter(version);
    return from === to ? [] : this.#keys.slice(from, to);
  }

  /** Forgets what went before `version`; whether something is left. */
  prune(version: number): boolean {
    const from = this.#firstAfter(version);
    if (from > 0) {
      this.#keys = this.#keys.slice(from);
      this.#versions = this.#versions.slice(from);
    }
    return this.#keys.length > 0;
  }

  #firstAfter(version: number): number {
    const versions = this.#versions;
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (versions[middle]! <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
