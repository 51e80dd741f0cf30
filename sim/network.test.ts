/**
 * The simulated network beyond the contract: delay, loss, partitions, kills, power, mistakes of its
 * users.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../src/base/errors.ts';
import { Prng } from '../src/base/prng.ts';
import { milliseconds, minutes, seconds } from '../src/base/units.ts';
import type { Connection, Env } from '../src/env/env.ts';
import { pattern, Recorder } from '../src/env/contract/rig.test-kit.ts';
import type { Endpoint } from './endpoint.ts';
import type { Knobs } from './knobs.ts';
import type { SimProcess } from './process.ts';
import { simulation, type Simulation } from './simulation.ts';

const PORT = 7000;

interface Pair {
  readonly world: Simulation;
  readonly client: SimProcess;
  readonly server: SimProcess;
  readonly near: () => Recorder;
  readonly far: () => Recorder;
  /** Sides of the connection as the network knows them. */
  readonly sides: () => readonly Endpoint[];
}

/** A connection between two hosts; `talk` runs in the client, `answer` in the server. */
async function pair(
  seed: number,
  options: {
    readonly knobs?: Partial<Knobs>;
    readonly talk?: (env: Env, connection: Connection) => void;
    readonly answer?: (env: Env, connection: Connection) => void;
  } = {},
): Promise<Pair> {
  const world = simulation({ seed, knobs: { startMicros: 100, ...options.knobs } });
  let far: Recorder | undefined;
  let near: Recorder | undefined;
  const server = world.host('server').start('server', async (env) => {
    await env.network.listen('0.0.0.0', PORT, (connection) => {
      far = new Recorder(connection);
      options.answer?.(env, connection);
    });
    return undefined;
  });
  await world.run({ until: () => server.main.held.size > 0, within: seconds(1) });
  const client = world.host('client').start('client', async (env) => {
    const connection = await env.network.connect('server', PORT);
    near = new Recorder(connection);
    options.talk?.(env, connection);
    return undefined;
  });
  await world.run({ until: () => near !== undefined && far !== undefined, within: seconds(10) });
  return {
    world,
    client,
    server,
    near: () => near as Recorder,
    far: () => far as Recorder,
    sides: () => world.network.endpoints,
  };
}

/** Sends a drawn number of bytes now and then, for ever. */
function chatter(env: Env, connection: Connection): void {
  let sent = 0;
  const next = (): void => {
    const bytes = stream(sent, 1 + env.random.below(3000));
    sent += bytes.length;
    if (connection.send(bytes) || sent < 1_000_000) env.clock.after(milliseconds(5), next);
  };
  next();
}

/** The bytes from `from` on of one endless stream. */
function stream(from: number, length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, index) => ((from + index) * 31 + ((from + index) >> 8)) & 255,
  );
}

function assertPrefix(received: Uint8Array): void {
  assert.ok(Buffer.from(received).equals(stream(0, received.length)), 'a prefix of what was sent');
}

test('E1: bytes are cut anywhere, differently by seed, and arrive whole and in order', async () => {
  const cuts = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    const sizes: number[] = [];
    const { world, far } = await pair(seed, {
      talk: (_env, connection) => {
        for (let from = 0; from < 5000; from += 500) connection.send(stream(from, 500));
      },
    });
    const recorder = far();
    const take = recorder.data.bind(recorder);
    recorder.data = (bytes) => {
      sizes.push(bytes.length);
      take(bytes);
    };
    await world.run({ until: () => recorder.bytesReceived === 5000, within: minutes(1) });
    assertPrefix(recorder.received());
    cuts.add(sizes.join());
  }
  assert.ok(cuts.size > 12, `${cuts.size} ways to cut`);
});

test('a delivered buffer is worth nothing after the call', async () => {
  let kept: Uint8Array | undefined;
  const { world, far } = await pair(1, {
    talk: (_env, connection) => void connection.send(pattern(20)),
  });
  far().data = (bytes) => {
    kept = bytes;
    assert.deepEqual(bytes, pattern(20).subarray(0, bytes.length));
  };
  await world.run({ until: () => kept !== undefined, within: seconds(10) });
  assert.ok(kept?.every((byte) => byte === 0xdd));
});

test('a lost connection: a prefix arrives, each side is told once, at different times', async () => {
  let apart = 0;
  for (let seed = 0; seed < 40; seed++) {
    const { world, near, far, sides } = await pair(seed, { talk: chatter });
    await world.pass(milliseconds(200));
    sides()[0]?.lose(world.random('loss'));
    const told: number[] = [];
    await world.run({
      until: () => {
        for (const [index, side] of [near(), far()].entries()) {
          if (side.closings.length > 0) told[index] ??= world.elapsed;
        }
        return told[0] !== undefined && told[1] !== undefined;
      },
      within: seconds(20),
    });
    await world.pass(milliseconds(1000));
    assertPrefix(far().received());
    for (const side of [near(), far()]) {
      assert.deepEqual(side.closings, ['the other side broke off the connection (ECONNRESET)']);
      assert.equal(side.late, 0);
    }
    if (Math.abs((told[0] as number) - (told[1] as number)) > 1000) apart += 1;
  }
  assert.ok(apart > 5, `${apart} of 40 more than a second apart`);
});

