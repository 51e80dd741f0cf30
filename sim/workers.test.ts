/**
 * Simulated workers: messages, ends, shared memory that is torn by a kill, and the dead who stay
 * dead.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { milliseconds, minutes, seconds } from '../src/base/units.ts';
import type {
  Env,
  ExitReason,
  SharedRegion,
  WorkerContext,
  WorkerHandle,
  WorkerMain,
} from '../src/env/env.ts';
import type { SimThread } from './thread.ts';
import { simulation, type Simulation } from './simulation.ts';
import { unattended } from './toy/unattended.test-kit.ts';

const NOTHING = new Uint8Array(0);

/** Runs `body` in a process whose slot workers run `slot`. */
async function withWorker<T>(
  seed: number,
  slot: WorkerMain,
  body: (env: Env, world: Simulation) => Promise<T>,
): Promise<T> {
  const world = simulation({ seed, workers: { slot } });
  return world.runProcess(world.host('a'), (env) => body(env, world), minutes(5));
}

function spawn(env: Env, regions: readonly SharedRegion[] = []): WorkerHandle {
  return env.workers.spawn('slot', { name: 'slot', data: NOTHING, regions });
}

function pause(env: Env, millis: number): Promise<void> {
  return new Promise((resolve) => env.clock.after(milliseconds(millis), resolve));
}

/** The thread of the only worker. */
function workerThread(world: Simulation): SimThread {
  const [, worker] = [...world.hosts].flatMap((host) =>
    [...host.processes].flatMap((process) => [...process.threads]),
  );
  assert.ok(worker !== undefined);
  return worker;
}

describe('messages', () => {
  test('O1: they arrive in order, those from before receive too, in turns of their own', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const echo = ({ env, port }: WorkerContext): void => {
        // Not at once: what comes meanwhile waits.
        env.clock.after(milliseconds(1), () => port.receive((bytes) => port.post(bytes)));
      };
      const received = await withWorker(seed, echo, async (env) => {
        const { port } = spawn(env);
        for (let index = 0; index < 50; index++) port.post(Uint8Array.of(index));
        await pause(env, 2000);
        const got: number[] = [];
        port.receive((bytes) => got.push(bytes[0] as number));
        assert.deepEqual(got, []);
        await pause(env, 1000);
        return got;
      });
      assert.deepEqual(received, [...Array.from({ length: 50 }).keys()]);
    }
  });

  test('O2: bytes that are changed after they were posted are found', async () => {
    const careless = async (env: Env): Promise<void> => {
      const { port } = spawn(env);
      const bytes = new Uint8Array(10);
      port.post(bytes);
      bytes[1] = 1;
      await pause(env, 1000);
    };
    const reader = ({ port }: WorkerContext): void => port.receive(() => undefined);
    await assert.rejects(withWorker(1, reader, careless), /O2/);
  });

  test('data and regions arrive with the worker; a region of another process does not', async () => {
    const add = ({ data, regions }: WorkerContext): void => {
      regions[0]?.add(0, data[0] as number);
    };
    await withWorker(1, add, async (env) => {
      const region = env.memory.allocate(64);
      env.workers.spawn('slot', { name: 'slot', data: Uint8Array.of(7), regions: [region] });
      await pause(env, 1000);
      assert.equal(region.load(0), 7);
    });
  });
});

