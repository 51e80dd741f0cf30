// State that is sent ahead of deployments; the names of rules are those of staged-state.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { isEngineError } from '../base/errors.ts';
import type { StateHandle } from './checkpoint.ts';
import { stage, unstaged } from './staged-state.ts';
import type { SlotTasks } from './staged-state.ts';

/** Some of which several tasks are given. */
const STATES = [0, 1, 300_000, 900_000, 2_500_000, 5_000_000].map((length, index) =>
  new Uint8Array(length).fill(index),
);
const handle: fc.Arbitrary<StateHandle> = fc.oneof(
  fc.constantFrom(...STATES).map((bytes): StateHandle => ({ kind: 'inline', bytes })),
  fc.constant<StateHandle>({ kind: 'file', uri: 'file:/x', size: 9, shared: true }),
);
const channels = fc.array(
  handle.map((each) => ({ edge: 'e', producer: 0, consumer: 0, handle: each })),
  { maxLength: 2 },
);
const restore = fc.record({
  kind: fc.constant('state' as const),
  operators: fc.array(
    fc.record({
      operator: fc.constant('o'),
      keyed: fc.array(
        fc.record({ firstKeyGroup: fc.nat(9), parts: fc.array(handle, { maxLength: 2 }) }),
        { maxLength: 2 },
      ),
      operatorState: fc.array(
        handle.map((each, subtask: number = 0) => ({ subtask, handle: each })),
        { maxLength: 3 },
      ),
    }),
    { maxLength: 2 },
  ),
  inputs: channels,
  outputs: channels,
});
const task = fc.oneof(
  restore.map((each) => ({ executionId: 'v/0/1', restore: each })),
  fc.constant({ executionId: 'v/1/1', restore: undefined }),
  fc.constant({ executionId: 'v/2/1', restore: { kind: 'commit', committables: [] } }),
);
const slots = fc.array(
  fc.record({ allocationId: fc.constantFrom('a', 'b'), tasks: fc.array(task, { maxLength: 3 }) }),
  { maxLength: 3 },
) as unknown as fc.Arbitrary<readonly SlotTasks[]>;

test('S1, S2: what arrives is what was to be deployed, and every state is sent once', () => {
  const property = fc.property(slots, (given) => {
    const staged = stage(given);
    const sent = staged.pieces.flat();
    assert.equal(new Set(sent).size, sent.length);
    for (const piece of staged.pieces) {
      const bytes = piece.reduce((sum, { length }) => sum + length, 0);
      assert.ok(bytes <= 4 * 1024 * 1024 || piece.length === 1);
    }
    assert.ok(inlineBytes(staged.slots) < 1024 * 1024, 'and little besides');
    assert.equal(shape(unstaged(staged.slots, staged.places, sent)), shape(given));
  });
  fc.assert(property, { seed: 4, numRuns: cases(50, 500) });
});

/** With states by their number: they are the very same. */
function shape(all: readonly SlotTasks[]): string {
  return JSON.stringify(all, (_name, value: unknown) =>
    value instanceof Uint8Array ? STATES.indexOf(value as (typeof STATES)[0]) : value,
  );
}

/** Within what is sent at last. */
function inlineBytes(all: readonly SlotTasks[]): number {
  let sum = 0;
  const look = (value: unknown): void => {
    if (value instanceof Uint8Array) sum += value.length;
    else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
  };
  look(all);
  return sum;
}

test('a piece that has not come is no empty state', () => {
  const bytes = STATES[4]!;
  const one = {
    operator: 'o',
    keyed: [],
    operatorState: [{ subtask: 0, handle: { kind: 'inline', bytes } }],
  };
  const tasks = [{ restore: { kind: 'state', operators: [one], inputs: [], outputs: [] } }];
  const { slots: light, places, pieces } = stage([{ allocationId: 'a', tasks }] as never);
  const broken = (error: unknown): boolean => isEngineError(error, 'RPC_PROTOCOL');
  assert.throws(() => unstaged(light, places, []), broken);
  assert.throws(() => unstaged([], places, pieces.flat()), broken);
});
