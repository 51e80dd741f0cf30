/**
 * A connection over a socket of Node, with or without TLS on it.
 *
 * Invariants
 *   N1. `start` is called once, in the turn in which the connection was handed over.
 *   N2. Nothing is sent after either side has closed.
 *   N3. `closed` is called once, and nothing after it.
 */
import type { Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import type { Connection, ConnectionHandler } from '../env.ts';
import { systemReason } from './system-error.ts';

export class NodeConnection implements Connection {
  readonly remote: string;
  readonly #socket: Socket;
  /** The one beneath TLS; the same without. */
  readonly #raw: Socket;
  #handler: ConnectionHandler | undefined;
  #phase: 'open' | 'ending' | 'destroyed' | 'closed' = 'open';
  #reason: string | undefined;

  constructor(socket: Socket, remote: string, raw: Socket = socket) {
    this.#socket = socket;
    this.#raw = raw;
    this.remote = remote;
    socket.on('end', () => this.close());
    socket.on('drain', () => {
      if (this.#phase === 'open') this.#handler?.drained();
    });
    socket.on('error', (thrown) => {
      this.#reason ??= systemReason(thrown);
    });
    socket.on('close', () => this.#finish());
    setImmediate(() => {
      const gone = this.#phase === 'destroyed' || this.#phase === 'closed';
      assert(
        this.#handler !== undefined || gone,
        `N1: the connection to ${remote} was not started`,
      );
    });
  }

  start(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, 'N1: start is called once');
    this.#handler = handler;
    // TLS may have decrypted some already, and gives it out as soon as somebody listens.
    if (this.#raw !== this.#socket) {
      this.#socket.on('data', (bytes: Uint8Array) => this.receive(bytes));
    }
  }

  send(bytes: Uint8Array): boolean {
    if (this.#phase !== 'open') return false;
    return this.#socket.write(bytes);
  }

  close(): void {
    if (this.#phase !== 'open') return;
    // Nobody would take the bytes that the other side still has to send.
    if (this.#handler === undefined) {
      this.destroy();
      return;
    }
    this.#phase = 'ending';
    this.#socket.end();
  }

  // A reset rather than an end, which the other side could not tell from an orderly one.
  destroy(): void {
    if (this.#phase === 'destroyed' || this.#phase === 'closed') return;
    this.#phase = 'destroyed';
    this.#reason = 'this side broke off the connection';
    if (this.#raw === this.#socket) {
      if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
      return;
    }
    // Destroying TLS destroys what is beneath, which this mark of Node's own turns into a reset;
    // resetting what is beneath first would pull it away from under TLS.
    (this.#raw as Socket & { resetAndClosing?: boolean }).resetAndClosing = true;
    this.#socket.destroy();
  }

  /** Bytes from the other side, valid during the call. */
  receive(bytes: Uint8Array): void {
    if (this.#phase === 'destroyed' || this.#phase === 'closed') return;
    assert(this.#handler !== undefined, `N1: the connection to ${this.remote} was not started`);
    this.#handler.data(bytes);
  }

  #finish(): void {
    assert(this.#phase !== 'closed', 'N3: closed once');
    this.#phase = 'closed';
    this.#handler?.closed(this.#reason);
  }
}
