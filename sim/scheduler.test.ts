/** The scheduler: complete drains, order, time, limits, and what becomes of errors. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hours, milliseconds, minutes, seconds } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import { ProcessKilled } from './process-killed.ts';
import { simulation, type Simulation } from './simulation.ts';
import { SimulationError } from './simulation-error.ts';
import { unattended } from './toy/unattended.test-kit.ts';

/**
 * Two processes that tell each other the time, each after a number of awaits; gives the trace hash,
 * or the error that the run ended with.
 */
async function gossip(awaits: number, nextTurn?: (step: () => void) => void): Promise<string> {
  const world = simulation({ seed: 1, nextTurn });
  const talk = async (env: Env, name: string, other: string): Promise<number> => {
    const heard: number[] = [];
    await env.network.listen('0.0.0.0', 80, (connection) => {
      connection.start({
        data: (bytes) => void heard.push(bytes.length),
        drained: () => undefined,
        closed: () => undefined,
      });
    });
    await new Promise<void>((resolve) => env.clock.after(seconds(1), resolve));
    const connection = await env.network.connect(other, 80);
    connection.start({
      data: () => undefined,
      drained: () => undefined,
      closed: () => undefined,
    });
    for (let round = 1; round <= 30; round++) {
      await new Promise<void>((resolve) => env.clock.after(milliseconds(1), resolve));
      for (let each = 0; each < awaits; each++) await Promise.resolve();
      connection.send(new Uint8Array(round));
      env.log.write('info', `${name} at ${env.clock.monotonic()} heard ${heard.length}`);
    }
    await new Promise<void>((resolve) => env.clock.after(seconds(2), resolve));
    assert.ok(heard.length > 0);
    return 0;
  };
  const first = world.host('a').start('a', (env) => talk(env, 'a', 'b'));
  const second = world.host('b').start('b', (env) => talk(env, 'b', 'a'));
  try {
    await world.run({ until: () => !first.alive && !second.alive, within: minutes(1) });
  } catch (error) {
    return String(error).split('\n')[0] as string;
  }
  return world.failures.length > 0 ? String(world.failures[0]?.error) : world.trace.hash();
}

test('S1: the number of awaits in a path does not leak into the schedule', async () => {
  const hash = await gossip(0);
  assert.match(hash, /^[0-9a-f]{16}$/);
  for (const awaits of [1, 2, 7, 100, 1000]) assert.equal(await gossip(awaits), hash);
});

test('S1: that test would find a partial drain', async () => {
  // The next turn begins after a few promise jobs, whether there are more or not.
  const partly = (step: () => void): void => {
    Promise.resolve()
      .then(() => undefined)
      .then(() => undefined)
      .then(step, step);
  };
  const outcomes = new Set<string>();
  for (const awaits of [0, 1, 2, 7, 100]) outcomes.add(await gossip(awaits, partly));
  assert.ok(outcomes.size > 1, 'the awaits show');
});

test('S2: time jumps to the next event, however far it is', async () => {
  const world = simulation({ seed: 3 });
  const body = async (env: Env): Promise<number> => {
    const before = env.clock.now();
    await new Promise<void>((resolve) => env.clock.after(hours(1000), resolve));
    return env.clock.now() - before;
  };
  const waited = await world.runProcess(world.host('a'), body, hours(1001));
  assert.ok(waited >= hours(999.5) && waited <= hours(1000.5), `${waited} ms`);
  assert.ok(world.scheduler.steps < 20);
});

test('S2: a loop that waits for the clock ends, because reading a clock takes time', async () => {
  const world = simulation({ seed: 3 });
  const body = async (env: Env): Promise<number> => {
    const begin = env.clock.monotonic();
    let readings = 0;
    while (env.clock.monotonic() - begin < 1) readings += 1;
    return readings;
  };
  const readings = await world.runProcess(world.host('a'), body, seconds(10));
  assert.ok(readings > 100 && readings < 1000, `${readings} readings in a millisecond`);
});

