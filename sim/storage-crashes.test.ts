/**
 * What local files promise over crashes: the power is lost at every operation of a file's life, in
 * every way that the seed draws, and afterwards what was promised is there, and nothing torn.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cases } from '../src/base/cases.test-kit.ts';
import { isEngineError } from '../src/base/errors.ts';
import { minutes } from '../src/base/units.ts';
import { pattern } from '../src/env/contract/rig.test-kit.ts';
import type { Env } from '../src/env/env.ts';
import { CheckpointStreams } from '../src/storage/checkpoint-streams.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
import { LocalFileSystem } from '../src/storage/local-file-system.ts';
import { readFile } from '../src/storage/stored-checkpoint.ts';
import type { FileSystem } from './file-system.ts';
import { simulation, type Simulation } from './simulation.ts';

const FOLDER = '/shared/out';
const FILE = `${FOLDER}/part`;
/** Seeds for every step at which the power is lost. */
const SEEDS = cases(6, 100);
/** More steps than any life below has. */
const STEPS_MAX = 400;

interface Crash {
  readonly world: Simulation;
  readonly env: Env;
}

/**
 * Loses the power of the host at the `step`-th operation of `life`, then looks at what is there by
 * another host. @returns whether `life` had come to its end before
 */
async function crashAt(
  step: number,
  seed: number,
  life: (env: Env) => Promise<void>,
  look: (crash: Crash) => Promise<void>,
): Promise<boolean> {
  const world = simulation({ seed, buggify: false, sharedFolders: ['/shared'] });
  const host = world.host('writer');
  await world.runProcess(
    host,
    async (env) => new LocalFileSystem(env).makeFolder(FOLDER),
    minutes(10),
  );
  let ended = false;
  const process = host.start('life', async (env) => {
    await life(env);
    ended = true;
    return 0;
  });
  const loss = world.random('loss');
  process.killAtStep(process.main, step, loss, () => host.crash(loss));
  await world.run({ until: () => !process.alive, within: minutes(10) });
  if (ended) host.crash(loss);
  await world.runProcess(world.host('reader'), (env) => look({ world, env }), minutes(10));
  assert.deepEqual(
    world.failures.map(({ error }) => String(error)),
    [],
  );
  return ended;
}

/** Every step, until a life comes to its end, with some seeds each. */
async function sweep(body: (step: number, seed: number) => Promise<boolean>): Promise<number> {
  for (let step = 1; step < STEPS_MAX; step += 1) {
    let ended = true;
    for (let seed = 1; seed <= SEEDS; seed += 1) ended = (await body(step, seed)) && ended;
    if (ended) return step;
  }
  return assert.fail('the life has no end');
}

/** Undefined if there is no such file. */
async function contentOf(env: Env): Promise<Uint8Array | undefined> {
  try {
    return await readFile(new LocalFileSystem(env), FILE);
  } catch (error) {
    if (isEngineError(error, 'IO_NOT_FOUND')) return undefined;
    throw error;
  }
}

test('L1: a file is there, whole, once it is finished, and never in part', async () => {
  let absent = 0;
  let present = 0;
  const steps = await sweep((step, seed) => {
    let finished = false;
    const life = async (env: Env): Promise<void> => {
      const output = await new LocalFileSystem(env).create(FILE);
      await output.write(pattern(3000, 1));
      await output.write(pattern(2000, 2));
      await output.finish();
      finished = true;
    };
    return crashAt(step, seed, life, async ({ env }) => {
      const found = await contentOf(env);
      if (found === undefined) {
        absent += 1;
        assert.equal(finished, false, `a finished file is gone: step ${step}, seed ${seed}`);
        return;
      }
      present += 1;
      const whole = new Uint8Array(Buffer.concat([pattern(3000, 1), pattern(2000, 2)]));
      assert.deepEqual(found, whole, `step ${step}, seed ${seed}`);
    });
  });
  assert.ok(steps > 6 && absent > steps && present > SEEDS, `${steps}, ${absent}, ${present}`);
});

for (const condition of ['absent', 'any'] as const) {
  test(`L1: writeIf ${condition} is old or new, and new once it has resolved`, async () => {
    const old = condition === 'any' ? pattern(1000, 1) : undefined;
    let kept = 0;
    await sweep((step, seed) => {
      let wroteOld = false;
      let wroteNew = false;
      const life = async (env: Env): Promise<void> => {
        const files = new LocalFileSystem(env);
        if (old !== undefined) await files.writeIf(FILE, old, 'any');
        wroteOld = true;
        await files.writeIf(FILE, pattern(700, 2), condition);
        wroteNew = true;
      };
      return crashAt(step, seed, life, async ({ env }) => {
        const found = await contentOf(env);
        const where = `step ${step}, seed ${seed}`;
        if (wroteNew) assert.deepEqual(found, pattern(700, 2), where);
        else if (found?.length !== 700 && wroteOld) assert.deepEqual(found, old, where);
        else if (found?.length === 700) assert.deepEqual(found, pattern(700, 2), where);
        else if (found !== undefined) assert.deepEqual(found, old, where);
        if (!wroteNew) kept += 1;
      });
    });
    assert.ok(kept > SEEDS);
  });
}

