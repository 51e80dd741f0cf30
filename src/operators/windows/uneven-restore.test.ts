/**
 * Subtasks that had come to different watermarks are restored as one: windows that one of them had
 * fired are not fired again for its keys, and are fired for the keys of the other.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../../base/units.ts';
import { session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { t } from '../../types/t.ts';
import { countSpec, GROUPS, groupOf, Subtask } from './subtask.test-kit.ts';

const ms = milliseconds;

/** Keys that belong to the first and to the second of two subtasks. */
function twoKeys(): [string, string] {
  const keys = Array.from({ length: 50 }, (_, n) => `user-${n}`);
  const low = keys.find((key) => groupOf(key) < GROUPS / 2)!;
  return [low, keys.find((key) => groupOf(key) >= GROUPS / 2)!];
}

/** `ahead` and `behind` as one subtask. */
async function merged(of: WindowSpec, parts: readonly Subtask[]): Promise<Subtask> {
  const one = new Subtask(of, 0, 1);
  await one.keyed.restore(parts.map(({ keyedSnapshot }) => [keyedSnapshot]));
  await one.state.restore(parts.map(({ stateSnapshot }) => stateSnapshot));
  one.start();
  return one;
}

async function uneven(of: WindowSpec): Promise<[one: Subtask, ahead: string, behind: string]> {
  const [a, b] = twoKeys();
  const ahead = new Subtask(of, 0, 2);
  const behind = new Subtask(of, 1, 2);
  for (const [subtask, key] of [
    [ahead, a],
    [behind, b],
  ] as const) {
    subtask.start();
    subtask.visit(key, 1);
    subtask.visit(key, 2);
  }
  ahead.watermark(10);
  behind.watermark(5);
  return [await merged(of, [ahead, behind]), a, b];
}

describe('windows of subtasks that were not equally far', () => {
  it('fire once for each key: sliding', async () => {
    const [one, a, b] = await uneven(countSpec(sliding(ms(20), ms(10))));
    one.watermark(9);
    assert.deepEqual(one.results, [`${b} [-10, 10) = 2`]);
    one.watermark(25);
    assert.deepEqual(
      one.results.slice(1).toSorted(),
      [`${a} [0, 20) = 2`, `${b} [0, 20) = 2`].toSorted(),
    );
  });

  it('fire once for each key: kept for late records', async () => {
    const [one, a, b] = await uneven(countSpec(tumbling(ms(10)), 100));
    one.visit(a, 3);
    assert.deepEqual(one.results, [`${a} [0, 10) = 3`], 'late for the key that was ahead');
    one.visit(b, 3);
    one.watermark(10);
    assert.deepEqual(one.results.slice(1), [`${b} [0, 10) = 3`]);
    one.visit(b, 4);
    assert.deepEqual(one.results.slice(2), [`${b} [0, 10) = 4`]);
  });

  it('are over for the keys of who was ahead', async () => {
    const [one, a, b] = await uneven(countSpec(tumbling(ms(10))));
    one.visit(a, 3);
    one.visit(b, 3);
    one.watermark(10);
    assert.deepEqual(one.results, [`${b} [0, 10) = 3`]);
  });

  it('C1: are cleared once for each key', async () => {
    for (const assigner of [sliding(ms(20), ms(10)), tumbling(ms(10))]) {
      const cleared: string[] = [];
      const of: WindowSpec = {
        ...countSpec(assigner, 3),
        function: {
          emits: t.string,
          onWindow: () => undefined,
          onClear: ({ key, window }) => cleared.push(`${key} [${window.start}, ${window.end})`),
        },
      };
      // The first was at 10, where windows that ended at 8 are over, and the second at 5.
      const [one, a, b] = await uneven(of);
      one.visit(a, 7);
      const before = cleared.splice(0);
      one.watermark(12);
      const both = [`${a} [0, 10)`, `${b} [0, 10)`];
      assert.deepEqual(before, []);
      if (assigner.kind === 'tumbling') {
        assert.deepEqual(cleared.toSorted(), both.toSorted());
        continue;
      }
      assert.deepEqual(cleared.toSorted(), [`${a} [-10, 10)`, `${b} [-10, 10)`].toSorted());
      one.watermark(30);
      assert.equal(cleared.length, 4);
    }
    const cleared: string[] = [];
    const of: WindowSpec = {
      ...countSpec(tumbling(ms(4))),
      function: {
        emits: t.string,
        onWindow: () => undefined,
        onClear: ({ key, window }) => cleared.push(`${key} [${window.start}, ${window.end})`),
      },
    };
    const [one, a, b] = await uneven(of);
    one.watermark(20);
    assert.deepEqual(cleared.toSorted(), [`${a} [0, 4)`, `${b} [0, 4)`].toSorted(), 'before, each');
  });

  it('fire once for each key: sessions', async () => {
    const [one, a, b] = await uneven(countSpec(session(ms(6))));
    one.visit(a, 3);
    one.visit(b, 3);
    one.watermark(20);
    assert.deepEqual(one.results, [`${b} [1, 9) = 3`]);
    assert.equal(one.keyed.usage.entries, 0, a);
  });
});
