/** The event queue against a sorted list. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../src/base/prng.ts';
import { EventQueue, SimEvent } from './event-queue.ts';

function event(micros: number, tie: number, order: number): SimEvent {
  return new SimEvent(micros, tie, order, undefined, 'timer', 0, 0, () => undefined);
}

function compare(one: SimEvent, other: SimEvent): number {
  return one.micros - other.micros || one.tie - other.tie || one.order - other.order;
}

test('Q1, Q2: events come out in order, cancelled ones never, whatever is mixed', () => {
  for (let seed = 0; seed < 60; seed++) {
    const random = Prng.of(seed);
    const queue = new EventQueue();
    let model: SimEvent[] = [];
    const cancelOften = random.chance(0.5);
    for (let order = 0; order < 3000; order++) {
      const draw = random.below(10);
      if (draw < (cancelOften ? 5 : 6)) {
        const next = event(random.below(200), random.below(4), order);
        queue.push(next);
        model.push(next);
      } else if (draw < (cancelOften ? 9 : 7)) {
        if (model.length === 0) continue;
        const [dropped] = model.splice(random.below(model.length), 1);
        queue.cancel(dropped as SimEvent);
        queue.cancel(dropped as SimEvent);
      } else {
        model = model.sort(compare);
        assert.equal(queue.pop(), model.shift());
      }
      assert.equal(queue.size, model.length);
    }
    for (const expected of model.sort(compare)) assert.equal(queue.pop(), expected);
    assert.equal(queue.pop(), undefined);
  }
});
