/**
 * Who comes to a port of this process: everybody goes through the handshake first, a limited number
 * at a time, and only so many connections stay open.
 *
 * V1. At most `PENDING_MAX` connections are in their handshake; one more sends the oldest away, so
 *     that strangers who say nothing cannot keep others out.
 * V2. At most `connectionsMax` connections are open after it; one more is closed at once.
 * V3. What strangers do costs at most one line of the log a second.
 */
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Connection, Log } from '../env/env.ts';
import type { HandshakeEnv, Introduced } from './dial.ts';
import { AcceptorHandshake } from './handshake.ts';
import type { HandshakeOptions, Peer } from './handshake.ts';
import { NONCE_BYTES } from './handshake-frames.ts';
import { Meeting } from './meeting.ts';

export const PENDING_MAX = 128;
const MILLISECONDS_BETWEEN_LINES = 1000;

export interface ReceptionOptions extends Introduced, Pick<HandshakeOptions, 'admit'> {
  readonly env: Omit<HandshakeEnv, 'network'> & { readonly log: Log };
  readonly connectionsMax: number;
  /** Takes over a connection; it must be started or destroyed in this call. */
  readonly accept: (connection: Connection, peer: Peer) => void;
  readonly refused?: ((error: EngineError) => void) | undefined;
}

export class Reception {
  readonly #options: ReceptionOptions;
  /** In the order in which they came. */
  readonly #pending = new Set<Meeting>();
  #open = 0;
  #isClosed = false;
  #lastLine: Duration | undefined;
  #unsaid = 0;

  constructor(options: ReceptionOptions) {
    this.#options = options;
  }

  /** Connections in their handshake, and after it. */
  get counts(): { readonly pending: number; readonly open: number } {
    return { pending: this.#pending.size, open: this.#open };
  }

  /** A connection has come; to be called in the turn in which it was handed over. */
  receive(connection: Connection): void {
    const { env } = this.#options;
    if (this.#isClosed) connection.destroy();
    if (this.#isClosed || this.#isFull(connection)) return;
    const [oldest] = this.#pending;
    if (this.#pending.size >= PENDING_MAX) {
      this.#pending.delete(oldest!);
      oldest!.abandon('too many others wait, and it did not say who it is');
    }
    const handshake = new AcceptorHandshake({
      ...{ ...this.#options, cryptography: env.cryptography },
      nonce: env.random.bytes(NONCE_BYTES),
      remote: connection.remote,
    });
    const meeting: Meeting = new Meeting(connection, handshake, env.clock, {
      met: (met, peer) => this.#met(met, peer),
      refused: (error) => this.#refused(connection, error),
      over: () => void this.#pending.delete(meeting),
      ended: () => (this.#open -= 1),
    });
    this.#pending.add(meeting);
  }

  /** Ends all handshakes and takes no more; connections that were handed over live on. */
  close(): void {
    this.#isClosed = true;
    for (const meeting of [...this.#pending]) meeting.abandon('closed by this side');
    this.#pending.clear();
  }

  #met(connection: Connection, peer: Peer): void {
    const isFull = this.#isFull(connection);
    this.#open += 1;
    if (!isFull) this.#options.accept(connection, peer);
  }

  /** V2: closes a connection that is one too many. */
  #isFull(connection: Connection): boolean {
    const { connectionsMax } = this.#options;
    if (this.#open < connectionsMax) return false;
    connection.destroy();
    const reason = `there are ${connectionsMax} connections already, which is the limit`;
    this.#refused(connection, new EngineError('RPC_REFUSED', { peer: 'this process', reason }));
    return true;
  }

  /** V3. */
  #refused({ remote }: Connection, error: EngineError): void {
    if (this.#isClosed) return;
    const { env, name, purpose, refused } = this.#options;
    refused?.(error);
    const now = env.clock.monotonic();
    if (this.#lastLine !== undefined && now - this.#lastLine < MILLISECONDS_BETWEEN_LINES) {
      this.#unsaid += 1;
      return;
    }
    const others = this.#unsaid > 0 ? { others: this.#unsaid } : {};
    env.log.write('warn', `refused a connection: ${error.message}`, {
      ...{ from: remote, to: name, purpose },
      ...others,
    });
    this.#lastLine = now;
    this.#unsaid = 0;
  }
}