describe('ends', () => {
  async function endOf(seed: number, main: WorkerMain, terminate = false): Promise<ExitReason> {
    return withWorker(seed, main, async (env) => {
      const worker = spawn(env);
      if (terminate) env.clock.after(seconds(2), () => worker.terminate());
      const reason = await worker.exited;
      assert.equal(await worker.heapUsed(), undefined);
      worker.port.post(Uint8Array.of(1));
      worker.terminate();
      return reason;
    });
  }

  test('a worker lives until exit, also when its main function is done', async () => {
    const exits = (context: WorkerContext): void => {
      context.env.clock.after(seconds(3), () => context.exit());
    };
    assert.deepEqual(await endOf(1, exits), { kind: 'finished' });
    assert.deepEqual(await endOf(1, () => undefined, true), { kind: 'terminated' });
  });

  test('an error ends the worker alone, with its message', async () => {
    const mains: readonly WorkerMain[] = [
      () => {
        throw new RangeError('too far');
      },
      async ({ env }) => {
        await pause(env, 10);
        throw new RangeError('too far');
      },
      ({ env }) => {
        env.clock.soon(() => {
          throw new RangeError('too far');
        });
      },
      ({ env }) => {
        const fails = async (): Promise<void> => {
          await pause(env, 10);
          throw new RangeError('too far');
        };
        unattended(fails());
      },
    ];
    for (const main of mains) {
      const reason = await endOf(1, main);
      assert.equal(reason.kind, 'failed');
      assert.match(reason.message, /RangeError: too far/);
    }
  });

  test('W2: all that a worker has posted arrives before exited', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const posts = (context: WorkerContext): void => {
        for (let index = 0; index < 20; index++) context.port.post(Uint8Array.of(index));
        if (seed % 2 === 0) context.exit();
        throw new Error('done');
      };
      await withWorker(seed, posts, async (env) => {
        const worker = spawn(env);
        let got = 0;
        worker.port.receive(() => (got += 1));
        await worker.exited;
        assert.equal(got, 20);
      });
    }
  });

  test('W1, R1: workers end with their process, and give back what they held', async () => {
    const busy = async ({ env }: WorkerContext): Promise<void> => {
      await env.network.listen('0.0.0.0', 1000, () => undefined);
      await env.disk.open('/file', 'create');
      env.clock.after(minutes(10), () => undefined);
      env.disk.scratch();
    };
    const world = simulation({ seed: 1, workers: { slot: busy } });
    const process = world.host('a').start('a', (env) => void spawn(env));
    await world.pass(seconds(3));
    const thread = workerThread(world);
    assert.deepEqual([...thread.held].map((held) => held.kind).sort(), [
      'file',
      'listener',
      'scratch file',
      'timer',
    ]);
    process.kill();
    assert.equal(thread.alive, false);
    assert.equal(thread.held.size, 0);
    const body = async (env: Env): Promise<void> => {
      await using listener = await env.network.listen('0.0.0.0', 1000, () => undefined);
      assert.equal(listener.port, 1000);
    };
    await world.runProcess(world.host('a'), body, minutes(1));
  });
});

// ------------------------------------------------------------------------------ shared memory

const FRAME = 96;

/** Writes frames of one value each into the region, forever, and commits each with a store. */
function writeFrames({ env, regions }: WorkerContext): void {
  const region = regions[0] as SharedRegion;
  const next = (): void => {
    const frame = region.load(0) + 1;
    region.bytes.fill(frame, 16, 16 + FRAME);
    region.store(0, frame);
    region.notify(0);
    if (frame < 100) env.clock.soon(next);
  };
  next();
}

/** At the `steps`-th call of its environment from now. */
function killWorkerAt(world: Simulation, steps: number): void {
  const thread = workerThread(world);
  const process = [...world.host('a').processes][0]!;
  const kill = (): void => thread.end({ kind: 'terminated' }, 'kill');
  process.killAtStep(thread, steps, world.random('tear'), kill);
}

describe('kills in the middle of a turn', () => {
  test('G1: a kill at any atomic step: what is committed is whole, what is not may be torn', async () => {
    let torn = 0;
    for (let steps = 1; steps <= 40; steps++) {
      for (let seed = 0; seed < 5; seed++) {
        await withWorker(seed, writeFrames, async (env, world) => {
          const region = env.memory.allocate(128);
          const worker = spawn(env, [region]);
          await pause(env, 0);
          killWorkerAt(world, steps);
          assert.deepEqual(await worker.exited, { kind: 'terminated' });
          const committed = region.load(0);
          const values = new Set(region.bytes.subarray(16, 16 + FRAME));
          const allowed = new Set([committed, committed + 1]);
          assert.ok(
            [...values].every((value) => allowed.has(value)),
            [...values].join(),
          );
          if (values.size > 1) torn += 1;
          // H1: nothing more happens.
          const before = region.bytes.slice();
          await pause(env, 1000);
          assert.deepEqual(region.bytes, before);
        });
      }
    }
    assert.ok(torn > 10, `${torn} of 200 kills tore a frame`);
  });

  test('G1: what others wrote between two turns of the one that is killed stays (seed 765)', async () => {
    const idle = ({ env, regions }: WorkerContext): void => {
      const look = (): void => {
        regions[0]!.load(0);
        env.clock.after(milliseconds(10), look);
      };
      look();
    };
    for (let steps = 1; steps <= 6; steps++) {
      for (let seed = 0; seed < 10; seed++) {
        await withWorker(seed, idle, async (env, world) => {
          const region = env.memory.allocate(128);
          const worker = spawn(env, [region]);
          await pause(env, 0);
          killWorkerAt(world, steps);
          let written = 0;
          const write = (): void => {
            written += 1;
            region.store(5, written);
            region.store(9, written);
            env.clock.after(milliseconds(1), write);
          };
          write();
          await worker.exited;
          assert.deepEqual([region.load(5), region.load(9)], [written, written]);
        });
      }
    }
  });

  test('R3: what is left of an interrupted turn changes no shared memory, whatever it catches', async () => {
    const stubborn = ({ regions, env }: WorkerContext): void => {
      const region = regions[0] as SharedRegion;
      const scribble = (): void => {
        region.bytes[100] = 1;
        for (let attempt = 0; attempt < 5; attempt++) {
          try {
            region.store(3, 99);
          } catch {
            region.bytes[101] = 1;
          }
        }
      };
      const next = (): void => {
        try {
          for (let step = 0; step < 50; step++) region.add(0, 1);
          env.clock.soon(next);
        } finally {
          if (region.bytes[102] === 1) scribble();
          unattended(Promise.resolve().then(scribble).then(scribble));
        }
      };
      env.clock.after(seconds(1), next);
    };
    await withWorker(3, stubborn, async (env, world) => {
      const region = env.memory.allocate(128);
      const worker = spawn(env, [region]);
      await pause(env, 900);
      const thread = workerThread(world);
      const process = [...world.host('a').processes][0];
      const kill = (): void => thread.end({ kind: 'terminated' }, 'kill');
      process?.killAtStep(thread, 17, world.random('tear'), kill);
      await worker.exited;
      assert.ok(region.load(0) > 0 && region.load(0) <= 17);
      assert.equal(region.load(3), 0);
      assert.deepEqual([...region.bytes.subarray(100, 104)], [0, 0, 0, 0]);
    });
  });

  test('a kill of the main thread at a step takes the whole process', async () => {
    const world = simulation({ seed: 1, workers: { slot: writeFrames } });
    const process = world.host('a').start('a', (env) => {
      const region = env.memory.allocate(128);
      spawn(env, [region]);
      const wait = (): void => region.wait(0, region.load(0), wait);
      wait();
    });
    await world.pass(milliseconds(1));
    process.killAtStep(process.main, 30, world.random('tear'), () => process.kill());
    await world.run({ until: () => !process.alive, within: minutes(1) });
    assert.equal(process.threads.size, 0);
    await assert.rejects(
      world.pass(seconds(1)).then(() => world.run({ until: () => false, within: seconds(1) })),
      /nothing is left/,
    );
  });
});

