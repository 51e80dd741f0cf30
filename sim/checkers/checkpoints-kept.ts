/**
 * What a job goes on from: told by what its masters log.
 *
 * Invariants
 * K1. The ids of complete checkpoints ascend, over all masters.
 * K2. Once a checkpoint is complete, no start is from an older one, nor from nothing.
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { Checker } from './checker.ts';

export class CheckpointsKept implements Checker {
  readonly name = 'checkpoints kept';
  /** How many were complete. */
  completed = 0;
  /** How many times the job went on from one. */
  restores = 0;
  /** Whether files stayed because of a fault, which was told. */
  leftFiles = false;
  #newest = 0;
  #violation: string | undefined = undefined;

  observe(message: string): void {
    const complete = /^checkpoint (\d+) is complete/.exec(message);
    if (complete !== null) this.#complete(Number(complete[1]));
    const restored = /^the job goes on from checkpoint (\d+)/.exec(message);
    if (restored !== null) this.#begins(Number(restored[1]));
    if (message.startsWith('the job begins: ')) this.#begins(0);
    if (message.startsWith('files of a checkpoint could not be removed')) this.leftFiles = true;
  }

  check(): void {
    if (this.#violation !== undefined) throw new AssertionError(this.#violation);
  }

  #complete(checkpointId: number): void {
    this.completed += 1;
    if (checkpointId <= this.#newest) {
      this.#violation ??= `K1: checkpoint ${checkpointId} is complete after ${this.#newest}`;
    }
    this.#newest = checkpointId;
  }

  /** One may be durable, and complete, whose master died before it said so. */
  #begins(from: number): void {
    if (from > 0) this.restores += 1;
    if (from < this.#newest) {
      this.#violation ??= `K2: a start from ${from} while checkpoint ${this.#newest} was complete`;
    }
    this.#newest = Math.max(this.#newest, from);
  }
}
