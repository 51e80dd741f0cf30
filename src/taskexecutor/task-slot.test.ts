import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { stepTaskSlot } from './task-slot.ts';
import type { TaskSlotEffect, TaskSlotEvent, TaskSlotState } from './task-slot.ts';

const a = { allocationId: 'a', jobId: 'j' };
const b = { allocationId: 'b', jobId: 'k' };
const now = milliseconds(1000);
const timeout = milliseconds(100);

const STATES = {
  free: { kind: 'free' },
  allocated: { kind: 'allocated', allocation: a, since: milliseconds(900) },
  'just allocated': { kind: 'allocated', allocation: a, since: milliseconds(901) },
  active: { kind: 'active', allocation: a },
  releasing: { kind: 'releasing', allocation: a },
} as const satisfies Readonly<Record<string, TaskSlotState>>;

const EVENTS = {
  'request a': { kind: 'request', allocation: a },
  'request b': { kind: 'request', allocation: b },
  'accepted a': { kind: 'accepted', allocationId: 'a' },
  'accepted b': { kind: 'accepted', allocationId: 'b' },
  'rejected a': { kind: 'rejected', allocationId: 'a' },
  'rejected b': { kind: 'rejected', allocationId: 'b' },
  'job lost a': { kind: 'job-lost', allocationId: 'a' },
  'free a': { kind: 'free', allocationId: 'a', worker: false },
  'free a with worker': { kind: 'free', allocationId: 'a', worker: true },
  'free b': { kind: 'free', allocationId: 'b', worker: false },
  'worker gone': { kind: 'worker-gone' },
  tick: { kind: 'tick', timeout, worker: false },
  'tick with worker': { kind: 'tick', timeout, worker: true },
} as const satisfies Readonly<Record<string, TaskSlotEvent>>;

type StateName = keyof typeof STATES;
type EventName = keyof typeof EVENTS;
type Cell = readonly [TaskSlotState['kind'], ...TaskSlotEffect['kind'][]];

const FREED: Cell = ['free', 'freed'];
const STOP: Cell = ['releasing', 'stop-worker'];

const TABLE: Readonly<Record<StateName, Readonly<Record<EventName, Cell>>>> = {
  free: {
    'request a': ['allocated'],
    'request b': ['allocated'],
    'accepted a': ['free'],
    'accepted b': ['free'],
    'rejected a': ['free'],
    'rejected b': ['free'],
    'job lost a': ['free'],
    'free a': ['free'],
    'free a with worker': ['free'],
    'free b': ['free'],
    'worker gone': ['free'],
    tick: ['free'],
    'tick with worker': ['free'],
  },
  allocated: {
    'request a': ['allocated'],
    'request b': ['allocated', 'refuse'],
    'accepted a': ['active'],
    'accepted b': ['allocated'],
    'rejected a': FREED,
    'rejected b': ['allocated'],
    'job lost a': ['allocated'],
    'free a': FREED,
    'free a with worker': STOP,
    'free b': ['allocated'],
    'worker gone': ['allocated'],
    tick: FREED,
    'tick with worker': STOP,
  },
  'just allocated': {
    'request a': ['allocated'],
    'request b': ['allocated', 'refuse'],
    'accepted a': ['active'],
    'accepted b': ['allocated'],
    'rejected a': FREED,
    'rejected b': ['allocated'],
    'job lost a': ['allocated'],
    'free a': FREED,
    'free a with worker': STOP,
    'free b': ['allocated'],
    'worker gone': ['allocated'],
    tick: ['allocated'],
    'tick with worker': ['allocated'],
  },
  active: {
    'request a': ['active'],
    'request b': ['active', 'refuse'],
    'accepted a': ['active'],
    'accepted b': ['active'],
    'rejected a': ['active'],
    'rejected b': ['active'],
    'job lost a': ['allocated'],
    'free a': FREED,
    'free a with worker': STOP,
    'free b': ['active'],
    'worker gone': ['active'],
    tick: ['active'],
    'tick with worker': ['active'],
  },
  releasing: {
    'request a': ['releasing', 'refuse'],
    'request b': ['releasing', 'refuse'],
    'accepted a': ['releasing'],
    'accepted b': ['releasing'],
    'rejected a': ['releasing'],
    'rejected b': ['releasing'],
    'job lost a': ['releasing'],
    'free a': ['releasing'],
    'free a with worker': ['releasing'],
    'free b': ['releasing'],
    'worker gone': FREED,
    tick: ['releasing'],
    'tick with worker': ['releasing'],
  },
};

for (const state of Object.keys(TABLE) as StateName[]) {
  test(`a slot that is ${state}: every event`, () => {
    for (const event of Object.keys(EVENTS) as EventName[]) {
      const [next, effects] = stepTaskSlot(STATES[state], EVENTS[event], now);
      const actual = [next.kind, ...effects.map(({ kind }) => kind)];
      assert.deepEqual(actual, TABLE[state][event], event);
      if (next.kind !== 'free' && state !== 'free')
        assert.equal(next.allocation, a, `T1: ${event}`);
    }
  });
}
