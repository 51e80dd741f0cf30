/** Real sockets on the loopback device keep the contract; their failures are told in words. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import { networkContract } from '../contract/network-contract.ts';
import { pattern, Recorder } from '../contract/rig.test-kit.ts';
import type { Connection, Log } from '../env.ts';
import { nodeClock } from './clock.ts';
import { nodeNetwork } from './network.ts';

const silent: Log = { write: () => {}, with: () => silent };

networkContract('real sockets', () => ({
  network: nodeNetwork(silent),
  clock: nodeClock(),
  host: '127.0.0.1',
  run: (body) => body(),
  async [Symbol.asyncDispose]() {},
}));

describe('nodeNetwork', () => {
  const network = nodeNetwork(silent);

  test('an unknown host is NETWORK_FAILED in words', async () => {
    await assert.rejects(network.connect('no-such-host.invalid', 80), (error) => {
      assert.ok(isEngineError(error, 'NETWORK_FAILED'));
      assert.match(error.message, /^Could not connect to no-such-host\.invalid:80: .*name/);
      return true;
    });
  });

  test('a host with several addresses that all refuse is told in words', async () => {
    const listener = await network.listen('127.0.0.1', 0, destroy);
    await listener[Symbol.asyncDispose]();
    await assert.rejects(network.connect('localhost', listener.port), (error) => {
      assert.ok(isEngineError(error, 'NETWORK_FAILED'));
      assert.match(error.message, /localhost:\d+: nobody listens there/);
      return true;
    });
  });

  test('a host with several addresses, of which the second answers', async () => {
    await using listener = await network.listen('127.0.0.1', 0, (connection) => {
      const server = new Recorder(connection);
      connection.send(pattern(200_000));
      server.connection.close();
    });
    const client = new Recorder(await network.connect('localhost', listener.port));
    await client.untilClosed();
    assert.deepEqual(client.received(), pattern(200_000));
  });

  test('a port out of range, and an address of another machine, are NETWORK_FAILED', async () => {
    for (const attempt of [
      network.connect('127.0.0.1', 70_000),
      network.listen('127.0.0.1', 70_000, destroy),
      network.listen('192.0.2.1', 0, destroy),
    ]) {
      await assert.rejects(attempt, (error) => isEngineError(error, 'NETWORK_FAILED'));
    }
  });

  test('remote names the other side on both sides', async () => {
    let server: Connection | undefined;
    await using listener = await network.listen('127.0.0.1', 0, (connection) => {
      server = connection;
      void new Recorder(connection);
    });
    const client = new Recorder(await network.connect('127.0.0.1', listener.port));
    assert.equal(client.connection.remote, `127.0.0.1:${listener.port}`);
    client.connection.send(pattern(1));
    client.connection.close();
    await client.untilClosed();
    assert.match(server?.remote ?? '', /^127\.0\.0\.1:\d+$/);
  });

  test('bytes in shared memory can be sent', async () => {
    let accepted: (recorder: Recorder) => void;
    const server = new Promise<Recorder>((resolve) => (accepted = resolve));
    await using listener = await network.listen('127.0.0.1', 0, (connection) =>
      accepted(new Recorder(connection)),
    );
    const client = new Recorder(await network.connect('127.0.0.1', listener.port));
    const shared = new Uint8Array(new SharedArrayBuffer(100));
    shared.set(pattern(100));
    client.connection.send(shared);
    client.connection.close();
    await (await server).untilClosed();
    assert.deepEqual((await server).received(), pattern(100));
  });

  test('a peer that keeps its half open is sent to no more, and heard until it ends', async () => {
    const foreign = net.createServer({ allowHalfOpen: true });
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const { port } = foreign.address() as AddressInfo;
    const [peer, client] = await Promise.all([
      once(foreign, 'connection').then(([socket]) => socket as net.Socket),
      network.connect('127.0.0.1', port).then((connection) => new Recorder(connection)),
    ]);
    client.connection.close();
    peer.resume();
    await once(peer, 'end');
    assert.deepEqual(client.closings, []);
    peer.end(pattern(1000));
    await client.untilClosed();
    assert.deepEqual(client.closings, [undefined]);
    assert.equal(client.bytesReceived, 1000);
    foreign.close();
  });

  test('a peer that resets the connection gives a reason', async () => {
    const foreign = net.createServer();
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    const { port } = foreign.address() as AddressInfo;
    const [peer, client] = await Promise.all([
      once(foreign, 'connection').then(([socket]) => socket as net.Socket),
      network.connect('127.0.0.1', port).then((connection) => new Recorder(connection)),
    ]);
    peer.resetAndDestroy();
    await client.untilClosed();
    assert.deepEqual(client.closings, ['the other side broke off the connection (ECONNRESET)']);
    assert.equal(client.connection.send(pattern(1)), false);
    foreign.close();
  });
});

function destroy(connection: Connection): void {
  connection.destroy();
}