describe('partitions', () => {
  const patient = { lostAfterMicros: 900_000_000 };

  test('L1: nothing passes, and all of it once it is healed', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const { world, near, far } = await pair(seed, { talk: chatter, knobs: patient });
      await world.pass(milliseconds(100));
      const [client, server] = [world.host('client'), world.host('server')];
      const links = [world.network.link(client, server), world.network.link(server, client)];
      for (const link of links) link.block();
      await world.pass(milliseconds(1));
      const before = far().bytesReceived;
      await world.pass(milliseconds(20_000));
      assert.equal(far().bytesReceived, before);
      assert.deepEqual(near().closings, []);
      for (const link of links) link.unblock();
      await world.run({ until: () => far().bytesReceived > before + 20_000, within: minutes(1) });
      assertPrefix(far().received());
    }
  });

  test('L1: one way: bytes pass with the open direction until their receipts are missed', async () => {
    const knobs = { ...patient, windowBytes: 4096, highWaterBytes: 1024, lowWaterBytes: 0 };
    const { world, near, far } = await pair(3, { talk: chatter, knobs });
    await world.pass(milliseconds(50));
    const back = world.network.link(world.host('server'), world.host('client'));
    back.block();
    const before = far().bytesReceived;
    await world.pass(milliseconds(30_000));
    const passed = far().bytesReceived - before;
    assert.ok(passed > 0 && passed <= 2 * 4096, `${passed} bytes without a receipt`);
    assert.equal(near().bytesReceived, 0);
    back.unblock();
    await world.run({ until: () => far().bytesReceived > before + 30_000, within: minutes(5) });
    assertPrefix(far().received());
  });

  test('a connection that has something to send does not bear a partition for ever', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const knobs = { lostAfterMicros: 3_000_000 };
      const { world, near, far } = await pair(seed, { talk: chatter, knobs });
      const link = world.network.link(world.host('client'), world.host('server'));
      link.block();
      const closed = (): boolean => near().closings.length + far().closings.length === 2;
      await world.run({ until: closed, within: seconds(30) });
      assert.ok(world.elapsed > 3000);
    }
  });

  test('N2: connecting fails after the time-out, and succeeds if it is healed before', async () => {
    const world = simulation({ seed: 5, knobs: { connectMicros: 5_000_000 } });
    const [client, server] = [world.host('client'), world.host('server')];
    server.start('server', async (env) => {
      await env.network.listen('server', PORT, (connection) => new Recorder(connection));
      return undefined;
    });
    const link = world.network.link(server, client);
    link.block();
    const connect = async (env: Env): Promise<string> => {
      const begin = env.clock.monotonic();
      try {
        const { connection } = new Recorder(await env.network.connect('server', PORT));
        connection.close();
        return 'connected';
      } catch (error) {
        assert.ok(isEngineError(error, 'NETWORK_FAILED'));
        return `${error.message} ${env.clock.monotonic() - begin > 4900}`;
      }
    };
    const failed = 'Could not connect to server:7000: no answer came (ETIMEDOUT). true';
    assert.equal(await world.runProcess(client, connect, minutes(1)), failed);
    world.scheduler.world(2_000_000, 'heal', 0, 0, () => link.unblock());
    assert.equal(await world.runProcess(client, connect, minutes(1)), 'connected');
  });

  test('N2: blocks add up', async () => {
    const { world, far } = await pair(3, { talk: chatter, knobs: patient });
    const link = world.network.link(world.host('client'), world.host('server'));
    link.block();
    link.block();
    link.unblock();
    await world.pass(milliseconds(100));
    const before = far().bytesReceived;
    await world.pass(milliseconds(1000));
    assert.equal(far().bytesReceived, before);
    link.unblock();
    await world.run({ until: () => far().bytesReceived > before, within: minutes(1) });
  });
});

test('N1, N2: a host that does not exist, an address of another host', async () => {
  const world = simulation({ seed: 1 });
  world.host('other');
  const body = async (env: Env): Promise<void> => {
    await assert.rejects(env.network.connect('nowhere', 1), /there is no host of that name/);
    const listening = env.network.listen('other', 1, () => undefined);
    await assert.rejects(listening, /this machine does not have that address/);
  };
  await world.runProcess(world.host('a'), body, minutes(1));
});

