/**
 * One side of a simulated connection, with the bytes that it sends: queued here, then on the way,
 * then delivered in turns of the other side's thread. What the system of a host does for a process
 * that is stopped, killed or without power is done here too.
 *
 * Invariants
 * E1. Delivered bytes are a prefix of the sent bytes, in order, each once; cut anywhere.
 * E2. `closed` is called once, in a turn of its own, and nothing after it.
 * E3. `start` is called once, in the turn in which the connection was handed over.
 * E4. Sent bytes belong to the connection: who changes them afterwards fails.
 * E5. An orderly end delivers all that was queued on both sides before `closed(undefined)`.
 */
import { AssertionError, assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Connection, ConnectionHandler } from '../src/env/env.ts';
import type { SimHost } from './host.ts';
import type { Knobs } from './knobs.ts';
import type { CrashPoints } from './crash-points.ts';
import type { HeldUp, Link } from './link.ts';
import { ProcessKilled } from './process-killed.ts';
import type { Scheduler } from './scheduler.ts';
import { REASONS } from './system-reasons.ts';
import type { Ending, Held, SimThread } from './thread.ts';
import type { TraceKind } from './trace.ts';

const SEGMENT_BYTES = 65_536;
/** What a receiver finds in a buffer that it kept for longer than the call. */
const POISON = 0xdd;

export interface EndpointOptions {
  readonly id: number;
  readonly host: SimHost;
  readonly thread: SimThread;
  readonly remote: string;
  /** The way to the other side. */
  readonly link: Link;
  readonly knobs: Knobs;
  readonly random: Prng;
  readonly scheduler: Scheduler;
  readonly points: CrashPoints | undefined;
  /** Called once when this side is gone for good. */
  readonly gone: (endpoint: Endpoint) => void;
}

/** Bytes as they were sent, and as they were at that moment. */
interface Sent {
  readonly bytes: Uint8Array;
  readonly copy: Uint8Array;
}

/** What is on the way: bytes, or an end. */
type Segment = Uint8Array | 'end' | 'reset';

export class Endpoint implements Connection, Held, HeldUp {
  readonly id: number;
  readonly kind: string = 'connection';
  readonly host: SimHost;
  readonly remote: string;
  readonly thread: SimThread;
  readonly #link: Link;
  readonly #knobs: Knobs;
  readonly #random: Prng;
  readonly #scheduler: Scheduler;
  readonly #points: CrashPoints | undefined;
  readonly #gone: (endpoint: Endpoint) => void;
  readonly #early: (() => void)[] = [];
  #peer!: Endpoint;
  #phase: 'open' | 'ending' | 'closed' | 'gone' = 'open';
  #handler: ConnectionHandler | undefined = undefined;
  #queue: Sent[] = [];
  #queued = 0;
  #taken = 0;
  #flight: Segment[] = [];
  #unread = 0;
  #lastArrival = 0;
  #endSent = false;
  #remoteEnded = false;
  #wantsDrain = false;
  #flushing = false;
  #broken = false;
  #silent = false;
  /** True while the connection has yet to be handed over. */
  #awaitsStart = true;
  /** Deliveries to the other side that wait for the link. */
  #stalled = 0;
  #stalledAcks = 0;

  constructor(options: EndpointOptions) {
    this.id = options.id;
    this.host = options.host;
    this.thread = options.thread;
    this.remote = options.remote;
    this.#link = options.link;
    this.#knobs = options.knobs;
    this.#random = options.random;
    this.#scheduler = options.scheduler;
    this.#points = options.points;
    this.#gone = options.gone;
    this.thread.held.add(this);
  }

  static join(one: Endpoint, other: Endpoint): void {
    one.#peer = other;
    other.#peer = one;
  }

  get what(): string {
    return `${this.id} to ${this.remote}`;
  }

  get peer(): Endpoint {
    return this.#peer;
  }

  /** True until the last callback has been made or the thread has ended. */
  get live(): boolean {
    return this.#phase !== 'gone';
  }

