// Key group ranges against the definition by the owner of each group; golden values of Flink.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  defaultMaxParallelism,
  keyGroupOf,
  keyGroupOwners,
  keyGroupRange,
  subtaskOfKeyGroup,
} from './key-groups.ts';

test('ranges tile the key groups, and each group is owned by the subtask of its range', () => {
  fc.assert(
    fc.property(
      fc
        .integer({ min: 1, max: 600 })
        .chain((max) => fc.tuple(fc.constant(max), fc.integer({ min: 1, max }))),
      ([max, parallelism]) => {
        const owners = keyGroupOwners(max, parallelism);
        let next = 0;
        for (let subtask = 0; subtask < parallelism; subtask++) {
          const { first, last } = keyGroupRange(subtask, max, parallelism);
          assert.equal(first, next);
          assert.ok(last >= first);
          for (let group = first; group <= last; group++) {
            assert.equal(subtaskOfKeyGroup(group, max, parallelism), subtask);
            assert.equal(owners[group], subtask);
          }
          next = last + 1;
        }
        assert.equal(next, max);
      },
    ),
    { seed: 3 },
  );
});

test('a hash of either sign has one group within bounds', () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 32_768 }), (hash, max) => {
      const group = keyGroupOf(hash, max);
      assert.ok(group >= 0 && group < max);
      assert.equal(group, Number(BigInt.asUintN(32, BigInt(hash)) % BigInt(max)));
    }),
    { seed: 4 },
  );
});

test('the default maximal parallelism is that of Flink', () => {
  const cases = [
    [1, 128],
    [85, 128],
    [86, 256],
    [128, 256],
    [171, 256],
    [172, 512],
    [20_000, 32_768],
    [32_768, 32_768],
  ] as const;
  for (const [parallelism, max] of cases) assert.equal(defaultMaxParallelism(parallelism), max);
});

test('golden ranges', () => {
  assert.deepEqual(keyGroupRange(0, 128, 3), { first: 0, last: 42 });
  assert.deepEqual(keyGroupRange(1, 128, 3), { first: 43, last: 85 });
  assert.deepEqual(keyGroupRange(2, 128, 3), { first: 86, last: 127 });
});
