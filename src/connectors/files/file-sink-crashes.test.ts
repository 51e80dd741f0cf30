// The file sink in a job with checkpoints whose process is killed, or whose machine loses its
// power, at every event of its life: what a reader sees then, and after the job has gone on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { minutes } from '../../base/units.ts';
import type { Env } from '../../env/env.ts';
import { simulation } from '../../../sim/simulation.ts';
import { FileJob, FOLDER, type FileCheckpoint } from './file-job.test-kit.ts';
import type { FileSinkOptions } from './file-sink.ts';
import { filesBelow, readFile } from './files.test-kit.ts';

const RECORDS = 6;
const EACH = 2;

/** What the master of the job remembers. */
interface Master {
  attempt: number;
  complete: FileCheckpoint | undefined;
  /** Records up to here are in it. */
  position: number;
  /** The end is decided: committed whatever happens. */
  ended: FileCheckpoint | undefined;
}

type Options = Partial<FileSinkOptions<string>>;

async function run(env: Env, master: Master, options: Options): Promise<void> {
  master.attempt += 1;
  const from = master.ended ?? master.complete;
  const job = await FileJob.start({
    ...{ env, jobId: 'job', options, attempt: master.attempt, isClaimed: true },
    ...(from === undefined ? {} : { from }),
  });
  if (master.ended !== undefined) return;
  while (master.position < RECORDS) {
    for (let n = 0; n < EACH; n += 1) job.write(String(master.position + n));
    const checkpoint = await job.checkpoint();
    // Complete when it is durable, which is somebody else's work.
    master.complete = checkpoint;
    master.position += EACH;
    await job.commit(checkpoint);
  }
  const end = await job.end();
  master.ended = end;
  await job.commit(end);
}

/**
 * Of each bucket a beginning of its records, each once: files become visible one after another. All
 * that is complete, in the end.
 */
async function look(env: Env, master: Master, what: 'prefix' | 'complete'): Promise<void> {
  const paths = (await filesBelow(env, FOLDER)).filter((path) => !/\/[._]/.test(path));
  const seen = new Map<string, number[]>();
  for (const path of paths) {
    const content = await readFile(env, path);
    assert.match(content, /^(\d\n)+$/, `${path} is torn`);
    const folder = path.slice(0, path.lastIndexOf('/'));
    const records = content.trimEnd().split('\n').map(Number);
    seen.set(folder, [...(seen.get(folder) ?? []), ...records]);
  }
  for (const [folder, records] of seen) {
    const first = folder.endsWith('1') ? 1 : 0;
    const each = folder === FOLDER ? 1 : 2;
    records.sort((left, right) => left - right);
    assert.deepEqual(
      records,
      records.map((_, index) => first + index * each),
      folder,
    );
    assert.ok(records.at(-1)! < master.position, 'seen too early');
  }
  if (what === 'complete') assert.equal([...seen.values()].flat().length, RECORDS);
}

async function crashAt(step: number, power: boolean, options: Options): Promise<boolean> {
  const world = simulation({ seed: 2000 + step, buggify: false });
  const host = world.host('host');
  const within = minutes(10);
  const master: Master = { attempt: 0, complete: undefined, position: 0, ended: undefined };
  const begin = world.scheduler.steps;
  const process = host.start('job', async (env) => {
    await run(env, master, options);
    return 0;
  });
  const until = (): boolean => !process.alive || world.scheduler.steps - begin >= step;
  await world.run({ until, within });
  const crashed = process.alive;
  const powerFails = (): void => {
    host.crash(Prng.of(step));
    host.restart();
  };
  if (power) powerFails();
  else if (crashed) {
    process.kill();
    await world.run({ until: () => !process.alive, within });
  }
  await world.runProcess(host, (env) => look(env, master, 'prefix'), within);
  await world.runProcess(host, (env) => run(env, master, options), within);
  if (power) powerFails();
  await world.runProcess(
    host,
    async (env) => {
      await look(env, master, 'complete');
      const hidden = (await filesBelow(env, FOLDER)).filter((path) => path.includes('/.'));
      assert.deepEqual(hidden, [], `left over at step ${step}`);
    },
    within,
  );
  return crashed;
}

const VARIANTS: Readonly<Record<string, Options>> = {
  'files that end at checkpoints': {},
  'files that are open over checkpoints, in buckets': {
    rollOnCheckpoint: false,
    bucketBy: (record) => `of=${Number(record) % 2}`,
  },
};
for (const [what, options] of Object.entries(VARIANTS)) {
  for (const power of [false, true]) {
    const how = power ? 'the power fails' : 'the process is killed';
    test(`F1, F2, O1: ${how} at every event: ${what}`, async () => {
      let step = 1;
      while (await crashAt(step, power, options)) step += 1;
      assert.ok(step > 60, `only ${step} events`);
    });
  }
}