describe('processes', () => {
  test('SIGTERM is for the listeners, or ends; exits are told to who started the process', async () => {
    const exits: string[] = [];
    const world = simulation({
      seed: 1,
      processes: {
        taskmanager: (env) => {
          if (env.terminal.args[0] === 'deaf') return undefined;
          const stop = Promise.withResolvers<number>();
          env.terminal.onSignal((signal) => {
            env.terminal.stdout.write(`got ${signal}\n`);
            stop.resolve(Number(env.terminal.args[0]));
          });
          return stop.promise;
        },
      },
    });
    const body = async (env: Env): Promise<void> => {
      const start = (arg: string): ReturnType<Env['processes']['spawn']> =>
        env.processes.spawn('taskmanager', [arg]);
      const [five, deaf, killed] = await Promise.all([start('5'), start('deaf'), start('6')]);
      await pause(env, 2000);
      five.kill('SIGTERM');
      deaf.kill('SIGTERM');
      killed.kill('SIGKILL');
      for (const child of [five, deaf, killed]) exits.push(JSON.stringify(await child.exited));
    };
    await world.runProcess(world.host('a'), body, minutes(1));
    assert.deepEqual(exits, ['{"code":5}', '{"signal":"SIGTERM"}', '{"signal":"SIGKILL"}']);
  });

  test('M2: a supervised process is started again, on a host that is up', async () => {
    const world = simulation({ seed: 1 });
    const supervised = world
      .host('a')
      .supervise('a', async (env) => (await pause(env, 100), 3), { restartDelay: 100 });
    await world.run({ until: () => supervised.starts === 4, within: minutes(1) });
    world.host('a').crash(world.random('loss'));
    assert.equal(supervised.process, undefined);
    world.scheduler.world(60_000_000, 'pass', 0, 0, () => undefined);
    await world.pass(seconds(30));
    assert.equal(supervised.starts, 4);
    world.host('a').restart();
    assert.equal(supervised.starts, 5);
    supervised.release();
    await world.pass(seconds(10));
    assert.equal(supervised.process, undefined);
  });

  test('R2: a stopped process does nothing, and then what it missed', async () => {
    const world = simulation({ seed: 1 });
    let ticks = 0;
    const process = world.host('a').start('a', (env) => {
      const tick = (): void => {
        ticks += 1;
        env.clock.after(milliseconds(10), tick);
      };
      tick();
    });
    await world.pass(seconds(2));
    process.stop();
    const before = ticks;
    await world.pass(seconds(10));
    assert.equal(ticks, before);
    process.go();
    await world.pass(milliseconds(100));
    assert.ok(ticks > before + 5 && ticks < before + 15, 'one late tick, then the usual ones');
  });
});
