/** The machine of a supervised process, by cell; and how long it waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { FIRST_CHILD, stepChild } from './supervised-child.ts';
import type { ChildEffect, ChildEvent, ChildState } from './supervised-child.ts';

const fresh = { wasReady: false, failures: 0, ends: [] };
const proven = { ...fresh, wasReady: true };
const STATES = {
  first: FIRST_CHILD,
  running: { kind: 'running', history: proven },
  'starting again': { kind: 'starting', history: proven },
  waiting: { kind: 'waiting', history: proven },
  stopping: { kind: 'stopping' },
  ended: { kind: 'ended' },
} as const satisfies Readonly<Record<string, ChildState>>;

type Cell = readonly [ChildState['kind'], ...ChildEffect['kind'][]];

const TABLE: Readonly<Record<keyof typeof STATES, Readonly<Record<ChildEvent, Cell>>>> = {
  first: {
    ready: ['running'],
    exited: ['ended', 'give-up'],
    'pause-over': ['starting'],
    stop: ['stopping', 'terminate'],
  },
  running: {
    ready: ['running'],
    exited: ['waiting', 'pause'],
    'pause-over': ['running'],
    stop: ['stopping', 'terminate'],
  },
  'starting again': {
    ready: ['running'],
    exited: ['waiting', 'pause'],
    'pause-over': ['starting'],
    stop: ['stopping', 'terminate'],
  },
  waiting: {
    ready: ['waiting'],
    exited: ['waiting'],
    'pause-over': ['starting', 'start'],
    stop: ['ended'],
  },
  stopping: {
    ready: ['stopping'],
    exited: ['ended'],
    'pause-over': ['stopping'],
    stop: ['stopping'],
  },
  ended: { ready: ['ended'], exited: ['ended'], 'pause-over': ['ended'], stop: ['ended'] },
};

for (const name of Object.keys(TABLE) as (keyof typeof STATES)[]) {
  test(`K1, K3: a process that is ${name}`, () => {
    for (const event of Object.keys(TABLE[name]) as ChildEvent[]) {
      const [state, effects] = stepChild(STATES[name], event, milliseconds(0));
      assert.deepEqual([state.kind, ...effects.map(({ kind }) => kind)], TABLE[name][event], event);
    }
  });
}

/** The pauses after each end of a process that is started again `every` ms, ready or not. */
function pauses(count: number, ready: boolean, every: number): readonly number[] {
  let state: ChildState = STATES.running;
  const seen: number[] = [];
  for (let now = 0; seen.length < count; now += every) {
    const step = (event: ChildEvent): readonly ChildEffect[] => {
      const [next, effects] = stepChild(state, event, milliseconds(now));
      state = next;
      return effects;
    };
    for (const effect of step('exited')) if (effect.kind === 'pause') seen.push(effect.pause);
    step('pause-over');
    if (ready) step('ready');
  }
  return seen;
}

test('K2: one that had been ready is replaced at once, again and again', () => {
  assert.deepEqual(pauses(5, true, 20_000), [0, 0, 0, 0, 0]);
  assert.deepEqual(pauses(8, true, 1000), [0, 100, 200, 300, 400, 500, 500, 500]);
});

test('K2: one that never gets ready is waited for longer and longer', () => {
  const seen = pauses(12, false, 1000);
  assert.deepEqual(seen.slice(0, 5), [0, 100, 200, 400, 800]);
  assert.equal(seen.at(-1), 10_000);
});
