import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { milliseconds } from '../base/units.ts';
import { initialSlotPool, nextSlotPoolDeadline, stepSlotPool } from './slot-pool.ts';
import type { SlotPoolEffect, SlotPoolEvent, SlotPoolState } from './slot-pool.ts';

const options = { idleTimeout: milliseconds(100), requestTimeout: milliseconds(1000) };

function play(
  events: readonly (readonly [number, SlotPoolEvent])[],
): [SlotPoolState, SlotPoolEffect[]] {
  let state = initialSlotPool(options);
  let last: readonly SlotPoolEffect[] = [];
  for (const [now, event] of events) [state, last] = stepSlotPool(state, event, milliseconds(now));
  return [state, [...last]];
}

const request = (number: number, profile = ''): SlotPoolEvent => ({
  kind: 'request',
  request: number,
  profile,
});
const offer = (...ids: string[]): SlotPoolEvent => ({
  kind: 'offer',
  taskExecutorId: 'te',
  offers: ids.map((allocationId, slot) => ({ allocationId, slot, profile: '' })),
});
const place = (allocationId: string, slot = 0) => ({
  ...{ allocationId, taskExecutorId: 'te', slot, profile: '' },
});
const needs = (slots: number) => (slots === 0 ? [] : [{ profile: '', slots }]);

test('P2: offers are accepted for what waits, surplus is rejected', () => {
  const [, effects] = play([
    [0, request(0)],
    [0, request(1)],
    [0, offer('a', 'b', 'c')],
  ]);
  assert.deepEqual(effects, [
    { kind: 'answer', accepted: ['a', 'b'], rejected: ['c'] },
    { kind: 'assign', request: 0, slot: place('a', 0) },
    { kind: 'assign', request: 1, slot: place('b', 1) },
  ]);
});

test('P2: an offer that comes twice is accepted twice and assigned once', () => {
  const [, effects] = play([
    [0, request(0)],
    [0, request(1)],
    [0, offer('a')],
    [1, offer('a')],
  ]);
  assert.deepEqual(effects, [{ kind: 'answer', accepted: ['a'], rejected: [] }]);
});

test('P2: another TaskExecutor cannot offer a slot that one has', () => {
  const other: SlotPoolEvent = {
    kind: 'offer',
    taskExecutorId: 'other',
    offers: [{ allocationId: 'a', slot: 0, profile: '' }],
  };
  const [, effects] = play([
    [0, request(0)],
    [0, request(1)],
    [0, offer('a')],
    [1, other],
  ]);
  assert.deepEqual(effects, [{ kind: 'answer', accepted: [], rejected: ['a'] }]);
});

test('P3: what is declared counts requests with and without slot, and is told when it changes', () => {
  let state = initialSlotPool(options);
  const declared: number[] = [];
  const events: SlotPoolEvent[] = [
    request(0),
    request(0),
    request(1),
    offer('a'),
    { kind: 'release', request: 0 },
    request(0),
    { kind: 'end' },
  ];
  for (const event of events) {
    const [next, effects] = stepSlotPool(state, event, milliseconds(0));
    state = next;
    for (const effect of effects)
      if (effect.kind === 'declare') declared.push(effect.needs[0]?.slots ?? 0);
  }
  assert.deepEqual(declared, [1, 2, 1, 2, 0]);
});

test('P4: an idle slot goes back after its time-out; a request before that takes it', () => {
  const idle = [
    [0, request(0)],
    [0, offer('a')],
    [50, { kind: 'release', request: 0 }],
  ] as const;
  assert.equal(nextSlotPoolDeadline(play(idle)[0]), 150);
  assert.deepEqual(play([...idle, [149, { kind: 'tick' }]])[1], []);
  assert.deepEqual(play([...idle, [150, { kind: 'tick' }]])[1], [
    { kind: 'free', slot: place('a') },
  ]);
  assert.deepEqual(play([...idle, [149, request(7)]])[1], [
    { kind: 'assign', request: 7, slot: place('a') },
    { kind: 'declare', needs: needs(1) },
  ]);
});

test('P4: a slot that is released serves the request that waits, the lowest first', () => {
  const waiting = [
    [0, request(0)],
    [0, request(2)],
    [0, request(1)],
    [0, offer('a')],
  ] as const;
  const [state, effects] = play([...waiting, [5, { kind: 'release', request: 0 }]]);
  assert.deepEqual(effects, [
    { kind: 'assign', request: 1, slot: place('a') },
    { kind: 'declare', needs: needs(2) },
  ]);
  const [, back] = stepSlotPool(state, { kind: 'release', request: 2 }, milliseconds(6));
  assert.deepEqual(back, [{ kind: 'declare', needs: needs(1) }], 'one that waits has none');
});

