// One JobManager at a time has the folder of its jobs: in simulated worlds, in which processes are
// killed and halted and hosts lose their power, and on file systems that know locks within a host
// only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError, isEngineError } from '../src/base/errors.ts';
import { milliseconds, minutes, seconds } from '../src/base/units.ts';
import type { Duration } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { FolderLock } from '../src/ha/folder-lock.ts';
import type { SimProcess } from '../sim/process.ts';
import { simulation } from '../sim/simulation.ts';
import type { Simulation } from '../sim/simulation.ts';

const FOLDER = '/shared/ha';

function world(seed = 1): Simulation {
  return simulation({ seed, sharedFolders: ['/shared'] });
}

function take(env: Env, lost: EngineError[] = []): Promise<FolderLock> {
  const holder = { host: env.machine.hostName, pid: env.processes.pid };
  return FolderLock.take({ env, folder: FOLDER, holder, onLost: (error) => void lost.push(error) });
}

function pause(env: Env, duration: Duration): Promise<void> {
  return new Promise((resolve) => env.clock.after(duration, resolve));
}

/** Starts a process that takes the folder and keeps it until it is ended. */
async function holder(within: Simulation, host: string): Promise<SimProcess> {
  let taken = false;
  const process = within.host(host).start('holder', async (env) => {
    await take(env);
    taken = true;
    return undefined;
  });
  await within.run({ until: () => taken, within: minutes(1) });
  return process;
}

/** What a process on the host is told that asks for the folder now. */
function refusal(within: Simulation, host: string): Promise<EngineError | undefined> {
  const ask = async (env: Env): Promise<EngineError | undefined> => {
    try {
      await (await take(env)).release();
      return undefined;
    } catch (thrown) {
      assert.ok(isEngineError(thrown, 'HA_STORAGE_HELD'), String(thrown));
      return thrown;
    }
  };
  return within.runProcess(within.host(host), ask, minutes(1));
}

test('L1: a second process is refused, and told who holds the folder and since when', async () => {
  const within = world();
  const { pid } = await holder(within, 'a');
  for (const host of ['a', 'b']) {
    const error = await refusal(within, host);
    assert.match(error!.message, new RegExp(`/shared/ha.*process ${pid} on a \\(since \\d{4}-`));
    assert.match(error!.fix!, /stop that one first/);
  }
});

test('L1: who releases it gives it to the next one at once, on any host', async () => {
  const within = world();
  for (const host of ['a', 'b']) {
    const before = within.elapsed;
    assert.equal(await refusal(within, host), undefined);
    assert.ok(within.elapsed - before < 2000, 'nobody waits for who has said good-bye');
  }
});

test('L1: a process that was killed holds nothing: its host may begin at once', async () => {
  const within = world();
  const first = await holder(within, 'a');
  first.kill();
  const before = within.elapsed;
  assert.equal(await refusal(within, 'a'), undefined);
  assert.ok(within.elapsed - before < 2000);
});

test('L2: after the power of its host another one takes it, some seconds later', async () => {
  const within = world();
  await holder(within, 'a');
  await within.pass(seconds(10));
  within.host('a').crash(within.random('loss'));
  assert.equal(await refusal(within, 'b'), undefined);
});

test('L1: a process that was halted is not overtaken where the lock counts', async () => {
  const within = world();
  const first = await holder(within, 'a');
  first.stop();
  await within.pass(minutes(2));
  assert.ok(await refusal(within, 'b'));
  first.go();
  await within.pass(seconds(5));
  assert.ok(first.alive && (await refusal(within, 'b')));
});

test('L2: without locks between hosts who beats is not overtaken', async () => {
  const within = world();
  within.mounts[0]!.files.locksBetweenHosts = false;
  await holder(within, 'a');
  await within.pass(seconds(10));
  assert.match((await refusal(within, 'b'))!.message, /on a \(since/);
});

test('L3: without them who was halted is overtaken, and does nothing more', async () => {
  const within = world();
  within.mounts[0]!.files.locksBetweenHosts = false;
  const lost: EngineError[] = [];
  const confirmations: (string | undefined)[] = [];
  let lock: FolderLock | undefined;
  let wakes: Env | undefined;
  const first = within.host('a').start('first', async (env) => {
    lock = await take(env, lost);
    wakes = env;
    for (;;) {
      await pause(env, milliseconds(300));
      await lock.confirm().then(
        () => confirmations.push(undefined),
        (error: EngineError) => confirmations.push(error.code),
      );
    }
  });
  await within.run({ until: () => wakes !== undefined, within: minutes(1) });
  await within.pass(seconds(5));
  assert.ok(confirmations.length > 5 && confirmations.every((each) => each === undefined));
  first.stop();
  await within.pass(seconds(10));
  await holder(within, 'b');
  const before = confirmations.length;
  first.go();
  await within.pass(seconds(5));
  const after = confirmations.slice(before);
  assert.ok(after.length > 5);
  assert.ok(
    after.every((each) => each === 'HA_STORAGE_LOST'),
    after.join(),
  );
  assert.equal(lost.length, 1, 'and its process is told to end, once');
  assert.match(lost[0]!.message, /held by process \d+ on b/);
});

test('L3: a folder that is removed beneath its holder is lost to it', async () => {
  const within = world();
  const lost: EngineError[] = [];
  let taken = false;
  within.host('a').start('first', async (env) => {
    await take(env, lost);
    taken = true;
    return undefined;
  });
  await within.run({ until: () => taken, within: minutes(1) });
  const remove = (env: Env): Promise<void> => env.disk.remove(FOLDER);
  await within.runProcess(within.host('b'), remove, minutes(1));
  await within.pass(seconds(3));
  assert.match(lost[0]!.message, /held by nobody/);
});

test('L1: whatever is killed when, never two hold it, and somebody always does again', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const within = world(seed);
    const random = within.random('faults');
    const holders = new Set<object>();
    let turns = 0;
    const main = async (env: Env): Promise<number> => {
      const lock = await take(env).catch((thrown: unknown) => {
        assert.ok(isEngineError(thrown, 'HA_STORAGE_HELD'), String(thrown));
        return undefined;
      });
      if (lock === undefined) return 1;
      const me = {};
      holders.add(me);
      const process = [...within.hosts.flatMap((host) => [...host.processes])].find(
        ({ pid }) => pid === env.processes.pid,
      );
      process!.whenExited(() => holders.delete(me));
      assert.equal(holders.size, 1, `seed ${seed}`);
      turns++;
      for (let i = 0; i < 20; i++) {
        await pause(env, milliseconds(100));
        await lock.confirm();
        assert.equal(holders.size, 1, `seed ${seed}`);
      }
      holders.delete(me);
      await lock.release();
      return 0;
    };
    for (const host of ['a', 'a', 'b']) {
      within.host(host).supervise('jm', main, { restartDelay: 200 });
    }
    for (let i = 0; i < 30; i++) {
      await within.pass(milliseconds(100 + random.below(1500)));
      const host = random.pick(within.hosts);
      if (random.chance(0.2)) {
        host.crash(random);
        await within.pass(milliseconds(500));
        host.restart();
      } else [...host.processes].at(random.below(2))?.kill();
    }
    const before = turns;
    await within.run({ until: () => turns >= before + 3, within: minutes(2) });
    assert.deepEqual(within.failures, []);
  }
});
