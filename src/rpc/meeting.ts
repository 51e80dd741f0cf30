/**
 * A handshake over a connection: frames are small and have to come soon, and nothing but the
 * handshake sees a byte before both sides have met. What comes out is the same connection, begun
 * anew for whoever takes it over.
 *
 * M1. `met` or `refused` is called once, and `over` once, after all else, when the connection is
 *     either met or gone.
 * M2. Bytes behind the last frame of the handshake reach the new owner first, in order.
 * M3. Who is neither met nor refused within the time-out is sent away.
 */
import { assert } from '../base/assert.ts';
import { EngineError, toEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Clock, Connection, ConnectionHandler } from '../env/env.ts';
import { FrameReader } from './frame.ts';
import { HANDSHAKE_LIMIT_BYTES, protocolError } from './handshake-frames.ts';
import type { Handshake, Peer, Step } from './handshake.ts';

const TIMEOUT = seconds(10);
/** For the other side to read why it was refused. */
const LINGER = seconds(1);

export interface MeetingEvents {
  readonly met: (connection: Connection, peer: Peer) => void;
  readonly refused: (error: EngineError) => void;
  readonly over: () => void;
  /** They had met, and the connection is gone; before its owner hears of it. */
  readonly ended?: (() => void) | undefined;
}

export class Meeting {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #events: MeetingEvents;
  readonly #frames: FrameReader;
  #state: 'meeting' | 'refused' | 'met' | 'over' = 'meeting';
  #timer: Disposable;
  #met: MetConnection | undefined;

  /** Must be called in the turn in which the connection was handed over. */
  constructor(connection: Connection, handshake: Handshake, clock: Clock, events: MeetingEvents) {
    this.#connection = connection;
    this.#clock = clock;
    this.#events = events;
    this.#frames = new FrameReader(HANDSHAKE_LIMIT_BYTES, (content) => {
      if (this.#state === 'meeting') this.#take(handshake.receive(content));
      if (this.#state !== 'meeting') this.#frames.stop();
    });
    connection.start({
      data: (bytes) => this.#data(bytes),
      drained: () => this.#met?.drained(),
      closed: (reason) => this.#closed(reason),
    });
    const late = protocolError(`no handshake within ${TIMEOUT / 1000} s`);
    this.#timer = clock.after(TIMEOUT, () => this.#breakOff(late));
    this.#take(handshake.begin());
  }

  /** Breaks off, unless they have met. */
  abandon(reason: string): void {
    if (this.#state === 'meeting') this.#breakOff(unreachable(this.#connection, reason));
    else if (this.#state === 'refused') this.#connection.destroy();
  }

  #data(bytes: Uint8Array): void {
    if (this.#met !== undefined) {
      this.#met.data(bytes);
      return;
    }
    if (this.#state !== 'meeting') return;
    try {
      const read = this.#frames.push(bytes);
      if (read < bytes.length) this.#rest(bytes.subarray(read));
    } catch (error) {
      this.#breakOff(toEngineError(error));
    }
  }

  /** M2; typed anew, because they may have met while frames were read. */
  #rest(bytes: Uint8Array): void {
    this.#met?.data(bytes);
  }

  #take({ send, end }: Step): void {
    for (const bytes of send) this.#connection.send(bytes);
    if (end === undefined) return;
    if (end.kind === 'refused') {
      this.#refuse(end.error);
      return;
    }
    this.#state = 'met';
    this.#timer[Symbol.dispose]();
    this.#met = new MetConnection(this.#connection, this.#clock);
    this.#events.met(this.#met, end.peer);
    this.#events.over();
  }

  /** The other side is told why, or has told it, so both end in order. */
  #refuse(error: EngineError): void {
    this.#state = 'refused';
    this.#timer[Symbol.dispose]();
    this.#connection.close();
    this.#timer = this.#clock.after(LINGER, () => this.#connection.destroy());
    this.#events.refused(error);
  }

  #breakOff(error: EngineError): void {
    if (this.#state !== 'meeting') return;
    this.#state = 'refused';
    this.#timer[Symbol.dispose]();
    this.#connection.destroy();
    this.#events.refused(error);
  }

  #closed(reason: string | undefined): void {
    this.#timer[Symbol.dispose]();
    if (this.#met !== undefined) {
      this.#events.ended?.();
      this.#met.closed(reason);
      return;
    }
    if (this.#state === 'meeting') {
      this.#events.refused(
        unreachable(this.#connection, reason ?? 'the other side closed the connection'),
      );
    }
    this.#state = 'over';
    this.#events.over();
  }
}

function unreachable({ remote }: Connection, reason: string): EngineError {
  return new EngineError('RPC_UNREACHABLE', { peer: remote, reason });
}

/** The connection for its new owner. What comes before `start` waits for it. */
class MetConnection implements Connection {
  readonly remote: string;
  readonly #connection: Connection;
  readonly #clock: Clock;
  #handler: ConnectionHandler | undefined;
  #early: Uint8Array[] = [];
  #end: { readonly reason: string | undefined } | undefined;
  #isDestroyed = false;
  /** From now on everything goes straight to the handler. */
  #isDirect = false;

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.remote = connection.remote;
    clock.soon(() => {
      const isOwned = this.#handler !== undefined || this.#isDestroyed;
      assert(isOwned, `M2: the connection to ${this.remote} was not started`);
    });
  }

  start(handler: ConnectionHandler): void {
    assert(this.#handler === undefined, 'M2: start is called once');
    this.#handler = handler;
    if (this.#early.length === 0 && this.#end === undefined) this.#isDirect = true;
    else this.#clock.soon(() => this.#catchUp(handler));
  }

  send(bytes: Uint8Array): boolean {
    return this.#connection.send(bytes);
  }

  close(): void {
    this.#connection.close();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.#connection.destroy();
  }

  // ------------------------------------------------------------------------- of the connection

  data(bytes: Uint8Array): void {
    if (this.#isDirect) this.#handler!.data(bytes);
    else if (!this.#isDestroyed) this.#early.push(bytes.slice());
  }

  drained(): void {
    this.#handler?.drained();
  }

  closed(reason: string | undefined): void {
    if (this.#isDirect) this.#handler!.closed(reason);
    else this.#end = { reason };
  }

  #catchUp(handler: ConnectionHandler): void {
    for (const bytes of this.#early.splice(0)) {
      if (!this.#isDestroyed) handler.data(bytes);
    }
    this.#isDirect = true;
    if (this.#end !== undefined) handler.closed(this.#end.reason);
  }
}
