/** Profiles on demand: what is kept, what fails alone, and the files of V8 that come of it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { EngineError, isEngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import { nodeDisk } from '../env/node/disk.ts';
import type { ProfilingRequest } from '../protocol/profiling.ts';
import { ManualClock } from '../rpc/manual-clock.test-kit.ts';
import { ProcessProfiles } from './process-profiling.ts';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-profiles-')));
after(() => rmSync(root, { recursive: true }));

function rig(historySize = 2) {
  const clock = new ManualClock();
  const folder = join(mkdtempSync(join(root, 'a')), 'profiles');
  const recorded = async (text: string) => ({ stop: async () => text });
  const profiler = { start: () => recorded('main'), startHeap: () => recorded('heap of main') };
  const log = { write: () => undefined, with: () => log };
  const env = { clock, disk: nodeDisk(), log, profiler } as never;
  const profiles = new ProcessProfiles({ env, folder, name: 'tm 1', historySize });
  const outcome = () => profiles.list().map(({ thread, status }) => `${thread} ${status}`);
  /** Files are written beside the clock. */
  const over = async (): Promise<void> => {
    await clock.pass(milliseconds(2000));
    while (profiles.list().some(({ status }) => status === 'RUNNING')) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.pass();
    }
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  return { clock, folder, profiles, outcome, over };
}

const CPU: ProfilingRequest = { mode: 'CPU', duration: 2 };

test('a file for each thread, by a name from the list and by no other', async () => {
  const { folder, profiles, outcome, over } = rig();
  const slot = { name: 'slot 0 of job j', profile: async () => ({ stop: async () => 'slot' }) };
  const first = await profiles.start(CPU, [slot]);
  assert.deepEqual(
    [first.thread, first.status, first.finishedTime, first.outputFile],
    ['main', 'RUNNING', undefined, undefined],
  );
  await over();
  assert.deepEqual(outcome(), ['main FINISHED', 'slot 0 of job j FINISHED']);
  const [main, other] = profiles.list();
  assert.equal(main!.outputFile, 'tm-1_CPU_1970-01-01_00_00_00_main.cpuprofile');
  assert.equal(main!.message, 'Profiling Successful');
  assert.deepEqual(readdirSync(folder).toSorted(), [main!.outputFile, other!.outputFile]);
  const piece = await profiles.read(other!.outputFile!, 0);
  assert.equal(new TextDecoder().decode(piece!.bytes), 'slot');
  assert.equal(await profiles.read('../a', 0), undefined);
});

test('P1, P3: one at a time; a thread that ends or says nothing fails alone', async () => {
  const { clock, profiles, outcome, over } = rig();
  const reason = new EngineError('PROFILER_UNAVAILABLE', { place: 'V8', reason: 'it has ended' });
  const gone = { name: 'gone', profile: () => Promise.reject(reason) };
  const ends = { name: 'ends', profile: async () => ({ stop: () => Promise.reject(reason) }) };
  const hangs = { name: 'hangs', profile: () => new Promise<never>(() => undefined) };
  const begun = profiles.start({ ...CPU, mode: 'ALLOC' }, [gone, ends, hangs]);
  await assert.rejects(profiles.start(CPU, []), (error) => isEngineError(error, 'PROFILING_RUNS'));
  await clock.pass(milliseconds(10_000));
  await begun;
  await over();
  assert.deepEqual(outcome(), ['main FINISHED', 'gone FAILED', 'ends FAILED', 'hangs FAILED']);
  assert.match(profiles.list()[0]!.outputFile!, /_ALLOC_.*\.heapprofile$/);
  assert.match(profiles.list()[1]!.message!, /it has ended/);
  assert.match(profiles.list()[3]!.message!, /did not answer within 10000 ms/);
  await profiles.start(CPU, []);
});

test('P2: the last ones are kept', async () => {
  const { clock, folder, profiles, over } = rig(2);
  for (let i = 0; i < 4; i++) {
    await profiles.start(CPU, []);
    await over();
    clock.stopFor(1000);
  }
  const kept = profiles.list().map(({ outputFile }) => String(outputFile));
  assert.equal(kept.length, 2);
  assert.deepEqual(new Set(readdirSync(folder)), new Set(kept));
});
