/** What windows keep: nothing once they are over, whether or not anything else comes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../../base/units.ts';
import { cumulating, session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowAssigner } from '../../functions/window.ts';
import { trigger } from '../../functions/trigger.ts';
import { countSpec, Subtask } from './subtask.test-kit.ts';

const ms = milliseconds;

const ASSIGNERS: readonly [name: string, assigner: WindowAssigner<unknown>, lastEnd: number][] = [
  ['tumbling', tumbling(ms(10)), 10],
  ['sliding', sliding(ms(20), ms(5)), 20],
  ['cumulating', cumulating(ms(20), ms(5)), 20],
  ['session', session(ms(10)), 14],
];

describe('state of windows', () => {
  for (const [name, assigner, lastEnd] of ASSIGNERS) {
    for (const lateness of [0, 7]) {
      for (const operator of ['its own', 'the general'] as const) {
        it(`${name} with ${operator} operator, kept for ${lateness} ms: is gone in time`, () => {
          const spec = countSpec(assigner, lateness);
          const by = operator === 'its own' ? undefined : trigger.eventTime();
          const subtask = new Subtask({ ...spec, trigger: by }, 0, 1);
          subtask.start();
          for (let n = 0; n < 20; n++) subtask.visit(`user-${n}`, n % 5);
          subtask.watermark(lastEnd - 1);
          const fired = subtask.results.length;
          assert.ok(fired >= 20);
          if (lateness > 0) {
            subtask.watermark(lastEnd - 2 + lateness);
            assert.ok(subtask.keyed.usage.entries > 0, 'kept for late records');
            subtask.watermark(lastEnd - 1 + lateness);
          }
          assert.equal(subtask.keyed.usage.entries, 0, 'nothing is kept');
          assert.equal(subtask.results.length, fired);
        });
      }
    }
  }

  it('is kept for ever where late records are taken for ever', () => {
    for (const [name, assigner, lastEnd] of ASSIGNERS) {
      const subtask = new Subtask(countSpec(assigner, Number.MAX_SAFE_INTEGER), 0, 1);
      subtask.start();
      subtask.visit('a', 3);
      subtask.watermark(lastEnd - 1);
      const before = subtask.results.length;
      subtask.watermark(1e15);
      subtask.visit('a', 4);
      assert.ok(subtask.results.length > before, `${name}: the late record fires`);
      assert.ok(subtask.keyed.usage.entries > 0, name);
    }
  });
});
