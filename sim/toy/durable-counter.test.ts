/**
 * The durable counter under all faults: nothing that was acknowledged is lost, all work is done
 * once the faults stop, and each mistake that can be built into it is found within 50 seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Mistake } from './durable-counter.test-kit.ts';
import { runCounter } from './run-counter.test-kit.ts';

test('30 seeds: no acknowledged increment is lost, and the work is done after the faults', async () => {
  const injected = new Map<string, number>();
  for (let seed = 1; seed <= 30; seed++) {
    const outcome = await runCounter(seed);
    for (const [name, count] of outcome.injected) {
      injected.set(name, (injected.get(name) ?? 0) + count);
    }
  }
  assert.equal(injected.size, 10, 'every class of faults was enabled in some seed');
  for (const [name, count] of injected) assert.ok(count >= 10, `${name} struck ${count} times`);
});

const mistakes: readonly Mistake[] = [
  'no-sync',
  'no-folder-sync',
  'ignores-failed-sync',
  'no-checksum',
  'acknowledges-early',
];
for (const mistake of mistakes) {
  test(`the mistake "${mistake}" is found within 50 seeds`, async () => {
    for (let seed = 1; seed <= 50; seed++) {
      try {
        await runCounter(seed, mistake);
      } catch (error) {
        assert.match(String(error), /is lost|is in the log twice|came to/);
        return;
      }
    }
    assert.fail('not found');
  });
}
