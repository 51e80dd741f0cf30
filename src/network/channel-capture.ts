/**
 * What a channel does for an unaligned barrier that passes what is in it: tells of barriers as they
 * come, and copies what comes before one. Shared by the channels of a slot and those between slots.
 *
 * Invariants
 * C1. At most one checkpoint is captured at a time; a capture ends with its barrier, a newer one,
 *     or the channel's end.
 */
import type { BarrierElement, ControlElement } from './control-element.ts';
import type { InFlight } from './in-flight.ts';

export class ChannelCapture {
  onBarrier: ((barrier: BarrierElement) => void) | undefined = undefined;
  #checkpointId = 0;
  /** C1 */
  #into: InFlight | undefined;

  /** Where a batch goes that comes into the channel now; undefined: nowhere. */
  get into(): InFlight | undefined {
    return this.#into;
  }

  begin(checkpointId: number, into: InFlight): void {
    this.#checkpointId = checkpointId;
    this.#into = into;
  }

  /**
   * A control element comes into the channel, or was in it.
   * @returns whether the capture goes on.
   */
  control(element: ControlElement): boolean {
    const into = this.#into;
    if (into === undefined) return false;
    const ends =
      element.kind === 'end' ||
      (element.kind === 'barrier' && element.checkpointId >= this.#checkpointId);
    if (ends) this.#end(into);
    else into.control(element);
    return !ends;
  }

  stop(): void {
    this.#into = undefined;
  }

  /** Of a control element that has just come. */
  tell(element: ControlElement): void {
    if (element.kind !== 'barrier' || this.onBarrier === undefined) return;
    const { alignment, alignedTimeout } = element.options;
    if (alignment === 'unaligned' || alignedTimeout !== undefined) this.onBarrier(element);
  }

  #end(into: InFlight): void {
    this.#into = undefined;
    into.complete();
  }
}