  // ------------------------------------------------------------------------------- Connection

  start(handler: ConnectionHandler): void {
    this.thread.enter();
    assert(this.#handler === undefined, 'E3: start is called once');
    this.#handler = handler;
    for (const action of this.#early) this.#post(0, 'net', 0, action);
    this.#early.length = 0;
  }

  send(bytes: Uint8Array): boolean {
    this.thread.enter();
    if (this.#phase !== 'open') return false;
    const crash = this.#crash('send', bytes.length);
    if (crash === 'before') throw new ProcessKilled();
    if (bytes.length > 0) {
      this.#queue.push({ bytes, copy: bytes.slice() });
      this.#queued += bytes.length;
      this.#flushLater();
    }
    if (crash === 'after') this.#dieAfterTurn();
    if (this.#queued <= this.#knobs.highWaterBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  close(): void {
    if (!this.thread.alive) return;
    this.thread.enter();
    if (this.#handler === undefined) this.destroy();
    else this.#close();
  }

  destroy(): void {
    if (!this.thread.alive) return;
    this.thread.enter();
    if (this.#phase === 'closed' || this.#phase === 'gone') return;
    this.#clear();
    this.#abort('reset');
    this.#finish(REASONS.brokenOff, 0);
  }

  /** The connection is in the hands of the engine, which must start it in this turn. */
  handedOver(): void {
    this.#awaitsStart = false;
    this.thread.atTurnEnd(() => {
      if (this.#handler !== undefined || this.#phase === 'closed' || this.#phase === 'gone') return;
      const error = new AssertionError(`E3: the connection to ${this.remote} was not started`);
      this.#scheduler.uncaught(this.thread, error);
    });
  }

  // ------------------------------------------------------------------------------------ faults

  /**
   * The connection is lost: each side notices on its own, what was on the way is gone.
   * @param within microseconds; by default mostly soon, sometimes after seconds
   */
  lose(random: Prng, within?: number): void {
    if (this.#broken || this.#peer.#broken) return;
    for (const side of [this, this.#peer]) {
      side.#broken = true;
      side.#flight.length = random.below(side.#flight.length + 1);
      const span = within ?? (random.chance(0.7) ? 50_000 : 8_000_000);
      const fail = (): void => side.#fail(REASONS.reset);
      this.#scheduler.world(random.below(span), 'net', side.id, 0, fail);
    }
  }

  /** The host of the other side has its power back, and knows nothing of this connection. */
  peerRestarted(random: Prng): void {
    if (!this.#peer.#silent || this.#phase === 'gone') return;
    this.#scheduler.world(random.below(3_000_000), 'net', this.id, 0, () => {
      if (this.#queued > 0 || this.#unread > 0) this.#fail(REASONS.reset);
    });
  }

  /** The thread has ended; the system of the host does the rest, unless it has no power. */
  release(ending: Ending): void {
    if (this.#phase === 'gone') return;
    const wasOpen = this.#phase !== 'closed';
    if (ending === 'power-loss') {
      this.#silent = true;
      this.#stalled = 0;
      this.#link.drop(this);
      const delay = 2_000_000 + this.#random.below(18_000_000);
      this.#scheduler.world(delay, 'net', this.id, 0, () => this.#peer.#fail(REASONS.timedOut));
    } else if (wasOpen) {
      this.#releaseSome();
      const unread = this.#peer.#flight.length > 0;
      if (unread || this.#random.chance(0.3)) this.#abort('reset');
      else this.#put('end', 0);
    }
    this.#vanish();
  }

  // ----------------------------------------------------------------------------------- sending

  passOn(): void {
    const deliveries = this.#stalled;
    this.#stalled = 0;
    for (let index = 0; index < deliveries; index++) this.#sendOff(0);
    const acks = this.#stalledAcks;
    this.#stalledAcks = 0;
    if (acks > 0) this.#peer.#acknowledged(acks);
    this.#pump();
  }

  giveUp(): void {
    const waits = this.#stalled > 0 || this.#queued > 0 || this.#flight.length > 0;
    if (waits) this.lose(this.#random);
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.thread.atTurnEnd(() => {
      this.#flushing = false;
      this.#pump();
    });
  }

  /**
   * Puts queued bytes on the way as far as the window allows, and the end after the last of them.
   */
  #pump(): void {
    if (this.#broken || this.#endSent || this.#phase === 'closed' || this.#phase === 'gone') return;
    if (this.#peer.#phase === 'gone') {
      this.#sendIntoTheVoid();
      return;
    }
    while (this.#queued > 0 && this.#unread < this.#knobs.windowBytes) {
      if (this.#link.blocked) {
        this.#link.hold(this);
        return;
      }
      const segment = this.#cutSegment();
      this.#unread += segment.length;
      this.#put(segment, segment.length);
    }
    this.#afterPump();
  }

  #afterPump(): void {
    if (this.#wantsDrain && this.#queued <= this.#knobs.lowWaterBytes) {
      this.#wantsDrain = false;
      this.#post(1, 'drained', 0, () => {
        if (this.#phase === 'open') this.#handler?.drained();
      });
    }
    if (this.#phase === 'ending' && this.#queued === 0) {
      this.#endSent = true;
      this.#put('end', 0);
      if (this.#remoteEnded) this.#finish(undefined, 0);
    }
  }

  /**
   * The other side's system answers bytes for a process that is gone with a reset, if it has power.
   */
  #sendIntoTheVoid(): void {
    if (this.#peer.#silent && !this.#peer.host.up) return;
    const lost = this.#queued > 0;
    this.#clear();
    if (lost) {
      const delay = this.#link.delay(0) * 2;
      this.#scheduler.world(delay, 'net', this.id, 0, () => this.#fail(REASONS.reset));
    } else {
      this.#afterPump();
    }
  }

  /** Takes the next bytes out of the queue, as many as go together. */
  #cutSegment(): Uint8Array {
    const room = this.#knobs.windowBytes - this.#unread;
    let length = Math.min(this.#queued, room, SEGMENT_BYTES);
    if (this.#random.below(256) < this.#knobs.cuts) {
      length = 1 + this.#random.below(this.#random.chance(0.5) ? Math.min(length, 40) : length);
    }
    const segment = new Uint8Array(length);
    let filled = 0;
    let whole = 0;
    while (filled < length) {
      const sent = this.#queue[whole] as Sent;
      const part = sent.copy.subarray(this.#taken, this.#taken + length - filled);
      this.#checkUntouched(sent, part.length);
      segment.set(part, filled);
      filled += part.length;
      this.#taken += part.length;
      if (this.#taken < sent.copy.length) break;
      whole += 1;
      this.#taken = 0;
    }
    if (whole > 0) this.#queue.splice(0, whole);
    this.#queued -= length;
    return segment;
  }

  #checkUntouched(sent: Sent, length: number): void {
    for (let index = this.#taken; index < this.#taken + length; index++) {
      if (sent.bytes[index] === sent.copy[index]) continue;
      const error = new AssertionError(
        `E4: bytes were changed after they were sent to ${this.remote}`,
      );
      this.#scheduler.uncaught(this.thread, error);
      return;
    }
  }

  #put(segment: Segment, length: number): void {
    this.#flight.push(segment);
    this.#sendOff(length);
  }

  /** Has the first segment on the way delivered, after those that left before. */
  #sendOff(length: number): void {
    const arrival = Math.max(this.#scheduler.time + this.#link.delay(length), this.#lastArrival);
    this.#lastArrival = arrival;
    const delay = arrival - this.#scheduler.time;
    const peer = this.#peer;
    this.#scheduler.post(peer.thread, delay, 'data', this.id, length, () => this.#deliver());
  }

  /** In a turn of the other side: hands over the first segment on the way. */
  #deliver(): void {
    const peer = this.#peer;
    if (this.#flight.length === 0 || peer.#phase === 'gone' || peer.#phase === 'closed') return;
    if (this.#link.blocked) {
      if (this.#silent) return;
      this.#stalled += 1;
      this.#link.hold(this);
      return;
    }
    if (peer.#handler === undefined) {
      peer.#early.push(() => this.#deliver());
      return;
    }
    const segment = this.#flight.shift() as Segment;
    if (typeof segment === 'string') {
      peer.#ended(segment);
      return;
    }
    const crash = peer.#crash('receive', segment.length);
    if (crash === 'before') return;
    if (crash === 'after') peer.#dieAfterTurn();
    this.#scheduler.trace.content(segment);
    if (peer.#link.blocked) {
      peer.#stalledAcks += segment.length;
      peer.#link.hold(peer);
    } else {
      this.#acknowledged(segment.length);
    }
    peer.#handler.data(segment);
    segment.fill(POISON);
  }

  #acknowledged(length: number): void {
    this.#unread -= length;
    // Not before half of the window is free, or segments would get smaller and smaller.
    if (this.#queued > 0 && this.#unread * 2 <= this.#knobs.windowBytes) this.#pump();
  }

  /** A point at which the process may end; 'before' has ended it. */
  #crash(kind: 'send' | 'receive', bytes: number): 'before' | 'after' | undefined {
    const points = this.#points;
    if (points === undefined) return undefined;
    const process = this.host.processOf(this.thread);
    const what = `${kind} ${bytes} bytes ${kind === 'send' ? 'to' : 'from'} ${this.remote}`;
    const mode = points.reach(kind, process?.name, what, ['before', 'after']);
    if (mode === 'before') process!.kill();
    return mode === 'torn' ? undefined : mode;
  }

  /** What was sent is on its way by then. */
  #dieAfterTurn(): void {
    this.thread.atTurnEnd(() => this.host.processOf(this.thread)?.kill());
  }

  // ------------------------------------------------------------------------------------ ending

  #close(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ending';
    this.#flushLater();
  }

  /** The other side has ended, in order or not. */
  #ended(how: 'end' | 'reset'): void {
    if (how === 'reset') {
      this.#fail(REASONS.reset);
      return;
    }
    this.#remoteEnded = true;
    if (this.#phase === 'open') this.#close();
    else if (this.#endSent) this.#finish(undefined, 0);
    else this.#flushLater();
  }

  /** Breaks off: some of what is on the way still arrives, then the reset. */
  #abort(segment: 'reset'): void {
    if (this.#broken || this.#peer.#phase === 'gone') return;
    this.#flight.length = this.#random.below(this.#flight.length + 1);
    this.#put(segment, 0);
  }

  #fail(reason: string): void {
    if (this.#phase === 'closed' || this.#phase === 'gone') return;
    this.#clear();
    this.#finish(reason, 0);
  }

  /** E2: the last callback, in a turn of its own. */
  #finish(reason: string | undefined, delay: number): void {
    if (this.#phase === 'closed' || this.#phase === 'gone') return;
    this.#phase = 'closed';
    const tell = (): void => {
      const handler = this.#handler;
      if (handler === undefined && this.#awaitsStart) {
        this.#early.push(tell);
        return;
      }
      this.#vanish();
      handler?.closed(reason);
    };
    this.#post(delay, 'closed', 0, tell);
  }

  /** What the system had taken of the queue when the thread ended. */
  #releaseSome(): void {
    if (this.#queued > 0 && !this.#link.blocked && this.#random.chance(0.5)) this.#pump();
    this.#clear();
  }

  #clear(): void {
    this.#queue = [];
    this.#queued = 0;
    this.#taken = 0;
  }

  #vanish(): void {
    if (this.#phase === 'gone') return;
    this.#phase = 'gone';
    this.#clear();
    this.thread.held.delete(this);
    this.#gone(this);
  }

  #post(delay: number, kind: TraceKind, b: number, action: () => void): void {
    this.#scheduler.post(this.thread, delay, kind, this.id, b, action);
  }
}