test('a killed process: its peer gets a prefix, and an end that looks orderly or does not', async () => {
  const reasons = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { world, client, near, far } = await pair(seed, { talk: chatter });
    await world.pass(milliseconds(Prng.of(seed).below(100)));
    client.kill();
    await world.run({ until: () => far().closings.length > 0, within: seconds(30) });
    await world.pass(milliseconds(1000));
    assertPrefix(far().received());
    assert.deepEqual(near().closings, [], 'the dead are told nothing');
    assert.equal(far().closings.length, 1);
    reasons.add(String(far().closings[0]));
    assert.deepEqual(world.network.endpoints, []);
  }
  const reset = 'the other side broke off the connection (ECONNRESET)';
  assert.deepEqual([...reasons].sort(), [reset, 'undefined']);
});

test('a receiver that is killed: the sender is told, whatever it has queued', async () => {
  for (let seed = 0; seed < 60; seed++) {
    const { world, server, near } = await pair(seed, { talk: chatter });
    await world.pass(milliseconds(Prng.of(seed).below(100)));
    server.kill();
    await world.run({ until: () => near().closings.length > 0, within: seconds(60) });
    assert.equal(near().closings.length, 1);
    assert.deepEqual(world.failures, []);
  }
});

test('a host without power says nothing: its peer learns of it much later', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const { world, near, far } = await pair(seed, { answer: chatter });
    await world.pass(milliseconds(100));
    const at = world.elapsed;
    world.host('server').crash(world.random('loss'));
    await world.run({ until: () => near().closings.length > 0, within: seconds(30) });
    assert.ok(world.elapsed - at > 2000);
    assert.deepEqual(near().closings, ['no answer came (ETIMEDOUT)']);
    assert.deepEqual(far().closings, []);
    assertPrefix(near().received());
  }
});

test('a host that has its power back breaks off what it knows nothing of', async () => {
  let early = 0;
  for (let seed = 0; seed < 30; seed++) {
    const { world, near } = await pair(seed, { talk: chatter });
    await world.pass(milliseconds(100));
    const at = world.elapsed;
    world.host('server').crash(world.random('loss'));
    await world.pass(milliseconds(50));
    world.host('server').restart();
    await world.run({ until: () => near().closings.length > 0, within: seconds(30) });
    if (world.elapsed - at < 2000) early += 1;
  }
  assert.ok(early > 10, `${early} of 30 before the time-out`);
});

test('R2: a stopped process: others can connect and send, and it reads when it goes on', async () => {
  const { world, server, near, far } = await pair(4, {});
  server.stop();
  const body = async (env: Env): Promise<void> => {
    const connection = await env.network.connect('server', PORT);
    connection.start({ data: () => undefined, drained: () => undefined, closed: () => undefined });
    connection.send(stream(0, 100));
    await new Promise<void>((resolve) => env.clock.after(seconds(30), resolve));
  };
  const first = far();
  await world.runProcess(world.host('client'), body, minutes(1));
  assert.equal(far(), first, 'nothing was accepted meanwhile');
  server.go();
  await world.run({
    until: () => far() !== first && far().closings.length > 0,
    within: seconds(10),
  });
  assert.deepEqual(near().closings, []);
});

test('a stopped reader stops the sender', async () => {
  const knobs = { windowBytes: 4096, highWaterBytes: 16_384 };
  let refused = 0;
  const { world, server, near, far } = await pair(4, {
    knobs,
    talk: (env, connection) => {
      let sent = 0;
      const next = (): void => {
        const more = connection.send(stream(sent, 1000));
        sent += 1000;
        if (more) env.clock.after(milliseconds(1), next);
        else refused = sent;
      };
      env.clock.after(milliseconds(100), next);
    },
  });
  server.stop();
  await world.pass(milliseconds(5000));
  assert.ok(refused > 16_384 && refused < 40_000, `refused after ${refused} bytes`);
  assert.equal(near().drainedCount, 0);
  server.go();
  await world.run({ until: () => far().bytesReceived === refused, within: seconds(10) });
  assertPrefix(far().received());
});

describe('mistakes of the users of a connection', () => {
  test('E3: a connection that is not started in its turn', async () => {
    const world = simulation({ seed: 1 });
    const body = async (env: Env): Promise<void> => {
      await env.network.listen('0.0.0.0', PORT, (connection) => {
        env.clock.soon(() => new Recorder(connection));
      });
      const client = new Recorder(await env.network.connect('localhost', PORT));
      assert.deepEqual(client.closings, []);
      await new Promise<void>((resolve) => env.clock.after(seconds(1), resolve));
    };
    await assert.rejects(world.runProcess(world.host('a'), body, minutes(1)), /E3/);
  });

  test('E4: bytes that are changed after they were sent', async () => {
    const world = simulation({ seed: 1 });
    const body = async (env: Env): Promise<void> => {
      await env.network.listen('0.0.0.0', PORT, (connection) => new Recorder(connection));
      const client = new Recorder(await env.network.connect('localhost', PORT));
      const bytes = new Uint8Array(100);
      client.connection.send(bytes);
      bytes[50] = 1;
      await new Promise<void>((resolve) => env.clock.after(seconds(1), resolve));
    };
    await assert.rejects(world.runProcess(world.host('a'), body, minutes(1)), /E4/);
  });
});
