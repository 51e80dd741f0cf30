import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { nodeProcessUsage } from './process-usage.ts';

test('what a process uses grows with what it does', async () => {
  using usage = nodeProcessUsage();
  const before = usage.read();
  assert.ok(before.heapUsed > 0 && before.heapUsed <= before.heapMax);
  assert.ok(before.residentSet > before.heapUsed);
  const file = openSync(import.meta.filename, 'r');
  const buffer = new ArrayBuffer(50 * 2 ** 20);
  const collected = (): boolean =>
    usage.read().collections.some(({ kind, count }) => kind === 'minor' && count > 0);
  let kept: unknown[] = [];
  while (!collected() || usage.read().cpuTime - before.cpuTime < 20) {
    for (let i = 0; i < 1000; i++) kept = [kept.length, ...kept.slice(0, 1000)];
    // Entries of the observer come in a later turn.
    await sleep(1);
  }
  const after = usage.read();
  closeSync(file);
  assert.ok(after.arrayBuffers - before.arrayBuffers > 0.9 * buffer.byteLength);
  if (process.platform !== 'linux') return;
  assert.equal(after.openFiles, before.openFiles + 1);
  assert.ok(after.openFilesMax > after.openFiles && after.threads >= 1);
});
