/** The slots of a job, with TaskExecutors that say what the test wants. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../base/errors.ts';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import { MainThread } from '../rpc/main-thread.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import type { JobEvent } from '../scheduling/job-state.ts';
import { JobSlots } from './job-slots.ts';

test('V4: a slot that its TaskExecutor does not know is not taken again (simulator seed 683)', () => {
  const clock = new ManualClock();
  const fatal = (_component: string, error: Error): never => assert.fail(error);
  const events: JobEvent[] = [];
  const main = new MainThread('test', clock, fatal);
  const slots = new JobSlots({
    ...{ main, token: 't', leaseDuration: milliseconds(500) },
    heartbeat: { interval: seconds(1), timeout: minutes(1), failureThreshold: 2 },
    ...{ idleTimeout: minutes(1), requestTimeout: minutes(1) },
    feed: (event) => void events.push(event),
    onTimedOut: fatal as never,
    declare: () => undefined,
    profileOf: () => '',
    running: () => [],
    onMissing: () => undefined,
    available: () => '',
  });
  const connection = { gateway: () => ({}), onClosed: () => undefined, close: () => undefined };
  main.run(() => {
    slots.register('te', 'host', connection as never);
    const session = slots.sessionOn(connection as never)!;
    slots.request(0);
    const offers = ['a', 'b'].map((allocationId, slot) => ({ allocationId, slot }));
    slots.offer(session, { offers: [offers[0]!] });
    const allocationId = slots.at(0)!.allocationId;
    const error = new EngineError('SLOT_NOT_ALLOCATED', { allocationId, taskExecutor: 'te' });
    slots.gone(allocationId, error);
    assert.equal(slots.at(0), undefined);
    assert.deepEqual(events.at(-1), { kind: 'slot-lost', slot: 0, proof: false, error });
    slots.request(0);
    assert.equal(slots.at(0), undefined, 'it waits for another');
    slots.offer(session, { offers: [offers[1]!] });
    assert.equal(slots.at(0)!.allocationId, 'b');
  });
});