test('H3: soon callbacks keep their order in a thread, and their order across threads is drawn', async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 20; seed++) {
    const world = simulation({ seed, knobs: { startMicros: 1 } });
    const order: string[] = [];
    const main =
      (name: string) =>
      (env: Env): undefined => {
        const ask = (left: number): void => {
          order.push(`${name}${left}`);
          if (left > 0) env.clock.soon(() => ask(left - 1));
        };
        for (const first of [10, 20, 30]) env.clock.soon(() => order.push(`${name}${first}`));
        env.clock.soon(() => ask(3));
      };
    for (const name of ['a', 'b', 'c']) world.host(name).start(name, main(name));
    await world.run({ until: () => order.length === 21, within: seconds(1) });
    for (const name of ['a', 'b', 'c']) {
      const own = order.filter((each) => each.startsWith(name)).map((each) => each.slice(1));
      assert.deepEqual(own, ['10', '20', '30', '3', '2', '1', '0']);
    }
    orders.add(order.join());
  }
  assert.ok(orders.size > 10, `${orders.size} orders of 20`);
});

test('H3: soon lets input go first that has arrived, and is not kept waiting by more of it', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const world = simulation({ seed });
    const order: string[] = [];
    const body = async (env: Env): Promise<void> => {
      for (let timer = 0; timer < 5; timer++) {
        env.clock.after(milliseconds(1), () => order.push('input'));
      }
      // The turn takes longer than the timers.
      const begin = env.clock.monotonic();
      while (env.clock.monotonic() - begin < 5);
      await new Promise<void>((resolve) =>
        env.clock.soon(() => {
          order.push('soon');
          resolve();
        }),
      );
    };
    await world.runProcess(world.host('a'), body, seconds(1));
    assert.deepEqual(order, ['input', 'input', 'input', 'input', 'input', 'soon']);
  }
});

test('simultaneous events of one thread come in an order that is drawn', async () => {
  const orders = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const world = simulation({ seed });
    const body = async (env: Env): Promise<string> => {
      const order: number[] = [];
      for (let timer = 0; timer < 3; timer++) {
        env.clock.after(milliseconds(1), () => order.push(timer));
      }
      await new Promise<void>((resolve) => env.clock.after(milliseconds(10), resolve));
      return order.join();
    };
    orders.add(await world.runProcess(world.host('a'), body, seconds(1)));
  }
  assert.equal(orders.size, 6);
});

// ------------------------------------------------------------------------------------- limits

async function failureOf(run: Promise<unknown>): Promise<SimulationError> {
  const error = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SimulationError, String(error));
  return error;
}

const forever = (env: Env): undefined => {
  const again = (): void => env.clock.soon(again);
  again();
};

test('S4: a run that never ends fails at the limit of time, with seed, time and the last events', async () => {
  const world = simulation({ seed: 42 });
  world.host('a').start('loop', forever);
  const error = await failureOf(world.run({ until: () => false, within: milliseconds(500) }));
  assert.match(error.message, /^Seed 42, at 0\.\d+ s: the time is up/);
  assert.match(error.message, /a\/loop\.1 +soon/);
  assert.equal(error.seed, 42);
});

test('S4: a run that never ends fails at the limit of steps', async () => {
  const world = simulation({ seed: 42, stepLimit: 1000 });
  world.host('a').start('loop', forever);
  const error = await failureOf(world.run({ until: () => false, within: hours(1) }));
  assert.match(error.message, /1000 events were run/);
});

test('S4: a run in which nothing can happen any more fails at once', async () => {
  const world = simulation({ seed: 42 });
  world.host('a').start('idle', () => undefined);
  const error = await failureOf(world.run({ until: () => false, within: hours(1) }));
  assert.match(error.message, /nothing is left that could happen/);
});

test('S4: a condition that throws ends the run with its error', async () => {
  const world = simulation({ seed: 42 });
  world.host('a').start('loop', forever);
  const until = (): boolean => {
    throw new RangeError('no');
  };
  await assert.rejects(world.run({ until, within: hours(1) }), RangeError);
  // And the next run begins as if nothing had been.
  await world.run({ until: () => world.elapsed > 100, within: hours(1) });
});

