// How far the sources of a group may go: the least of all that count, and each one's own drift.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds } from '../base/units.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { AlignmentGroups } from './alignment-groups.ts';

interface Said {
  readonly clock: ManualClock;
  readonly groups: AlignmentGroups;
  /** `operator/subtask limit`, since the last call. */
  readonly take: () => string[];
}

function groupsOf(...sources: readonly (readonly [string, string, number])[]): Said {
  const clock = new ManualClock();
  const said: string[] = [];
  const groups = new AlignmentGroups(clock, (operator, subtask, limit) =>
    said.push(`${operator}/${subtask} ${limit}`),
  );
  for (const [operator, group, maxDrift] of sources) {
    groups.add({
      ...{ operator, group, maxDrift: milliseconds(maxDrift) },
      updateInterval: milliseconds(1000),
    });
  }
  return { clock, groups, take: () => said.splice(0) };
}

test('W1: the least of the group, and each source`s own drift; W2: told when it has changed', async () => {
  const { clock, groups, take } = groupsOf(['a', 'g', 10], ['b', 'g', 20], ['c', 'other', 5]);
  for (const each of ['a', 'b', 'c']) groups.register(each, 0);
  groups.register('a', 1);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take(), [], 'who has told nothing holds nobody');
  groups.report('a', 0, 100);
  groups.report('a', 1, 70);
  groups.report('b', 0, 300);
  groups.report('c', 0, 1);
  assert.deepEqual(take(), []);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take().toSorted(), ['a/0 80', 'a/1 80', 'b/0 90', 'c/0 6']);
  await clock.pass(milliseconds(5000));
  assert.deepEqual(take(), []);
  groups.report('a', 1, 200);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take().toSorted(), ['a/0 110', 'a/1 110', 'b/0 120']);
});

test('W1: idle and finished readers hold nobody; a group of them has no limit', async () => {
  const { clock, groups, take } = groupsOf(['a', 'g', 10], ['b', 'g', 10]);
  groups.register('a', 0);
  groups.register('b', 0);
  groups.report('a', 0, 100);
  groups.report('b', 0, 50);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take().toSorted(), ['a/0 60', 'b/0 60']);
  groups.report('b', 0, Infinity);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take().toSorted(), ['a/0 110', 'b/0 110']);
  groups.report('a', 0, Infinity);
  await clock.pass(milliseconds(1000));
  assert.deepEqual(take().toSorted(), ['a/0 Infinity', 'b/0 Infinity']);
});

test('a reader that comes late is told at once', async () => {
  const { clock, groups, take } = groupsOf(['a', 'g', 10], ['b', 'g', 10]);
  groups.register('a', 0);
  groups.report('a', 0, 100);
  groups.register('b', 0);
  assert.deepEqual(take(), ['b/0 110']);
  groups.register('x', 0);
  groups.close();
  await clock.pass(milliseconds(10_000));
  assert.deepEqual(take(), []);
});
