/** The contract of `Network` and `Connection`, sentence by sentence, for every environment. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../base/errors.ts';
import type { Connection } from '../env.ts';
import { nextTurn, pattern, Recorder, withRig } from './rig.test-kit.ts';
import type { MakeRig, NetworkRig } from './rig.test-kit.ts';

/** Far more than any environment queues. */
const MORE_THAN_FITS_BYTES = 8 * 1024 * 1024;

export function networkContract(name: string, make: MakeRig<NetworkRig>): void {
  describe(`Network: ${name}`, () => {
    listenContract(make);
    bytesContract(make);
    closeContract(make);
  });
}

/** Both ends of one connection, each with a recorder. */
interface Link extends AsyncDisposable {
  readonly client: Recorder;
  readonly server: Recorder;
}

async function link(rig: NetworkRig): Promise<Link> {
  let accepted: (recorder: Recorder) => void;
  const server = new Promise<Recorder>((resolve) => (accepted = resolve));
  const listener = await rig.network.listen(rig.host, 0, (connection) =>
    accepted(new Recorder(connection)),
  );
  const client = new Recorder(await rig.network.connect(rig.host, listener.port));
  const made = { client, server: await server };
  return {
    ...made,
    async [Symbol.asyncDispose](): Promise<void> {
      made.client.connection.destroy();
      made.server.connection.destroy();
      await Promise.all([made.client.untilClosed(), made.server.untilClosed()]);
      await listener[Symbol.asyncDispose]();
    },
  };
}

function listenContract(make: MakeRig<NetworkRig>): void {
  test('port 0 picks a free port, another each time', () =>
    withRig(make, async ({ network, host }) => {
      await using one = await network.listen(host, 0, refuse);
      await using two = await network.listen(host, 0, refuse);
      assert.ok(one.port > 0 && two.port > 0 && one.port !== two.port);
    }));

  test('a port that is taken is NETWORK_FAILED with address and reason, free again once disposed of', () =>
    withRig(make, async ({ network, host }) => {
      const first = await network.listen(host, 0, refuse);
      const { port } = first;
      await assert.rejects(network.listen(host, port, refuse), (error) => {
        assert.ok(isEngineError(error, 'NETWORK_FAILED'));
        assert.equal(error.parameters['address'], `${host}:${port}`);
        assert.match(error.message, /listen on .*: the port is taken/);
        return true;
      });
      await first[Symbol.asyncDispose]();
      await using second = await network.listen(host, port, refuse);
      assert.equal(second.port, port);
    }));

  test('connecting where nobody listens is NETWORK_FAILED with address and reason', () =>
    withRig(make, async ({ network, host }) => {
      const listener = await network.listen(host, 0, refuse);
      const { port } = listener;
      await listener[Symbol.asyncDispose]();
      await assert.rejects(network.connect(host, port), (error) => {
        assert.ok(isEngineError(error, 'NETWORK_FAILED'));
        assert.equal(error.parameters['address'], `${host}:${port}`);
        assert.match(error.message, /nobody listens there/);
        return true;
      });
    }));

  test('connections outlive the listener, which accepts no more', () =>
    withRig(make, async (rig) => {
      let accepted: (recorder: Recorder) => void;
      const server = new Promise<Recorder>((resolve) => (accepted = resolve));
      const listener = await rig.network.listen(rig.host, 0, (connection) =>
        accepted(new Recorder(connection)),
      );
      const client = new Recorder(await rig.network.connect(rig.host, listener.port));
      const there = await server;
      await listener[Symbol.asyncDispose]();
      client.connection.send(pattern(10));
      await there.untilBytes(10);
      await assert.rejects(rig.network.connect(rig.host, listener.port));
      client.connection.close();
      await Promise.all([client.untilClosed(), there.untilClosed()]);
    }));
}

