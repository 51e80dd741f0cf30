/** Whether the system is asked to make files durable can be seen only from outside: with strace. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('sync reaches the disk: the system calls are made', () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sync-'));
  const url = new URL('../../src/env/node/disk.ts', import.meta.url).href;
  const script = `
    const { nodeDisk } = await import(${JSON.stringify(url)});
    const disk = nodeDisk();
    const file = await disk.open(${JSON.stringify(`${folder}/a`)}, 'create');
    await file.write(new Uint8Array(10), 0);
    await file.sync();
    await file.close();
    await disk.syncDirectory(${JSON.stringify(folder)});`;
  const trace = join(folder, 'trace');
  const call = ['-f', '-y', '-e', 'trace=fsync,fdatasync', '-o', trace, process.execPath];
  execFileSync('strace', [...call, '--input-type=module', '-e', script]);
  const calls = readFileSync(trace, 'utf8');
  assert.match(calls, new RegExp(`fdatasync\\(\\d+<${folder}/a>`));
  assert.match(calls, new RegExp(`fsync\\(\\d+<${folder}>`));
  rmSync(folder, { recursive: true });
});
