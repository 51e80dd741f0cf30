/** The network inside one process keeps the contract of every network, and its own promises. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../base/errors.ts';
import { networkContract } from './contract/network-contract.ts';
import { Recorder } from './contract/rig.test-kit.ts';
import type { Clock } from './env.ts';
import { memoryNetwork } from './memory-network.ts';

networkContract('inside one process', () => {
  const clock = realTurns();
  return {
    network: memoryNetwork(clock),
    clock,
    host: 'mini-cluster',
    run: (body) => body(),
    async [Symbol.asyncDispose]() {},
  };
});

describe('memoryNetwork', () => {
  test('bytes are handed over, not copied', async () => {
    const network = memoryNetwork(realTurns());
    const got: Uint8Array[] = [];
    let done: () => void;
    const received = new Promise<void>((resolve) => (done = resolve));
    await network.listen('a', 1, (connection) =>
      connection.start({
        data(bytes) {
          got.push(bytes);
          done();
        },
        drained() {},
        closed() {},
      }),
    );
    const client = new Recorder(await network.connect('a', 1));
    const bytes = new Uint8Array([1, 2, 3]);
    client.connection.send(bytes);
    await received;
    assert.equal(got[0], bytes);
  });

  test('two networks, and two hosts of one, are apart', async () => {
    const clock = realTurns();
    const network = memoryNetwork(clock);
    await network.listen('a', 1, () => assert.fail('nobody connects'));
    await assert.rejects(memoryNetwork(clock).connect('a', 1), (error) => isEngineError(error));
    await assert.rejects(network.connect('b', 1), (error) => isEngineError(error));
  });

  test('a port out of range is NETWORK_FAILED', async () => {
    const network = memoryNetwork(realTurns());
    for (const port of [-1, 70_000, 1.5]) {
      await assert.rejects(
        network.listen('a', port, () => {}),
        (error) => isEngineError(error, 'NETWORK_FAILED'),
      );
    }
  });

  test("N1: a connection that is not started in its turn is a programmer's error", async () => {
    const callbacks: (() => void)[] = [];
    // Turns of the event loop, by hand.
    const clock = turns((callback) => void callbacks.push(callback));
    const network = memoryNetwork(clock);
    await network.listen('a', 1, (connection) => void new Recorder(connection));
    const connecting = network.connect('a', 1);
    callbacks.shift()?.();
    await connecting;
    assert.throws(() => callbacks.forEach((callback) => callback()), /N1: .* was not started/);
  });

  test('N1: start is called once', async () => {
    const network = memoryNetwork(realTurns());
    await network.listen('a', 1, (connection) => void new Recorder(connection));
    const connection = await network.connect('a', 1);
    const recorder = new Recorder(connection);
    assert.throws(() => connection.start(recorder), /N1/);
    connection.destroy();
    await recorder.untilClosed();
  });
});

/** The turns of the event loop and nothing else: a network needs no time. */
function turns(soon: (callback: () => void) => void): Clock {
  return {
    now: () => assert.fail('no wall clock in a network'),
    monotonic: () => assert.fail('no time in a network'),
    cpuTime: () => assert.fail('no time in a network'),
    after: () => assert.fail('no timers in a network'),
    soon,
  };
}

function realTurns(): Clock {
  return turns((callback) => void setImmediate(callback));
}