function bytesContract(make: MakeRig<NetworkRig>): void {
  test('bytes arrive both ways, in order, whole', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      const expected: Uint8Array[] = [];
      let total = 0;
      for (let i = 0; i < 400; i += 1) {
        const bytes = pattern((i * 37) % 911, i);
        expected.push(bytes.slice());
        total += bytes.byteLength;
        client.connection.send(bytes.slice());
        server.connection.send(bytes);
        if (i % 50 === 0) await nextTurn(rig.clock);
      }
      await Promise.all([server.untilBytes(total), client.untilBytes(total)]);
      const whole = Buffer.concat(expected);
      assert.ok(whole.equals(server.received()));
      assert.ok(whole.equals(client.received()));
    }));

  test('a view of a larger buffer sends the bytes of the view only', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const large = pattern(1000);
      const view = large.subarray(100, 110);
      const copy = view.slice();
      both.client.connection.send(view);
      await both.server.untilBytes(10);
      assert.deepEqual(both.server.received(), copy);
    }));

  test('nothing is delivered inside send', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      both.client.connection.send(pattern(10));
      assert.equal(both.server.bytesReceived, 0);
      await both.server.untilBytes(10);
    }));

  test('send returns false above the high-water mark, drained follows, and nothing is lost', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      const total = MORE_THAN_FITS_BYTES;
      const chunk = 64 * 1024;
      let refusals = 0;
      for (let sent = 0; sent < total; sent += chunk) {
        const drainedBefore = client.drainedCount;
        if (!client.connection.send(pattern(chunk, sent / chunk))) {
          refusals += 1;
          await client.until(() => client.drainedCount > drainedBefore);
        }
      }
      await server.untilBytes(total);
      assert.ok(refusals > 0, 'a queue without bound is no back-pressure');
      assert.equal(
        client.drainedCount,
        refusals,
        'drained answers a refusal and comes once for it',
      );
      const received = Buffer.from(server.received().buffer);
      for (let at = 0; at < total; at += chunk) {
        assert.ok(received.subarray(at, at + chunk).equals(pattern(chunk, at / chunk)));
      }
    }));

  test('a refused send is queued all the same', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const sent = pattern(MORE_THAN_FITS_BYTES);
      assert.equal(both.client.connection.send(sent.slice()), false);
      await both.server.untilBytes(sent.byteLength);
      assert.ok(Buffer.from(sent).equals(both.server.received()));
    }));
}

function closeContract(make: MakeRig<NetworkRig>): void {
  test('close sends what is queued; both sides are told of an orderly end, once', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      client.connection.send(pattern(MORE_THAN_FITS_BYTES));
      client.connection.close();
      client.connection.close();
      assert.deepEqual(client.closings, [], 'never inside a call');
      await Promise.all([client.untilClosed(), server.untilClosed()]);
      await nextTurn(rig.clock);
      assert.equal(server.bytesReceived, MORE_THAN_FITS_BYTES);
      assertClosed(client, undefined);
      assertClosed(server, undefined);
    }));

  test('what the other side has queued when it learns of the end still arrives', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      server.connection.send(pattern(MORE_THAN_FITS_BYTES));
      client.connection.close();
      await Promise.all([client.untilClosed(), server.untilClosed()]);
      assert.equal(client.bytesReceived, MORE_THAN_FITS_BYTES);
      assertClosed(client, undefined);
      assertClosed(server, undefined);
    }));

  test('both sides closing at once is an orderly end', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      both.client.connection.close();
      both.server.connection.close();
      await Promise.all([both.client.untilClosed(), both.server.untilClosed()]);
      assertClosed(both.client, undefined);
      assertClosed(both.server, undefined);
    }));

  test('nothing is sent once either side has closed', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      client.connection.close();
      assert.equal(client.connection.send(pattern(10)), false);
      await Promise.all([client.untilClosed(), server.untilClosed()]);
      assert.equal(client.connection.send(pattern(10)), false);
      assert.equal(server.connection.send(pattern(10)), false);
      await nextTurn(rig.clock);
      assert.equal(server.bytesReceived, 0);
      assertClosed(client, undefined);
      assertClosed(server, undefined);
    }));

  test('destroy ends at once; neither side takes it for an orderly end', () =>
    withRig(make, async (rig) => {
      await using both = await link(rig);
      const { client, server } = both;
      client.connection.send(pattern(MORE_THAN_FITS_BYTES));
      client.connection.destroy();
      client.connection.destroy();
      assert.deepEqual(client.closings, [], 'never inside a call');
      await Promise.all([client.untilClosed(), server.untilClosed()]);
      await nextTurn(rig.clock);
      for (const side of [client, server]) {
        assert.equal(side.closings.length, 1);
        assert.equal(side.late, 0);
        const mayTell = side === client || rig.tellsDestroy !== false;
        if (mayTell) assert.equal(typeof side.closings[0], 'string');
      }
    }));

  test('no data comes after destroy, also when it is called while data is handed over', () =>
    withRig(make, async (rig) => {
      let calls = 0;
      let closed: () => void;
      const ended = new Promise<void>((resolve) => (closed = resolve));
      await using listener = await rig.network.listen(rig.host, 0, (connection) => {
        connection.start({
          data() {
            calls += 1;
            connection.destroy();
          },
          drained() {},
          closed: () => closed(),
        });
      });
      const client = new Recorder(await rig.network.connect(rig.host, listener.port));
      for (let i = 0; i < 100; i += 1) client.connection.send(pattern(100 * 1024));
      await Promise.all([ended, client.untilClosed()]);
      assert.equal(calls, 1);
    }));
}

function assertClosed(side: Recorder, reason: string | undefined): void {
  assert.deepEqual(side.closings, [reason]);
  assert.equal(side.late, 0, 'nothing comes after closed');
}

function refuse(connection: Connection): void {
  connection.destroy();
}
