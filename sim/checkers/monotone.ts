/**
 * Series that must not go back: checkpoint ids, epochs, watermarks of a channel, clocks. Whoever
 * sees a value reports it; the first that is less than one before it, in the same series, is
 * remembered.
 *
 * Invariants
 * V1. Within a series no value is less than an earlier one (or, where it says so, not equal
 *     either).
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { Checker } from './checker.ts';

export interface MonotoneOptions {
  /** Equal values are a violation too. */
  readonly strict?: boolean | undefined;
}

export class Monotone implements Checker {
  readonly name: string;
  readonly #strict: boolean;
  readonly #last: Map<string, number | bigint> = new Map();
  #violation: string | undefined = undefined;

  constructor(name: string, options: MonotoneOptions = {}) {
    this.name = name;
    this.#strict = options.strict ?? false;
  }

  observe(series: string, value: number | bigint): void {
    const last = this.#last.get(series);
    this.#last.set(series, value);
    if (last === undefined || value > last || (value === last && !this.#strict)) return;
    this.#violation ??= `V1: ${this.name} of ${series}: ${value} after ${last}`;
  }

  check(): void {
    if (this.#violation !== undefined) throw new AssertionError(this.#violation);
  }
}
