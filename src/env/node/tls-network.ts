/**
 * TCP with TLS 1.3 on it, by node:tls, for processes that know each other: both sides show a
 * certificate of one authority, and no other authority is believed. Nobody is handed over before
 * that.
 *
 * T1. A connection is handed over only after both certificates were found good.
 * T2. At most `PENDING_MAX` connections are in their handshake, and none for longer than the
 *     time-out; one more sends the oldest away.
 * T3. What strangers do costs at most one line of the log a second.
 */
import type { Server, Socket } from 'node:net';
import type { SecureContext, SecureContextOptions, TLSSocket } from 'node:tls';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { Connection, Listener, Log, Network, TlsIdentity } from '../env.ts';
import { NodeListener, remoteOf } from './network.ts';
import { NodeConnection } from './node-connection.ts';
import { addressOf, networkError, systemReason } from './system-error.ts';

const PENDING_MAX = 128;
const HANDSHAKE_TIMEOUT_MILLISECONDS = 10_000;
const LINE_INTERVAL_MILLISECONDS = 1000;

/**
 * @param log told of connections that were refused
 * @throws EngineError CONFIG_TLS_INVALID
 */
export function tlsNetwork(log: Log, identity: TlsIdentity): Network {
  const context = contextOf(identity);
  return {
    listen: (host, port, accept) =>
      listen({ host, port, accept, server: new TlsServer(identity, accept, log), log }),
    connect: (host, port) => connect(host, port, { context, identity }),
  };
}

/** For both sides. */
function contextOptions({ certificate, key, authority }: TlsIdentity): SecureContextOptions {
  const versions = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;
  return { cert: certificate, key, ca: authority, ...versions };
}

function contextOf(identity: TlsIdentity): SecureContext {
  const { certificate, key, authority } = identity;
  const { createSecureContext } = process.getBuiltinModule('node:tls');
  const { X509Certificate, createPrivateKey } = process.getBuiltinModule('node:crypto');
  try {
    const own = new X509Certificate(certificate);
    void new X509Certificate(authority);
    if (!own.checkPrivateKey(createPrivateKey(key))) {
      throw tlsInvalid('the private key is not that of the certificate');
    }
    return createSecureContext(contextOptions(identity));
  } catch (thrown) {
    if (isEngineError(thrown)) throw thrown;
    throw tlsInvalid(`certificate, key or authority cannot be read: ${systemReason(thrown)}`);
  }
}

function tlsInvalid(reason: string): EngineError {
  const fix = 'All three are PEM, the key without a passphrase.';
  return new EngineError('CONFIG_TLS_INVALID', { reason, fix });
}

interface Listening {
  readonly host: string;
  readonly port: number;
  readonly accept: (connection: Connection) => void;
  readonly server: TlsServer;
  readonly log: Log;
}

function listen({ host, port, server, log }: Listening): Promise<Listener> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void => reject(networkError(thrown, 'listen on', host, port));
    const listener = net.createServer({ noDelay: true, allowHalfOpen: true }, (raw) =>
      server.take(raw),
    );
    listener.once('error', refuse);
    try {
      listener.listen({ host, port }, () => {
        listener.off('error', refuse);
        listener.on('error', (thrown) => {
          log.write('warn', 'A connection could not be accepted', { reason: systemReason(thrown) });
        });
        resolve(new NodeListener(listener));
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

/** The side of the handshake that was dialled. */
class TlsServer {
  readonly #tls: Server;
  readonly #log: Log;
  /** In their handshake, in the order in which they came, by the address of the other side. */
  readonly #pending = new Map<string, Socket>();
  #lastLine = -Infinity;
  #unsaid = 0;

  constructor(identity: TlsIdentity, accept: (connection: Connection) => void, log: Log) {
    this.#log = log;
    const tls = process.getBuiltinModule('node:tls');
    this.#tls = tls.createServer(
      {
        ...contextOptions(identity),
        ...{ requestCert: true, rejectUnauthorized: true, allowHalfOpen: true },
        handshakeTimeout: HANDSHAKE_TIMEOUT_MILLISECONDS,
      },
      (socket) => this.#met(socket, accept),
    );
    this.#tls.on('tlsClientError', (thrown: Error, socket: TLSSocket) => {
      this.#refused(remoteOf(socket), thrown);
      socket.destroy();
    });
  }

  take(raw: Socket): void {
    const remote = remoteOf(raw);
    if (this.#pending.size >= PENDING_MAX) {
      const [oldest] = this.#pending.values();
      oldest!.destroy();
    }
    this.#pending.set(remote, raw);
    raw.once('close', () => {
      if (this.#pending.get(remote) === raw) this.#pending.delete(remote);
    });
    this.#tls.emit('connection', raw);
  }

  /** T1: node:tls has looked at the certificate of the other side. */
  #met(socket: TLSSocket, accept: (connection: Connection) => void): void {
    const remote = remoteOf(socket);
    const raw = this.#pending.get(remote);
    this.#pending.delete(remote);
    if (raw === undefined || !socket.authorized) socket.destroy();
    else accept(new NodeConnection(socket, remote, raw));
  }

  /** T3. */
  #refused(from: string, thrown: Error): void {
    const now = process.uptime() * 1000;
    if (now - this.#lastLine < LINE_INTERVAL_MILLISECONDS) {
      this.#unsaid += 1;
      return;
    }
    const others = this.#unsaid > 0 ? { others: this.#unsaid } : {};
    const reason = systemReason(thrown);
    this.#log.write('warn', 'refused a connection without TLS or a certificate of the cluster', {
      ...{ from, reason },
      ...others,
    });
    this.#lastLine = now;
    this.#unsaid = 0;
  }
}

interface Dialling {
  readonly context: SecureContext;
  readonly identity: TlsIdentity;
}

function connect(host: string, port: number, { context, identity }: Dialling): Promise<Connection> {
  const net = process.getBuiltinModule('node:net');
  const tls = process.getBuiltinModule('node:tls');
  return new Promise((resolve, reject) => {
    let raw: Socket;
    const refuse = (thrown: unknown): void => {
      raw?.destroy();
      reject(networkError(thrown, 'connect to', host, port));
    };
    try {
      raw = net.connect({ host, port, noDelay: true, allowHalfOpen: true });
      raw.once('error', refuse);
      raw.once('connect', () => {
        const socket = tls.connect({
          ...{ socket: raw, secureContext: context, allowHalfOpen: true },
          ...{ rejectUnauthorized: true, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
          ...(net.isIP(host) === 0 ? { servername: host } : {}),
          checkServerIdentity: (_name, certificate) =>
            identity.verifyHostName ? tls.checkServerIdentity(host, certificate) : undefined,
        });
        const early = (): void => refuse(new Error('the other side closed during the handshake'));
        socket.once('error', refuse);
        socket.once('close', early);
        socket.once('secureConnect', () => {
          raw.off('error', refuse);
          socket.off('error', refuse);
          socket.off('close', early);
          resolve(new NodeConnection(socket, addressOf(host, port), raw));
        });
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}
