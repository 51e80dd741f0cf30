/**
 * The connections of an HTTP server, of which there may only be so many.
 *
 * L1. At most `limit` are open. One more sends away the one that has waited longest without a
 *     request to answer (its head has not come whole, or it has been answered), so that those who
 *     say nothing cannot keep others out.
 * L2. One whose request is being answered is never sent away; if all are, the newcomer is.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Entry {
  socket: Socket;
  /** Requests that are being answered. */
  requests: number;
}

/** In the order in which they came or had their last answer. */
export class HttpConnections {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();

  constructor(server: Server, limit: number) {
    this.#limit = limit;
    server.on('connection', (socket: Socket) => this.#came(socket));
    server.on('secureConnection', (socket: Socket) => this.#secured(socket));
    // Who does not come through the handshake cannot read an answer either.
    server.on('tlsClientError', (_error: Error, socket: Socket) => socket.destroy());
  }

  /** Those too that are still in their handshake. */
  closeAll(): void {
    for (const { socket } of this.#entries.values()) socket.destroy();
  }

  /** Its head is there. */
  answering({ socket }: IncomingMessage, response: ServerResponse): void {
    const key = keyOf(socket);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.requests += 1;
    response.on('close', () => {
      entry.requests -= 1;
      if (this.#entries.get(key) !== entry) return;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    });
  }

  #came(socket: Socket): void {
    if (this.#entries.size >= this.#limit && !this.#sendOneAway()) {
      socket.destroy();
      return;
    }
    const key = keyOf(socket);
    const entry: Entry = { socket, requests: 0 };
    this.#entries.set(key, entry);
    this.#forgetAtClose(key, entry, socket);
  }

  /** TLS puts a socket of its own over the one that came. */
  #secured(socket: Socket): void {
    const key = keyOf(socket);
    const entry = this.#entries.get(key);
    if (entry === undefined || entry.socket === socket) return;
    entry.socket = socket;
    this.#forgetAtClose(key, entry, socket);
  }

  #forgetAtClose(key: string, entry: Entry, socket: Socket): void {
    socket.on('close', () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    });
  }

  /** L1, L2. */
  #sendOneAway(): boolean {
    for (const [key, { socket, requests }] of this.#entries) {
      if (requests > 0) continue;
      this.#entries.delete(key);
      socket.destroy();
      return true;
    }
    return false;
  }
}

/** The same for both sockets of a connection with TLS. */
function keyOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}