// ------------------------------------------------------------------------------------- errors

async function exitOf(main: (env: Env) => Promise<number | undefined>): Promise<Simulation> {
  const world = simulation({ seed: 1 });
  const process = world.host('a').start('a', main);
  await world.run({ until: () => !process.alive, within: seconds(10) });
  assert.deepEqual(process.exit, { code: 1, signal: undefined });
  return world;
}

test('S3: an error in a callback ends the process and is reported', async () => {
  const world = await exitOf(async (env) => {
    env.clock.after(milliseconds(5), () => {
      throw new TypeError('in a timer');
    });
    return undefined;
  });
  assert.equal(world.failures.length, 1);
  assert.match(String(world.failures[0]?.error), /TypeError: in a timer/);
  assert.match(world.failures[0]?.thread ?? '', /^a\/a\.1$/);
});

test('S3: a promise that nobody handles ends the process whose turn it is', async () => {
  const world = await exitOf(async (env) => {
    await new Promise<void>((resolve) => env.clock.after(milliseconds(5), resolve));
    const lost = async (): Promise<void> => {
      await env.disk.list('/nowhere');
    };
    unattended(lost());
    await new Promise<void>((resolve) => env.clock.after(seconds(5), resolve));
    return 0;
  });
  assert.match(String(world.failures[0]?.error), /\/nowhere does not exist/);
});

test('S3: a rejection that is handled in the same turn is no failure', async () => {
  const world = simulation({ seed: 1 });
  const body = async (env: Env): Promise<string> => {
    const failing = env.disk.list('/nowhere');
    for (let each = 0; each < 20; each++) await Promise.resolve();
    return failing.then(
      () => 'listed',
      () => 'handled',
    );
  };
  assert.equal(await world.runProcess(world.host('a'), body, seconds(1)), 'handled');
  assert.deepEqual(world.failures, []);
});

test('S3: the listeners of Node for unhandled rejections are as they were', async () => {
  const before = process.listeners('unhandledRejection');
  await exitOf(async () => {
    throw new Error('at once');
  });
  assert.deepEqual(process.listeners('unhandledRejection'), before);
});

test('H2: an environment in the hands of another process is found', async () => {
  const world = simulation({ seed: 1 });
  const shared: Env[] = [];
  world.host('a').start('a', (env) => void shared.push(env));
  const thief = world.host('b').start('b', async (env) => {
    await new Promise<void>((resolve) => env.clock.after(seconds(2), resolve));
    shared[0]?.clock.now();
    return 0;
  });
  await world.run({ until: () => !thief.alive, within: seconds(10) });
  assert.match(String(world.failures[0]?.error), /H2: the environment of a\/a\.\d is used by b\/b/);
});

test('H1: nothing of a killed process runs, not even what it had begun to wait for', async () => {
  const world = simulation({ seed: 1 });
  const seen: string[] = [];
  const victim = world.host('a').start('a', async (env) => {
    env.clock.after(milliseconds(50), () => seen.push('timer'));
    env.clock.soon(() => seen.push('soon'));
    await new Promise<void>((resolve) => env.clock.after(milliseconds(1), resolve));
    const reading = env.disk.stat('/home').then(() => seen.push('promise'));
    victim.kill();
    seen.push('rest of the turn');
    for (let each = 0; each < 5; each++) await Promise.resolve();
    seen.push('rest of the promise jobs');
    assert.throws(() => env.clock.now(), ProcessKilled);
    await reading;
    return 0;
  });
  world.scheduler.world(5_000_000, 'net', 0, 0, () => undefined);
  await world.run({ until: () => world.elapsed > 4000, within: seconds(10) });
  assert.deepEqual(seen, ['soon', 'rest of the turn', 'rest of the promise jobs']);
  assert.deepEqual(victim.exit, { code: undefined, signal: 'SIGKILL' });
  assert.deepEqual(world.failures, []);
});