test('a request that waits too long is told of with what there is, and the wait begins again', () => {
  const waiting = [
    [0, request(0)],
    [0, request(1)],
    [0, offer('a')],
  ] as const;
  assert.equal(nextSlotPoolDeadline(play(waiting)[0]), 1000);
  const [state, effects] = play([...waiting, [1000, { kind: 'tick' }]]);
  assert.deepEqual(effects, [{ kind: 'timed-out', required: 2, available: 1 }]);
  assert.equal(nextSlotPoolDeadline(state), 2000);
});

test('the loss of a TaskExecutor is the loss of its slots, once', () => {
  const lost: SlotPoolEvent = { kind: 'task-executor-lost', taskExecutorId: 'te' };
  const before = [
    [0, request(0)],
    [0, offer('a')],
  ] as const;
  const [, first] = play([...before, [1, lost]]);
  assert.deepEqual(first, [
    { kind: 'lost', request: 0, slot: place('a') },
    { kind: 'declare', needs: needs(0) },
  ]);
  assert.deepEqual(play([...before, [1, lost], [2, lost]])[1], []);
});

test('at the end everything is freed, and nothing is accepted any more', () => {
  const ended = [
    [0, request(0)],
    [0, request(1)],
    [0, offer('a')],
    [1, { kind: 'end' }],
  ] as const;
  assert.deepEqual(play(ended)[1], [
    { kind: 'free', slot: place('a') },
    { kind: 'declare', needs: needs(0) },
  ]);
  assert.deepEqual(play([...ended, [2, request(3)]])[1], []);
  assert.deepEqual(play([...ended, [2, offer('b')]])[1], [
    { kind: 'answer', accepted: [], rejected: ['b'] },
  ]);
});

const events: fc.Arbitrary<SlotPoolEvent> = fc.oneof(
  fc.nat(4).map((number) => request(number)),
  fc.nat(4).map((number): SlotPoolEvent => ({ kind: 'release', request: number })),
  fc
    .tuple(
      fc.constantFrom('te', 'tf'),
      fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
    )
    .map(([taskExecutorId, ids]): SlotPoolEvent => ({
      kind: 'offer',
      taskExecutorId,
      offers: [...new Set(ids)].map((allocationId, slot) => ({
        ...{ allocationId, slot, profile: '' },
      })),
    })),
  fc
    .constantFrom('te', 'tf')
    .map((taskExecutorId): SlotPoolEvent => ({ kind: 'task-executor-lost', taskExecutorId })),
  fc
    .constantFrom('a', 'b', 'c')
    .map((allocationId): SlotPoolEvent => ({ kind: 'slot-gone', allocationId })),
  fc.constant<SlotPoolEvent>({ kind: 'tick' }),
);

test('P1, P3: no slot serves two requests, no request has two slots, whatever happens', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(events, fc.nat(200)), { maxLength: 60 }), (steps) => {
      let state = initialSlotPool(options);
      let now = 0;
      const serving = new Map<number, string>();
      for (const [event, span] of steps) {
        now += span;
        const [next, effects] = stepSlotPool(state, event, milliseconds(now));
        if (event.kind === 'release') serving.delete(event.request);
        for (const effect of effects) {
          if (effect.kind === 'assign') {
            assert.ok(!serving.has(effect.request), 'P1: a request got a second slot');
            assert.ok(
              ![...serving.values()].includes(effect.slot.allocationId),
              'P1: a slot serves twice',
            );
            serving.set(effect.request, effect.slot.allocationId);
          } else if (effect.kind === 'lost') {
            assert.equal(serving.get(effect.request), effect.slot.allocationId);
            serving.delete(effect.request);
          } else if (effect.kind === 'free') {
            assert.ok(
              ![...serving.values()].includes(effect.slot.allocationId),
              'P4: freed while in use',
            );
          }
        }
        state = next;
        assert.deepEqual(state.declared, needs(serving.size + state.waiting.size), 'P3');
        assert.ok(
          [...serving.keys()].every((each) => !state.waiting.has(each)),
          'P1',
        );
      }
    }),
    { numRuns: 1500, seed: 7 },
  );
});

test('P5: a slot serves only requests of its own profile', () => {
  const offered: SlotPoolEvent = {
    ...{ kind: 'offer', taskExecutorId: 'te' },
    offers: [
      { allocationId: 'a', slot: 0, profile: 'large' },
      { allocationId: 'b', slot: 1, profile: '' },
    ],
  };
  const [state, effects] = play([
    [0, request(0)],
    [0, request(1, 'large')],
    [0, request(2, 'large')],
    [0, offered],
  ]);
  assert.deepEqual(effects, [
    { kind: 'answer', accepted: ['a', 'b'], rejected: [] },
    { kind: 'assign', request: 1, slot: { ...place('a', 0), profile: 'large' } },
    { kind: 'assign', request: 0, slot: place('b', 1) },
  ]);
  assert.deepEqual(state.declared, [
    { profile: '', slots: 1 },
    { profile: 'large', slots: 2 },
  ]);
  const [, idle] = stepSlotPool(state, { kind: 'release', request: 0 }, milliseconds(1));
  assert.ok(!idle.some(({ kind }) => kind === 'assign'), 'a small slot is none for request 2');
});
