/**
 * Messages between a simulated worker and its owner.
 *
 * Invariants
 * O1. Messages reach the handler in the order of posting, each once, in turns of their own, those
 *     from before `receive` included.
 * O2. Posted bytes belong to the port: who changes them before they arrive fails.
 * O3. What a worker had posted before its end still arrives; what is posted to a thread that has
 *     ended is dropped.
 */
import { AssertionError, assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Port, SharedRegion } from '../src/env/env.ts';
import { handOver } from './memory.ts';
import type { SimProcess } from './process.ts';
import type { SimThread } from './thread.ts';

/** Microseconds that a message takes at most. */
const TRANSIT = 60;

type Handler = (bytes: Uint8Array, regions: readonly SharedRegion[]) => void;

interface Message {
  readonly sender: SimThread;
  readonly bytes: Uint8Array;
  readonly copy: Uint8Array;
  readonly regions: readonly SharedRegion[];
}

export class SimPort implements Port {
  readonly #id: number;
  readonly #thread: SimThread;
  readonly #process: SimProcess;
  readonly #random: Prng;
  #other!: SimPort;
  #handler: Handler | undefined = undefined;
  #messages: Message[] = [];
  #waiting = 0;
  #lastArrival = 0;

  constructor(id: number, thread: SimThread, process: SimProcess, random: Prng) {
    this.#id = id;
    this.#thread = thread;
    this.#process = process;
    this.#random = random;
  }

  static join(one: SimPort, other: SimPort): void {
    one.#other = other;
    other.#other = one;
  }

  /** Virtual time at which the last message to this side arrives. */
  get lastArrival(): number {
    return this.#lastArrival;
  }

  post(bytes: Uint8Array, regions: readonly SharedRegion[] = []): void {
    this.#thread.enter();
    const to = this.#other;
    const handed = handOver(regions, to.#thread, this.#process, this.#random);
    if (!to.#thread.alive) return;
    to.#messages.push({ sender: this.#thread, bytes, copy: bytes.slice(), regions: handed });
    to.#schedule();
  }

  receive(handler: Handler): void {
    this.#thread.enter();
    assert(this.#handler === undefined, 'O1: receive is called once');
    this.#handler = handler;
    for (; this.#waiting > 0; this.#waiting--) this.#schedule();
  }

  #schedule(): void {
    const { scheduler } = this.#thread;
    const transit = scheduler.time + 1 + this.#random.below(TRANSIT);
    this.#lastArrival = Math.max(this.#lastArrival, transit);
    const delay = this.#lastArrival - scheduler.time;
    const bytes = this.#messages.at(-1)?.copy.length ?? 0;
    scheduler.post(this.#thread, delay, 'message', this.#id, bytes, () => this.#deliver());
  }

  #deliver(): void {
    if (this.#handler === undefined) {
      this.#waiting += 1;
      return;
    }
    const message = this.#messages.shift() as Message;
    if (!equal(message.bytes, message.copy)) {
      const error = new AssertionError('O2: bytes were changed after they were posted');
      this.#thread.scheduler.uncaught(message.sender, error);
    }
    this.#thread.scheduler.trace.content(message.copy);
    this.#handler(message.copy, message.regions);
  }
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) if (one[index] !== other[index]) return false;
  return true;
}
