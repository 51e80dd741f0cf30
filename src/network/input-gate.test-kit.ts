/** What tests of gates need: channels that are filled by hand, and a clock that stands still. */
import type { Duration, Timestamp } from '../base/units.ts';
import type { Batch } from './batch.ts';
import type { BarrierElement, ControlElement } from './control-element.ts';
import { Deque } from './deque.ts';
import type { InputChannel } from './input-channel.ts';
import type { GateOptions } from './input-gate.ts';

/** Nothing may pass what is in it. */
export class QueueChannel implements InputChannel {
  readonly queue: Deque<Batch | ControlElement> = new Deque<Batch | ControlElement>();
  onBarrier: ((barrier: BarrierElement) => void) | undefined = undefined;

  get hasData(): boolean {
    return this.queue.length > 0;
  }

  poll(): Batch | ControlElement | undefined {
    return this.queue.shift();
  }

  recycle(): void {}
  close(): void {}

  capture(): never {
    throw new TypeError('nothing overtakes here');
  }

  stopCapture(): void {}
}

/** Time stands still. */
export const STILL: GateOptions = {
  clock: {
    now: () => 0 as Timestamp,
    monotonic: () => 0 as Duration,
    after: () => ({ [Symbol.dispose]: () => undefined }),
  },
  wake: () => undefined,
};
