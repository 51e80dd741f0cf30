/** When operators are called by the clock, with a clock that moves by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Duration, Timestamp } from '../../base/units.ts';
import type { Operator } from '../../operators/operator.ts';
import { ProcessingTime } from './processing-time.ts';

class HandClock {
  wall = 1_000_000;
  #monotonic = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): Timestamp {
    return this.wall as Timestamp;
  }

  after(delay: Duration, callback: () => void): Disposable {
    const timer = { at: this.#monotonic + delay, callback };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  get armed(): number {
    return this.#timers.length;
  }

  advance(by: number): void {
    this.#monotonic += by;
    this.wall += by;
    for (const timer of this.#timers.filter(({ at }) => at <= this.#monotonic)) {
      this.#timers = this.#timers.filter((each) => each !== timer);
      timer.callback();
    }
  }
}

/** Is called with a time, and answers what it is told to. */
class Called implements Operator {
  readonly calls: number[] = [];
  answers: boolean[] = [];
  onCall: () => void = () => undefined;

  open(): void {}
  close(): void {}

  processingTime(now: Timestamp): boolean {
    this.calls.push(now);
    this.onCall();
    return this.answers.shift() ?? true;
  }
}

function setup(): { clock: HandClock; operator: Called; time: ProcessingTime; wakes: number[] } {
  const clock = new HandClock();
  const operator = new Called();
  const wakes: number[] = [];
  const without: Operator = { open: () => undefined, close: () => undefined };
  const time = new ProcessingTime(clock, [without, operator], () => wakes.push(clock.wall));
  return { clock, operator, time, wakes };
}

describe('processing time of a task', () => {
  it('W1: calls every operator that has it once before anything else', () => {
    const { time, operator, clock } = setup();
    assert.equal(time.isDue, true);
    assert.equal(time.fire(), true);
    assert.deepEqual(operator.calls, [clock.wall]);
    assert.equal(time.isDue, false);
    assert.equal(clock.armed, 0);
  });

  it('W2: the earliest request wins, and leaves one timer', () => {
    const { time, operator, clock, wakes } = setup();
    time.fire();
    time.wakeAt(operator, 1_000_300 as Timestamp);
    time.wakeAt(operator, 1_000_200 as Timestamp);
    time.wakeAt(operator, 1_000_900 as Timestamp);
    assert.equal(clock.armed, 1);
    clock.advance(199);
    assert.equal(time.isDue, false);
    clock.advance(1);
    assert.equal(time.isDue, true);
    assert.deepEqual(wakes, [1_000_200]);
    time.fire();
    assert.deepEqual(operator.calls, [1_000_000, 1_000_200]);
    assert.equal(clock.armed, 0);
  });

  it('a request made during the call is armed after it', () => {
    const { time, operator, clock } = setup();
    operator.onCall = () => time.wakeAt(operator, (clock.wall + 10) as Timestamp);
    time.fire();
    assert.equal(clock.armed, 1);
    clock.advance(10);
    time.fire();
    assert.deepEqual(operator.calls, [1_000_000, 1_000_010]);
  });

  it('a request for the past makes it due at once', () => {
    const { time, operator, wakes } = setup();
    time.fire();
    time.wakeAt(operator, 5 as Timestamp);
    assert.equal(time.isDue, true);
    assert.equal(wakes.length, 1);
  });

  it('an operator that answers false stays due', () => {
    const { time, operator } = setup();
    operator.answers = [false, false, true];
    assert.equal(time.fire(), false);
    assert.equal(time.fire(), false);
    assert.equal(time.isDue, true);
    assert.equal(time.fire(), true);
    assert.equal(operator.calls.length, 3);
  });

  it('notices within a minute that the wall clock was set forward', () => {
    const { time, operator, clock } = setup();
    time.fire();
    time.wakeAt(operator, (clock.wall + 3_600_000) as Timestamp);
    clock.wall += 3_600_000;
    clock.advance(60_000);
    assert.equal(time.isDue, true);
  });

  it('waits on when the wall clock was set back', () => {
    const { time, operator, clock } = setup();
    time.fire();
    time.wakeAt(operator, (clock.wall + 1000) as Timestamp);
    clock.wall -= 500;
    clock.advance(1000);
    assert.equal(time.isDue, false);
    clock.advance(500);
    assert.equal(time.isDue, true);
  });

  it('is silent once it is closed', () => {
    const { time, operator, clock } = setup();
    time.fire();
    time.wakeAt(operator, (clock.wall + 10) as Timestamp);
    time.close();
    assert.equal(clock.armed, 0);
    time.wakeAt(operator, (clock.wall + 20) as Timestamp);
    assert.equal(clock.armed, 0);
    assert.equal(time.isDue, false);
  });
});
