/**
 * When the channels of a gate have all come to a barrier or epoch mark. Exactly-once blocks a
 * channel that has delivered it; at-least-once counts. An unaligned barrier does not wait: what is
 * before it in channels that it may overtake is in flight.
 *
 * Invariants
 * A1. One element is aligned at a time by blocking; a blocked channel has delivered it, and is not
 *     read until all open channels have, or it is given up.
 * A2. Barriers are ready in ascending order of their ids, each once; one that is older than the
 *     last ready one, or was aborted, is passed over wherever it comes.
 * A3. A newer barrier that is delivered, or overtakes, ends the alignment of an older one: a
 *     channel that delivers it will never deliver the older one.
 * A4. A barrier that overtakes is ready when every open channel that cannot be overtaken has
 *     delivered it. Channels that have not delivered it then are `overtaken`.
 * A5. A channel that has ended counts as having delivered everything.
 * A6. A barrier wins over an epoch mark: it closes the epoch as well, and of two that come in
 *     different orders one has to give way.
 */
import type { Duration } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import type { BarrierElement, EpochMarkElement } from './control-element.ts';

/** What alignment knows of a channel; `blocked` is set here alone. */
export interface AlignedChannel {
  blocked: boolean;
  ended: boolean;
  /** Whether an unaligned barrier may pass what is before it. */
  readonly overtakable: boolean;
}

export interface ReadyBarrier<C> {
  /** As it goes on: `unaligned` if its time was over. */
  readonly barrier: BarrierElement;
  /** A4. Empty for one that was aligned. */
  readonly overtaken: readonly C[];
  /** Monotonic time at which it was first heard of. */
  readonly since: number;
}

export interface AlignmentOptions<C> {
  readonly channels: readonly C[];
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'after'>;
  ready(barrier: ReadyBarrier<C>): void;
  epoch(mark: EpochMarkElement): void;
  /** It will not become ready: a newer one has come. */
  superseded(checkpointId: number, by: number): void;
}

interface Pending {
  barrier: BarrierElement;
  overtakes: boolean;
  readonly since: number;
  timer: Disposable | undefined;
}

interface Count<C> {
  readonly barrier: BarrierElement;
  readonly arrived: Set<C>;
  readonly since: number;
}

export class BarrierAlignment<C extends AlignedChannel> {
  readonly #options: AlignmentOptions<C>;
  /** A1 */
  #pending: Pending | undefined;
  #epoch: EpochMarkElement | undefined;
  #epochDone = -1;
  /** A2. The newest that was ready or superseded. */
  #done = 0;
  /** Newer than `#done`. */
  readonly #aborted = new Set<number>();
  /** At-least-once: ascending. */
  readonly #counts: Count<C>[] = [];
  /** Newer than the one that is aligned, which does not give way to them; ascending. */
  #later: BarrierElement[] = [];
  #mayOvertake = true;

  constructor(options: AlignmentOptions<C>) {
    this.#options = options;
  }

