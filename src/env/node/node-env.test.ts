/** Importing the environment is cheap: nothing that takes time is loaded before it is used. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('nothing of Node that takes time is loaded before its first use', () => {
  const url = new URL('./node-env.ts', import.meta.url).href;
  const script = `
    const loaded = (name) => process.moduleLoadList.includes('NativeModule ' + name);
    const names = ['net', 'crypto', 'child_process', 'worker_threads', 'fs/promises', 'tty'];
    const before = names.filter(loaded);
    const { nodeEnv } = await import(${JSON.stringify(url)});
    const env = nodeEnv({ entries: { slot: import.meta.url, coordinator: import.meta.url } });
    env.clock.monotonic();
    env.random.uint32();
    env.log.write('debug', 'quiet');
    const after = names.filter(loaded);
    env.random.uuid();
    const used = names.filter(loaded);
    process.stdout.write(JSON.stringify([before, after, used]));`;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  const [before, after, used] = JSON.parse(text) as readonly string[][];
  assert.deepEqual(after, before);
  assert.ok(used?.includes('crypto'), 'the names are right');
});
