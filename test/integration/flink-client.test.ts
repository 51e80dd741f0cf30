// Flink's own command line client 2.3.0 works against our REST interface: what it prints and how it
// ends is what it prints and how it ends at a Flink.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { RestRig, TOKEN } from '../../src/deploy/rest.test-kit.ts';
import { linesOf, type Ended } from '../command.test-kit.ts';
import { flinkClient, type FlinkClient } from '../services/flink-client.ts';

const JOB = 'a'.repeat(32);

describe("Flink's command line client", () => {
  let rig: RestRig;
  let client: FlinkClient;
  let jar: string;
  let folder: string;

  before(async () => {
    [client, rig] = await Promise.all([flinkClient(), RestRig.start()]);
    folder = await mkdtemp(join(tmpdir(), 'flink-client-'));
    jar = await rig.upload();
    await rig.run(jar, { exportName: 'endless', jobId: JOB });
    await rig.running(JOB);
  });

  after(async () => {
    await rig[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function flink(...args: readonly string[]): Promise<Ended & { lines: readonly string[] }> {
    const [action, ...rest] = args;
    const address = new URL(rig.url).host;
    const ended = await client.run([action!, '-m', address, ...rest], TOKEN);
    const lines = linesOf(ended.stdout).filter((line) => line !== '');
    return { ...ended, lines };
  }

  /** The last cause that the client names. */
  function cause({ stdout, stderr }: Ended): string {
    return [...`${stdout}\n${stderr}`.matchAll(/Caused by: (.*)/g)].at(-1)?.[1] ?? '';
  }

  const STARTED = new RegExp(`^[\\d. :]{19} : ${JOB} : surface-probe`);

  test('lists and triggers while a job runs', async () => {
    const [list, checkpoint, savepoint, withoutFolder, detached, dispose, stranger] =
      await Promise.all([
        flink('list'),
        flink('checkpoint', JOB),
        flink('savepoint', JOB, folder),
        flink('savepoint', JOB),
        flink('savepoint', '-detached', JOB, folder),
        flink('savepoint', '-d', 'file:///nowhere'),
        client.run(['list', '-m', new URL(rig.url).host]),
      ]);
    assert.equal(list.code, 0, list.stdout + list.stderr);
    assert.deepEqual(
      list.lines.map((line) => line.replace(STARTED, 'STARTED')),
      [
        'Waiting for response...',
        '------------------ Running/Restarting Jobs -------------------',
        'STARTED (RUNNING)',
        '--------------------------------------------------------------',
        'No scheduled jobs.',
      ],
    );
    assert.equal(checkpoint.code, 0, checkpoint.stdout + checkpoint.stderr);
    assert.deepEqual(
      checkpoint.lines.map((line) => line.replace(/\d+ for/, 'N for')),
      [
        `Triggering checkpoint for job ${JOB}.`,
        'Waiting for response...',
        `Checkpoint N for job ${JOB} completed.`,
        'You can resume your program from this checkpoint with the run command.',
      ],
    );
    assert.equal(savepoint.code, 0, savepoint.stdout + savepoint.stderr);
    assert.equal(savepoint.lines[0], `Triggering savepoint for job ${JOB}.`);
    const path = /^Savepoint completed\. Path: (file:\S+)$/m.exec(savepoint.stdout)?.[1];
    assert.ok(path?.startsWith(`file:${folder}/savepoint-aaaaaa-`), savepoint.stdout);
    assert.equal(withoutFolder.code, 1);
    assert.match(cause(withoutFolder), /Property \[target-directory\] must be provided/);
    assert.equal(detached.code, 0);
    assert.match(
      detached.lines.at(-1)!,
      /^Successfully trigger manual savepoint, triggerId: \w{32}$/,
    );
    assert.equal(dispose.code, 1);
    assert.equal(dispose.lines[0], "Disposing savepoint 'file:///nowhere'.");
    assert.match(cause(dispose), /There is no savepoint of this engine at file:\/nowhere/);
    assert.equal(stranger.code, 1);
    assert.match(
      cause(stranger),
      /needs the token.*FLINK_REST_CLIENT_HEADERS="Authorization:Bearer/,
    );
    const disposed = await flink('savepoint', '-d', path ?? '');
    assert.deepEqual([disposed.code, disposed.lines.at(-1)], [0, `Savepoint '${path}' disposed.`]);
  });

  test('cancels, and lists what has ended', async () => {
    const [cancel, unknown] = await Promise.all([
      flink('cancel', JOB),
      flink('cancel', 'b'.repeat(32)),
    ]);
    assert.deepEqual(
      [cancel.code, cancel.lines],
      [0, [`Cancelling job ${JOB}.`, `Cancelled job ${JOB}.`]],
    );
    assert.equal(unknown.code, 1);
    assert.match(cause(unknown), /Job could not be found\./);
    await rig.ending(JOB);
    const all = await flink('list', '-a');
    assert.equal(all.code, 0);
    assert.deepEqual(
      all.lines.map((line) => line.replace(STARTED, 'STARTED')),
      [
        'Waiting for response...',
        'No running jobs.',
        'No scheduled jobs.',
        '---------------------- Terminated Jobs -----------------------',
        'STARTED (CANCELED)',
        '--------------------------------------------------------------',
      ],
    );
  });

  test('stops a job with a savepoint', async () => {
    const id = 'c'.repeat(32);
    await rig.run(jar, { exportName: 'endless', jobId: id });
    await rig.running(id);
    const stop = await flink('stop', '-p', folder, id);
    assert.equal(stop.code, 0, stop.stdout + stop.stderr);
    assert.equal(stop.lines[0], `Suspending job "${id}" with a CANONICAL savepoint.`);
    assert.match(stop.stdout, /^Savepoint completed\. Path: file:\S+\/savepoint-cccccc-\w+$/m);
    await rig.ending(id);
    assert.equal((await rig.get(`/jobs/${id}/status`)).json.status, 'FINISHED');
  });
});
