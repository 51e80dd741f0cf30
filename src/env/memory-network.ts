/**
 * A network inside one process and one thread, for a mini cluster and for tests: connections carry
 * bytes in order, with back-pressure and with the same ends as sockets, and every delivery
 * happens in a later turn, so that nothing comes to rely on answers that no real network gives.
 * Hosts are names only: whoever listens on `a` is reached as `a` and in no other way.
 *
 * Invariants of an endpoint:
 *   N1. `start` is called once, in the turn in which the connection was handed over.
 *   N2. Nothing is sent after either side has closed.
 *   N3. `closed` is called once, and nothing after it.
 *   N4. `queuedBytes` is the sum of the lengths of the buffers that the other side has not got.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { Clock, Connection, ConnectionHandler, Listener, Network } from './env.ts';

/** What Node's sockets queue before they ask for a pause. */
const HIGH_WATER_MARK_BYTES = 64 * 1024;
const FIRST_FREE_PORT = 49_152;
const LAST_PORT = 65_535;

/**
 * @example
 * const network = memoryNetwork(env.clock);
 * await using listener = await network.listen('jobmanager', 0, (connection) => serve(connection));
 * const connection = await network.connect('jobmanager', listener.port);
 */
export function memoryNetwork(clock: Clock): Network {
  return new MemoryNetwork(clock);
}

type Accept = (connection: Connection) => void;

class MemoryNetwork implements Network {
  readonly #clock: Clock;
  readonly #listening = new Map<string, Accept>();
  #nextPort = FIRST_FREE_PORT;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async listen(host: string, port: number, accept: Accept): Promise<Listener> {
    const chosen = port === 0 ? this.#freePort(host) : port;
    const address = `${host}:${chosen}`;
    if (!Number.isInteger(chosen) || chosen < 0 || chosen > LAST_PORT) {
      throw failure('listen on', address, 'there is no such port');
    }
    if (this.#listening.has(address)) {
      throw failure('listen on', address, 'the port is taken');
    }
    this.#listening.set(address, accept);
    return {
      host,
      port: chosen,
      [Symbol.asyncDispose]: async (): Promise<void> => {
        if (this.#listening.get(address) === accept) this.#listening.delete(address);
      },
    };
  }

  connect(host: string, port: number): Promise<Connection> {
    const address = `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#clock.soon(() => {
        const accept = this.#listening.get(address);
        if (accept === undefined) {
          reject(failure('connect to', address, 'nobody listens there'));
          return;
        }
        const [here, there] = Endpoint.pair(
          this.#clock,
          address,
          `${host}:${this.#freePort(host)}`,
        );
        accept(there);
        resolve(here);
      });
    });
  }

  #freePort(host: string): number {
    for (let tried = FIRST_FREE_PORT; tried <= LAST_PORT; tried += 1) {
      const port = this.#nextPort;
      this.#nextPort = port === LAST_PORT ? FIRST_FREE_PORT : port + 1;
      if (!this.#listening.has(`${host}:${port}`)) return port;
    }
    throw failure('listen on', host, 'no port is free');
  }
}

function failure(operation: string, address: string, reason: string): EngineError {
  return new EngineError('NETWORK_FAILED', { operation, address, reason });
}

class Endpoint implements Connection {
  readonly remote: string;
  readonly #clock: Clock;
  #peer: Endpoint | undefined;
  #handler: ConnectionHandler | undefined;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #pumping = false;
  #refused = false;
  /** This side sends no more. */
  #ended = false;
  /** The other side knows, and has all that was sent before. */
  #endDelivered = false;
  /** The other side sends no more, and all it sent has been delivered. */
  #peerEnded = false;
  #closed = false;

  static pair(clock: Clock, address: string, from: string): readonly [Endpoint, Endpoint] {
    const here = new Endpoint(clock, address);
    const there = new Endpoint(clock, from);
    here.#peer = there;
    there.#peer = here;
    return [here, there];
  }

  private constructor(clock: Clock, remote: string) {
    this.#clock = clock;
    this.remote = remote;
    clock.soon(() => {
      const started = this.#handler !== undefined || this.#closed;
      assert(started, `N1: the connection to ${remote} was not started`);
    });
  }

  start(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, 'N1: start is called once');
    this.#handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#ended) return false;
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.byteLength;
    this.#pump();
    this.#refused = this.#queuedBytes > HIGH_WATER_MARK_BYTES;
    return !this.#refused;
  }

  close(): void {
    if (this.#ended) return;
    // Nobody would take the bytes that the other side still has to send.
    if (this.#handler === undefined) {
      this.destroy();
      return;
    }
    this.#ended = true;
    this.#pump();
  }

  destroy(): void {
    if (this.#closed) return;
    const peer = this.#other();
    this.#finish('this side broke off the connection');
    peer.#finish('the other side broke off the connection');
  }

  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#clock.soon(() => {
      this.#pumping = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const peer = this.#other();
    const batch = this.#queue;
    this.#queue = [];
    for (const bytes of batch) {
      // The receiver of the bytes before these may have destroyed the connection.
      if (this.#closed) return;
      this.#queuedBytes -= bytes.byteLength;
      peer.#receive(bytes);
    }
    if (this.#closed) return;
    if (this.#refused && !this.#ended && this.#queuedBytes <= HIGH_WATER_MARK_BYTES) {
      this.#refused = false;
      this.#handler?.drained();
    }
    if (this.#ended && !this.#endDelivered && this.#queue.length === 0) {
      assert(this.#queuedBytes === 0, 'N4: an empty queue holds no bytes');
      this.#endDelivered = true;
      peer.#receiveEnd();
      this.#finishIfBothEnded();
    }
  }

  #receive(bytes: Uint8Array): void {
    assert(this.#handler !== undefined, `N1: the connection to ${this.remote} was not started`);
    this.#handler.data(bytes);
  }

  #receiveEnd(): void {
    this.#peerEnded = true;
    this.#ended = true;
    if (this.#endDelivered) this.#finishIfBothEnded();
    else this.#pump();
  }

  #finishIfBothEnded(): void {
    if (this.#peerEnded && this.#endDelivered) this.#finish(undefined);
  }

  #finish(reason: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#clock.soon(() => this.#handler?.closed(reason));
  }

  #other(): Endpoint {
    assert(this.#peer !== undefined, 'an endpoint has a peer');
    return this.#peer;
  }
}
