/**
 * Classes of faults and when they strike: each does what it says, ends when it is healed, and is
 * counted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, minutes, seconds } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { Monotone } from './checkers/monotone.ts';
import { nothingLeft } from './checkers/nothing-left.ts';
import { FaultPlan } from './fault-plan.ts';
import { everyFault } from './faults/every-fault.ts';
import { hostCrash } from './faults/host-crash.ts';
import { pause } from './faults/pause.ts';
import { processKill } from './faults/process-kill.ts';
import { runPhases } from './phases.ts';
import { simulation, type Simulation } from './simulation.ts';

/** Hosts that write, talk and have workers, so that every class finds something to hit. */
function busyWorld(seed: number): Simulation {
  const live = async (env: Env): Promise<undefined> => {
    env.workers.spawn('slot', { name: 'slot', data: new Uint8Array(0) });
    await env.network.listen('0.0.0.0', 80, (connection) => {
      connection.start({
        data: () => undefined,
        drained: () => undefined,
        closed: () => undefined,
      });
    });
    for (const other of ['a', 'b', 'c']) {
      try {
        const connection = await env.network.connect(other, 80);
        connection.start({
          data: () => undefined,
          drained: () => undefined,
          closed: () => undefined,
        });
      } catch {
        // Not up yet.
      }
    }
    return undefined;
  };
  const beat = ({ env }: { readonly env: Env }): void => {
    env.clock.after(milliseconds(10), () => beat({ env }));
  };
  const world = simulation({ seed, workers: { slot: beat }, sharedFolders: ['/shared'] });
  for (const name of ['a', 'b', 'c'])
    world.host(name).supervise('live', live, { restartDelay: 100 });
  return world;
}

test('every class strikes, and nothing of it lasts after the healing', async () => {
  const struck = new Map<string, number>();
  for (let seed = 1; seed <= 10; seed++) {
    const world = busyWorld(seed);
    const plan = new FaultPlan(world, { classes: everyFault(300), enabled: 1 });
    let healed = false;
    await runPhases(world, {
      plan,
      faultsFor: seconds(20),
      until: () => healed && world.hosts.every(({ processes }) => processes.size === 1),
      convergeWithin: minutes(1),
      checkers: [
        {
          name: 'healing is noticed',
          check: () => {
            healed ||= world.elapsed > 20_001;
          },
        },
      ],
    });
    for (const [name, count] of plan.injected) struck.set(name, (struck.get(name) ?? 0) + count);
    for (const host of world.hosts) {
      assert.ok(host.up);
      assert.deepEqual(
        [host.files.slowness, host.files.syncFailures, host.files.room],
        [1, 0, Infinity],
      );
      for (const process of host.processes) assert.equal(process.stopped, false);
      for (const other of world.hosts) assert.equal(world.network.link(host, other).blocked, false);
    }
    assert.ok(
      world.hosts.some(({ wallOffset }) => wallOffset !== 0),
      'a clock has jumped',
    );
  }
  assert.equal(struck.size, 11);
  for (const [name, count] of struck) assert.ok(count >= 30, `${name} struck ${count} times`);
});

test('a swarm: each seed enables some classes, and each class some seeds', () => {
  const sets = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const plan = new FaultPlan(simulation({ seed }), { classes: everyFault(1000) });
    sets.add([...plan.injected.keys()].join());
  }
  assert.ok(sets.size > 40, `${sets.size} sets of 60`);
});

test('Y3: a class strikes at the same times whether others are there or not', async () => {
  const times = async (alone: boolean): Promise<readonly string[]> => {
    const lines: string[] = [];
    const world = simulation({ seed: 3, print: (line) => void lines.push(line) });
    for (const name of ['a', 'b']) world.host(name);
    const crash = hostCrash({ everyMillis: 500 });
    const others = [pause({ everyMillis: 100 }), processKill({ everyMillis: 100 })];
    const plan = new FaultPlan(world, {
      classes: alone ? [crash] : [...others, crash],
      enabled: 1,
    });
    plan.begin();
    await world.pass(seconds(20));
    return lines
      .filter((line) => line.includes('host-crash'))
      .map((line) => line.replace(/ +/g, ' '));
  };
  const alone = await times(true);
  assert.ok(alone.length > 10);
  assert.deepEqual(await times(false), alone);
});

test('a target limits what may be hit', async () => {
  const world = busyWorld(1);
  const target = (name: string): boolean => name === 'b';
  const plan = new FaultPlan(world, {
    classes: [hostCrash({ everyMillis: 500, target })],
    enabled: 1,
  });
  const [first] = world.hosts[0]?.processes ?? [];
  plan.begin();
  await world.pass(seconds(20));
  plan.heal();
  assert.ok((plan.injected.get('host-crash') ?? 0) > 5);
  assert.equal(first?.alive, true);
  assert.ok((world.hosts[1]?.supervised[0]?.starts ?? 0) > 5);
});

test('a checker that objects ends the run, with its name, the seed and the last events', async () => {
  const world = busyWorld(17);
  const watermark = new Monotone('watermark');
  world.host('d').start('d', (env) => {
    const values = [1n, 5n, 5n, 3n];
    const next = (): void => {
      const value = values.shift();
      if (value !== undefined) watermark.observe('channel 0', value);
      env.clock.after(seconds(1), next);
    };
    next();
  });
  const run = runPhases(world, {
    plan: new FaultPlan(world, { classes: [] }),
    faultsFor: seconds(10),
    until: () => false,
    convergeWithin: minutes(1),
    checkers: [watermark],
  });
  const message =
    /^SimulationError: Seed 17, at [3-5]\.\d+ s: checker "watermark": V1: .*3 after 5\n/;
  await assert.rejects(run, message);
});

test('a strict series has no equal values', () => {
  const ids = new Monotone('checkpoint id', { strict: true });
  ids.observe('job', 1);
  ids.observe('other job', 1);
  ids.check();
  ids.observe('job', 1);
  assert.throws(() => ids.check(), /V1: checkpoint id of job: 1 after 1/);
});

test('nothing left: what a living process holds is named, and so is an error that nobody handled', async () => {
  const world = simulation({ seed: 1 });
  const holds = async (env: Env): Promise<undefined> => {
    env.clock.after(minutes(1), () => undefined);
    await env.network.listen('0.0.0.0', 80, () => undefined);
    await env.disk.open('/file', 'create');
    return undefined;
  };
  world.host('a').start('a', holds);
  await world.pass(seconds(5));
  assert.throws(
    () => nothingLeft(world).atEnd?.(),
    (error: Error) => {
      assert.match(error.message, /a\/a\.1: timer of 60000 ms/);
      assert.match(error.message, /a\/a\.1: listener on 0\.0\.0\.0:80/);
      assert.match(error.message, /a\/a\.1: file \/file/);
      return true;
    },
  );
  nothingLeft(world, { keeps: () => true }).atEnd?.();
  const failing = world.host('b').start('b', () => Promise.reject(new Error('unexpected')));
  await world.run({ until: () => !failing.alive, within: seconds(5) });
  assert.throws(() => nothingLeft(world).check(), /b\/b\.2 failed: Error: unexpected/);
  nothingLeft(world, { expects: () => true }).check();
});

test('liveness: work that is not done in time after the healing fails the run', async () => {
  const world = busyWorld(1);
  const run = runPhases(world, {
    plan: new FaultPlan(world, { classes: everyFault(1000), enabled: 1 }),
    faultsFor: seconds(2),
    until: () => false,
    convergeWithin: seconds(30),
  });
  await assert.rejects(run, /^SimulationError: Seed 1, at (3[12])\.\d+ s: the time is up/);
});