  /** The channel has delivered everything before `element`. */
  arrived(channel: C, element: BarrierElement | EpochMarkElement): void {
    if (element.kind === 'epoch') this.#arrivedEpoch(channel, element);
    else if (this.#isOver(element.checkpointId)) return;
    else if (element.options.alignment === 'at-least-once') this.#count(channel, element);
    else if (this.#begin(element)) {
      channel.blocked = true;
      this.#check();
    }
  }

  /** A barrier has come into a channel, behind what it may overtake. */
  announced(channel: C, barrier: BarrierElement): void {
    const { checkpointId, options } = barrier;
    if (!channel.overtakable || this.#isOver(checkpointId)) return;
    if (this.#mustWait(barrier) && options.alignment !== 'unaligned') this.#wait(barrier);
    else if (this.#begin(barrier)) this.#check();
  }

  /** It comes from no channel: nobody is left who would send it. */
  triggered(barrier: BarrierElement): void {
    if (this.#isOver(barrier.checkpointId)) return;
    if (barrier.options.alignment === 'at-least-once') {
      this.#countOf(barrier);
      this.#checkCounts();
    } else if (this.#mustWait(barrier)) this.#wait(barrier);
    else if (this.#begin(barrier)) this.#check();
  }

  /** A5. `channel.ended` has been set. */
  ended(): void {
    this.#checkCounts();
    this.#check();
    this.#checkEpoch();
  }

  /** Nobody wants it any more. */
  abort(checkpointId: number): void {
    if (checkpointId <= this.#done) return;
    this.#aborted.add(checkpointId);
    const count = this.#counts.findIndex(({ barrier }) => barrier.checkpointId === checkpointId);
    if (count !== -1) this.#counts.splice(count, 1);
    if (this.#pending?.barrier.checkpointId === checkpointId) this.#giveUp();
    this.#look();
  }

  /** Whether a barrier may overtake; at first it may. */
  set mayOvertake(may: boolean) {
    this.#mayOvertake = may;
    this.#check();
  }

  close(): void {
    this.#pending?.timer?.[Symbol.dispose]();
    this.#pending = undefined;
  }

  // ------------------------------------------------------------------------------------- blocking

  /** Makes it the one that is aligned. @returns whether it is (A2, A3). */
  #begin(barrier: BarrierElement): boolean {
    const { checkpointId, options } = barrier;
    const pending = this.#pending;
    if (pending !== undefined) {
      const older = pending.barrier.checkpointId;
      if (checkpointId < older) return false;
      if (checkpointId === older) {
        if (options.alignment === 'unaligned') this.#overtake(pending);
        return true;
      }
      this.#giveUp();
      this.#finish(older);
      this.#options.superseded(older, checkpointId);
    }
    this.#giveUpEpoch();
    const overtakes = options.alignment === 'unaligned';
    const since = this.#options.clock.monotonic();
    this.#pending = { barrier, overtakes, since, timer: undefined };
    if (!overtakes) this.#pending.timer = this.#timer(barrier);
    return true;
  }

  /** After which an aligned barrier overtakes. */
  #timer({ checkpointId, triggeredAt, options }: BarrierElement): Disposable | undefined {
    const timeout = options.alignedTimeout;
    const { clock, channels } = this.#options;
    if (timeout === undefined || !channels.some(({ overtakable }) => overtakable)) return undefined;
    // The clocks of two machines differ: it is never longer than the time-out from now on.
    const left = Math.min(Math.max(triggeredAt + timeout - clock.now(), 0), timeout);
    return clock.after(left as Duration, () => {
      const pending = this.#pending;
      if (pending?.barrier.checkpointId !== checkpointId) return;
      this.#overtake(pending);
      this.#check();
    });
  }

  #overtake(pending: Pending): void {
    if (pending.overtakes) return;
    pending.timer?.[Symbol.dispose]();
    pending.overtakes = true;
    pending.barrier = unaligned(pending.barrier);
  }

  /** A4, A5 */
  #check(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const missing = this.#options.channels.filter(({ blocked, ended }) => !blocked && !ended);
    const isReady =
      missing.length === 0 ||
      (pending.overtakes && this.#mayOvertake && missing.every(({ overtakable }) => overtakable));
    if (!isReady) return;
    const { barrier, since } = pending;
    this.#giveUp();
    this.#finish(barrier.checkpointId);
    this.#options.ready({ barrier, overtaken: missing, since });
    this.#look();
  }

  #giveUp(): void {
    this.#pending?.timer?.[Symbol.dispose]();
    this.#pending = undefined;
    this.#unblock();
  }

  #mustWait({ checkpointId }: BarrierElement): boolean {
    return this.#pending !== undefined && checkpointId > this.#pending.barrier.checkpointId;
  }

  #wait(barrier: BarrierElement): void {
    const { checkpointId } = barrier;
    if (this.#later.some((later) => later.checkpointId === checkpointId)) return;
    this.#later.push(barrier);
    this.#later.sort((a, b) => a.checkpointId - b.checkpointId);
  }

  /** Those that have waited have their turn. */
  #look(): void {
    if (this.#pending !== undefined) return;
    const barrier = this.#later.shift();
    if (barrier === undefined) return;
    if (!this.#isOver(barrier.checkpointId) && this.#begin(barrier)) this.#check();
    this.#look();
  }

  #unblock(): void {
    for (const channel of this.#options.channels) channel.blocked = false;
  }

  #isOver(checkpointId: number): boolean {
    return checkpointId <= this.#done || this.#aborted.has(checkpointId);
  }

  #finish(checkpointId: number): void {
    this.#done = checkpointId;
    for (const id of this.#aborted) if (id <= checkpointId) this.#aborted.delete(id);
  }

  // ------------------------------------------------------------------------------------- counting

  #count(channel: C, barrier: BarrierElement): void {
    this.#countOf(barrier).arrived.add(channel);
    this.#checkCounts();
  }

  #countOf(barrier: BarrierElement): Count<C> {
    const known = this.#counts.find((count) => count.barrier.checkpointId === barrier.checkpointId);
    if (known !== undefined) return known;
    const since = this.#options.clock.monotonic();
    const made = { barrier, arrived: new Set<C>(), since };
    this.#counts.push(made);
    this.#counts.sort((a, b) => a.barrier.checkpointId - b.barrier.checkpointId);
    return made;
  }

  /** A3: one that is ready ends all older ones. */
  #checkCounts(): void {
    for (let index = 0; index < this.#counts.length;) {
      const { barrier, arrived, since } = this.#counts[index]!;
      const all = this.#options.channels.every((channel) => channel.ended || arrived.has(channel));
      if (!all) {
        index += 1;
        continue;
      }
      const { checkpointId } = barrier;
      const older = this.#counts.splice(0, index + 1).slice(0, -1);
      this.#finish(checkpointId);
      for (const each of older) this.#options.superseded(each.barrier.checkpointId, checkpointId);
      this.#options.ready({ barrier, overtaken: [], since });
      index = 0;
    }
  }

  // ---------------------------------------------------------------------------------- epoch marks

  #arrivedEpoch(channel: C, mark: EpochMarkElement): void {
    if (mark.id <= this.#epochDone) return;
    if (this.#pending !== undefined) {
      this.#epochDone = mark.id;
      return;
    }
    if (this.#epoch !== undefined && this.#epoch.id !== mark.id) {
      if (mark.id < this.#epoch.id) return;
      this.#giveUpEpoch();
    }
    this.#epoch = mark;
    channel.blocked = true;
    this.#checkEpoch();
  }

  #checkEpoch(): void {
    const mark = this.#epoch;
    if (mark === undefined) return;
    if (this.#options.channels.some(({ blocked, ended }) => !blocked && !ended)) return;
    this.#giveUpEpoch();
    this.#options.epoch(mark);
  }

  /** A6 */
  #giveUpEpoch(): void {
    if (this.#epoch === undefined) return;
    this.#epochDone = this.#epoch.id;
    this.#epoch = undefined;
    this.#unblock();
  }
}

/** The same barrier, which does not wait any more. */
export function unaligned(barrier: BarrierElement): BarrierElement {
  return { ...barrier, options: { ...barrier.options, alignment: 'unaligned' } };
}
