/**
 * TCP by node:net, which is loaded when the first connection is made. A sent buffer is not copied:
 * the socket keeps it until the kernel has taken it, which is why the caller must not touch it
 * again.
 */
import type { Server, Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import type { Connection, Listener, Log, Network } from '../env.ts';
import { NodeConnection } from './node-connection.ts';
import { addressOf, networkError, systemReason } from './system-error.ts';

const READ_BUFFER_BYTES = 64 * 1024;

/**
 * @param log told of connections that could not be accepted, e.g. because too many files are open
 */
export function nodeNetwork(log: Log): Network {
  return {
    listen: (host, port, accept) => listen(host, port, accept, log),
    connect,
  };
}

function listen(
  host: string,
  port: number,
  accept: (connection: Connection) => void,
  log: Log,
): Promise<Listener> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void => reject(networkError(thrown, 'listen on', host, port));
    const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      const connection = new NodeConnection(socket, remoteOf(socket));
      socket.on('data', (bytes: Uint8Array) => connection.receive(bytes));
      accept(connection);
    });
    server.once('error', refuse);
    try {
      server.listen({ host, port }, () => {
        server.off('error', refuse);
        server.on('error', (thrown) => {
          log.write('warn', 'A connection could not be accepted', { reason: systemReason(thrown) });
        });
        resolve(new NodeListener(server));
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

function connect(host: string, port: number): Promise<Connection> {
  const net = process.getBuiltinModule('node:net');
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void =>
      reject(networkError(thrown, 'connect to', host, port));
    // Reading into one buffer again and again halves the CPU; Node offers it on this side only.
    const onread = {
      buffer: new Uint8Array(READ_BUFFER_BYTES),
      callback(count: number, buffer: Uint8Array): boolean {
        assert(connection !== undefined, 'N1: bytes came before the connection was handed over');
        connection.receive(buffer.subarray(0, count));
        return true;
      },
    };
    let connection: NodeConnection | undefined;
    try {
      const socket = net.connect({ host, port, noDelay: true, allowHalfOpen: true, onread });
      socket.once('error', refuse);
      socket.once('connect', () => {
        socket.off('error', refuse);
        connection = new NodeConnection(socket, addressOf(host, port));
        resolve(connection);
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

export function remoteOf(socket: Socket): string {
  return addressOf(socket.remoteAddress ?? '?', socket.remotePort ?? 0);
}

export class NodeListener implements Listener {
  readonly host: string;
  readonly port: number;
  readonly #server: Server;

  constructor(server: Server) {
    const address = server.address();
    assert(typeof address === 'object' && address !== null, 'a TCP server has an address');
    this.host = address.address;
    this.port = address.port;
    this.#server = server;
  }

  // The port is free at once. Connections that were accepted live on, and the server's own callback
  // would wait for them.
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) this.#server.close();
    return new Promise((resolve) => void setImmediate(resolve));
  }
}
