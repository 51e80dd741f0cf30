/** Logs of processes that know nothing of them: kept by start, cut by size. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Configuration } from '../config/configuration.ts';
import { nodeDisk } from '../env/node/disk.ts';
import { LogFiles } from './log-files.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-logs-')));
after(() => rmSync(root, { recursive: true }));

function logs(kept: number): { readonly folder: string; readonly logs: LogFiles } {
  const folder = mkdtempSync(join(root, 'a'));
  const configuration = Configuration.parse({ 'env.log.max': String(kept) });
  const env = { disk: nodeDisk() };
  return { folder, logs: new LogFiles({ env, folder, configuration, limitBytes: 10 }) };
}

test('L1: every start has a file of its own, and a bounded number is kept', async () => {
  for (const kept of [0, 1, 3]) {
    const { folder, logs: files } = logs(kept);
    for (let life = 1; life <= 6; life++) {
      const paths = await files.begin('worker');
      const own = { stdout: join(folder, 'worker.out'), stderr: join(folder, 'worker.log') };
      assert.deepEqual(paths, own);
      for (const path of Object.values(paths)) appendFileSync(path, `life ${life}`);
    }
    const names = readdirSync(folder).toSorted();
    for (const newest of ['worker.log', 'worker.out']) {
      const earlier = Array.from({ length: kept }, (_, at) => `${newest}.${at + 1}`);
      const all = names.filter((name) => name.startsWith(newest));
      assert.deepEqual(all, [newest, ...earlier]);
      all.forEach((name, at) =>
        assert.equal(readFileSync(join(folder, name), 'utf8'), `life ${6 - at}`),
      );
    }
  }
});

test('L2: a file that has grown is cut under its writer', async () => {
  for (const kept of [0, 2]) {
    const { folder, logs: files } = logs(kept);
    const { stderr: path } = await files.begin('worker');
    const writer = openSync(path, 'a');
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    writeSync(writer, '123456789');
    await files.check(['worker', 'not there']);
    assert.equal(read('worker.log'), '123456789');
    writeSync(writer, '0');
    await files.check(['worker']);
    writeSync(writer, 'more');
    assert.equal(read('worker.log'), 'more');
    if (kept > 0) assert.equal(read('worker.log.1'), '1234567890');
    assert.equal(readdirSync(folder).length, kept > 0 ? 2 : 1);
    closeSync(writer);
  }
});
