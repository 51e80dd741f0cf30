/** Real sockets with TLS keep the contract of the network; strangers are kept out. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { isEngineError } from '../../base/errors.ts';
import { networkContract } from '../contract/network-contract.ts';
import { nextTurn, pattern, Recorder } from '../contract/rig.test-kit.ts';
import type { Listener, Log, Network, TlsIdentity } from '../env.ts';
import { createAuthority, issueCertificate } from './certificates.ts';
import type { Certified } from '../certificate-maker.ts';
import { nodeClock } from './clock.ts';
import { nodeNetwork } from './network.ts';
import { tlsNetwork } from './tls-network.ts';

const silent: Log = { write: () => {}, with: () => silent };

const authority = createAuthority({ name: 'authority', validDays: 1 });
const stranger = createAuthority({ name: 'another', validDays: 1 });

function identityOf(
  by: Certified,
  more: Partial<TlsIdentity> & { readonly hosts?: readonly string[]; readonly from?: Date } = {},
): TlsIdentity {
  const { hosts = [], from, ...rest } = more;
  const issued = issueCertificate(by, { name: 'node', hosts, validDays: 1, from });
  return { ...issued, authority: authority.certificate, verifyHostName: false, ...rest };
}

const identity = identityOf(authority);

networkContract('real sockets with TLS', () => ({
  network: tlsNetwork(silent, identity),
  clock: nodeClock(),
  host: '127.0.0.1',
  tellsDestroy: false,
  run: (body) => body(),
  async [Symbol.asyncDispose]() {},
}));

describe('tlsNetwork', () => {
  const lines: string[] = [];
  const log: Log = {
    write: (_level, message, fields) => void lines.push(`${message} ${JSON.stringify(fields)}`),
    with: () => log,
  };
  let listener: Listener;
  let accepted = 0;
  before(async () => {
    listener = await tlsNetwork(log, identity).listen('127.0.0.1', 0, (connection) => {
      accepted += 1;
      void new Recorder(connection);
    });
  });
  after(() => listener[Symbol.asyncDispose]());

  /** What a network meets that dials the listener: nothing, or why it failed. */
  async function reasonOf(network: Network, host = '127.0.0.1'): Promise<string | undefined> {
    try {
      const side = new Recorder(await network.connect(host, listener.port));
      // With TLS 1.3 who dials is told after his own part that his certificate is not taken.
      side.connection.send(pattern(10));
      const first = await Promise.race([
        side.untilClosed().then(() => side.closings[0] ?? 'an orderly end'),
        new Promise<undefined>((resolve) => void setTimeout(() => resolve(undefined), 300)),
      ]);
      side.connection.destroy();
      await side.untilClosed();
      return first;
    } catch (error) {
      assert.ok(isEngineError(error, 'NETWORK_FAILED'), String(error));
      const isCertificates = /certificate/.test(error.message);
      assert.equal(error.parameters['tls'], isCertificates ? 'refused' : undefined);
      return error.message;
    }
  }

  test('T1: only who has a certificate of the authority is handed over', async () => {
    assert.equal(await reasonOf(tlsNetwork(silent, identityOf(authority))), undefined);
    assert.equal(accepted, 1);
    const forged = identityOf(stranger);
    assert.match(
      (await reasonOf(tlsNetwork(silent, forged))) ?? '',
      /authority|broke off|an orderly end/,
    );
    const old = identityOf(authority, { from: new Date('2001-01-01') });
    assert.match(
      (await reasonOf(tlsNetwork(silent, old))) ?? '',
      /expired|broke off|an orderly end/,
    );
    assert.equal(accepted, 1);
    assert.ok(
      lines.some((line) => /without TLS or a certificate of the cluster/.test(line)),
      lines.join(),
    );
  });

  test('T1: who dials believes the authority alone, too', async () => {
    const network = tlsNetwork(silent, identityOf(stranger, { authority: stranger.certificate }));
    assert.match(
      (await reasonOf(network)) ?? '',
      /^Could not connect to .*: its certificate is of another authority than the one that is/,
    );
    assert.equal(accepted, 1);
  });

  test('T1: a client without a certificate, and one of TLS 1.2, are refused', async () => {
    const { port } = listener;
    const refused = async (options: tls.ConnectionOptions): Promise<string> => {
      const socket = tls.connect({
        ...{ port, host: '127.0.0.1', ca: authority.certificate },
        checkServerIdentity: () => undefined,
        ...options,
      });
      const [error] = await once(socket, 'error');
      return (error as { code: string }).code;
    };
    assert.match(await refused({}), /CERTIFICATE_REQUIRED|ECONNRESET/);
    const { certificate, key } = identity;
    const code = await refused({ cert: certificate, key, maxVersion: 'TLSv1.2' });
    assert.match(code, /PROTOCOL_VERSION|ECONNRESET/);
    assert.equal(accepted, 1);
  });

  test('what speaks no TLS is refused, in both directions, and told so', async () => {
    const plain = new Recorder(await nodeNetwork(silent).connect('127.0.0.1', listener.port));
    plain.connection.send(new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'));
    await plain.untilClosed();
    assert.equal(accepted, 1);
    const server = net.createServer((socket) => socket.end('220 hello\r\n').on('error', () => {}));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    await assert.rejects(tlsNetwork(silent, identity).connect('127.0.0.1', port), (error) => {
      assert.ok(isEngineError(error, 'NETWORK_FAILED'));
      assert.match(error.message, /it does not speak TLS|broke off|closed during/);
      return true;
    });
    server.close();
  });

  test('T2: connections that do not begin their handshake keep nobody out', async () => {
    const strangers: net.Socket[] = [];
    for (let i = 0; i < 140; i++) {
      const socket = net.connect(listener.port, '127.0.0.1').on('error', () => {});
      strangers.push(socket);
      await once(socket, 'connect');
    }
    assert.equal(await reasonOf(tlsNetwork(silent, identity)), undefined);
    for (let i = 0; i < 5; i++) await nextTurn(nodeClock());
    const closed = strangers.filter(({ destroyed, readableEnded }) => destroyed || readableEnded);
    assert.ok(closed.length <= 14, `${closed.length} of them have gone`);
    for (const socket of strangers) socket.destroy();
  });

  test('host names are looked at if that is asked for', async () => {
    const named = identityOf(authority, { hosts: ['localhost', '127.0.0.1'] });
    await using other = await tlsNetwork(silent, named).listen('127.0.0.1', 0, (connection) => {
      void new Recorder(connection);
    });
    const strict = identityOf(authority, { verifyHostName: true });
    const network = tlsNetwork(silent, strict);
    for (const host of ['127.0.0.1', 'localhost']) {
      const side = new Recorder(await network.connect(host, other.port));
      side.connection.close();
      await side.untilClosed();
    }
    assert.match((await reasonOf(network)) ?? '', /its certificate is for another host/);
  });

  test('what is no certificate, no key, or the key of another is CONFIG_TLS_INVALID', async () => {
    const other = identityOf(authority);
    for (const [wrong, reason] of [
      [{ certificate: 'x' }, /cannot be read/],
      [{ key: 'x' }, /cannot be read/],
      [
        { authority: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
        /cannot be/,
      ],
      [{ key: other.key }, /the private key is not that of the certificate/],
    ] as const) {
      assert.throws(
        () => tlsNetwork(silent, { ...identity, ...wrong }),
        (error) => {
          assert.ok(isEngineError(error, 'CONFIG_TLS_INVALID'));
          assert.match(error.message, reason);
          assert.ok(!error.message.includes('PRIVATE'));
          return true;
        },
      );
    }
  });
});