test('W1, W2: what was persisted is recovered to the byte, and nothing is visible', async () => {
  let recovered = 0;
  await sweep((step, seed) => {
    let resumable: Uint8Array | undefined;
    let persisted = 0;
    const life = async (env: Env): Promise<void> => {
      const output = await new LocalFileSystem(env).recoverableWriter().open(FILE);
      for (let piece = 0; piece < 3; piece += 1) {
        await output.write(pattern(1000, piece));
        resumable = await output.persist();
        persisted = piece + 1;
      }
      await output.write(pattern(500, 9));
      await output.close();
    };
    return crashAt(step, seed, life, async ({ env }) => {
      assert.equal(await contentOf(env), undefined, 'W1');
      if (resumable === undefined) return;
      recovered += 1;
      const writer = new LocalFileSystem(env).recoverableWriter();
      const output = await writer.recover(resumable);
      await output.write(pattern(100, 7));
      await writer.commit(await output.closeForCommit());
      const pieces = Array.from({ length: persisted }, (_, piece) => pattern(1000, piece));
      const whole = new Uint8Array(Buffer.concat([...pieces, pattern(100, 7)]));
      assert.deepEqual(await contentOf(env), whole, `step ${step}, seed ${seed}`);
    });
  });
  assert.ok(recovered > SEEDS * 5, `${recovered} recoveries`);
});

test('W1, W3: a commit interrupted anywhere is repeated to the same file, once', async () => {
  let before = 0;
  let after = 0;
  await sweep((step, seed) => {
    let committable: Uint8Array | undefined;
    let committed = false;
    const life = async (env: Env): Promise<void> => {
      const writer = new LocalFileSystem(env).recoverableWriter();
      const output = await writer.open(FILE);
      await output.write(pattern(2000, 1));
      committable = await output.closeForCommit();
      await writer.commit(committable);
      committed = true;
    };
    return crashAt(step, seed, life, async ({ env }) => {
      const found = await contentOf(env);
      if (found === undefined) before += 1;
      else after += 1;
      if (found !== undefined) assert.deepEqual(found, pattern(2000, 1), `W1: step ${step}`);
      if (committed) assert.ok(found !== undefined, `W3: a committed file is gone: step ${step}`);
      if (committable === undefined) return;
      const files = new LocalFileSystem(env);
      for (let times = 0; times < 2; times += 1) {
        await files.recoverableWriter().commit(committable);
        assert.deepEqual(await contentOf(env), pattern(2000, 1), `W3: step ${step}, seed ${seed}`);
      }
      assert.equal((await files.list(FOLDER)).length, 1);
      await files.recoverableWriter().discard(committable);
      assert.deepEqual(await contentOf(env), pattern(2000, 1));
    });
  });
  assert.ok(before > SEEDS && after > SEEDS, `${before} before, ${after} after`);
});

test('L2, L3, O1: where the disk fails nothing is left, and the error says what and why', async () => {
  const faults: Readonly<Record<string, (files: FileSystem) => void>> = {
    IO_FAILED: (files) => (files.failures = 0.25),
    IO_NO_SPACE: (files) => (files.room = 0),
    IO_READ_ONLY: (files) => (files.readOnly = true),
    sync: (files) => (files.syncFailures = 1),
  };
  const seen = new Map<string, number>();
  let finished = 0;
  for (let seed = 1; seed <= cases(40, 1000); seed += 1) {
    const world = simulation({ seed, buggify: false, sharedFolders: ['/shared'] });
    const { files } = world.mounts[0]!;
    const random = world.random('faults');
    const life = async (env: Env): Promise<void> => {
      const fileSystems = FileSystems.create(env);
      await fileSystems.of(FOLDER).makeFolder(FOLDER);
      const streams = new CheckpointStreams(fileSystems, { directory: FOLDER, inlineBytes: 0 });
      const strike = Object.entries(faults)[seed % 4]!;
      const output = streams.open(FOLDER, 'exclusive');
      const whole = random.below(2) === 0;
      if (!whole) strike[1](files);
      try {
        for (let piece = 0; piece < 4; piece += 1) output.write(pattern(1000, piece));
        if (whole) strike[1](files);
        await output.finish();
        finished += 1;
        return;
      } catch (error) {
        assert.ok(isEngineError(error), String(error));
        assert.ok(error.message.includes(FOLDER), error.message);
        seen.set(error.code, (seen.get(error.code) ?? 0) + 1);
      }
      files.failures = 0;
      files.room = Infinity;
      files.readOnly = false;
      files.syncFailures = 0;
      await output.abort();
      assert.deepEqual(await env.disk.list(FOLDER), [], `seed ${seed}`);
    };
    await world.runProcess(world.host('writer'), life, minutes(10));
  }
  for (const code of ['IO_FAILED', 'IO_NO_SPACE', 'IO_READ_ONLY']) {
    assert.ok((seen.get(code) ?? 0) > 3, `${code}: ${seen.get(code)}`);
  }
  assert.ok(finished > 0);
});
