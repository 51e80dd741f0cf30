/** Two links joined to each other: by rings in plain memory, or by a pipe that stands for TCP. */
import assert from 'node:assert/strict';
import type { Connection, ConnectionHandler, SharedRegion } from '../env/env.ts';
import { ConnectionLink } from './connection-link.ts';
import { alarmDoorbell, doorbellWord } from './doorbell.ts';
import { PreparedRegion } from './interleaving-party.test-kit.ts';
import type { LinkPair, Side } from './link-contract.test-kit.ts';
import { RingLink } from './ring-link.ts';
import { formatRing, retireRing, ringRegionBytes } from './ring-owner.ts';

export const GENERATION = 3;

export function ring(): SharedRegion {
  const size = { capacityBytes: 1 << 17, controlBytes: 1 << 13 };
  const region = new PreparedRegion(ringRegionBytes(size));
  formatRing(region, size, GENERATION);
  return region;
}

export function ringPair(): LinkPair {
  const rings = [ring(), ring()] as const;
  const doorbells = new PreparedRegion(1024);
  const open = (side: Side): RingLink => {
    const peer = side === 0 ? 1 : 0;
    const link = RingLink.open({
      toPeer: rings[side],
      fromPeer: rings[peer],
      generation: GENERATION,
      owner: side,
      doorbells,
      peerDoorbell: doorbellWord(peer),
    });
    assert.ok(link !== undefined);
    return link;
  };
  const links = [open(0), open(1)] as const;
  // Both sides sleep all the time: whoever rings finds 1 and leaves 0.
  for (const side of [0, 1]) doorbells.store(doorbellWord(side), 1);
  return {
    links,
    woken: (side) => doorbells.exchange(doorbellWord(side), 1) === 0,
    move: () => false,
    kill(side) {
      const peer = side === 0 ? 1 : 0;
      retireRing(rings[side], GENERATION, 'producer');
      retireRing(rings[peer], GENERATION, 'consumer');
      alarmDoorbell(doorbells, doorbellWord(peer));
    },
  };
}

/**
 * One end of a pipe in memory: keeps what it is given, uncopied, as a socket does, and delivers it
 * in pieces.
 */
export class PipeEnd implements Connection {
  readonly remote = 'pipe';
  readonly #highWaterMark: number;
  peer: PipeEnd | undefined;
  #handler: ConnectionHandler | undefined;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  #isFull = false;
  #isEnding = false;
  #hasSentEnd = false;
  #hasPeerEnded = false;
  #isClosed = false;
  #breakReason: string | undefined;

  constructor(highWaterMark: number) {
    this.#highWaterMark = highWaterMark;
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    if (this.#isEnding || this.#isClosed || this.#hasPeerEnded) return false;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#isFull = this.#queued > this.#highWaterMark;
    return !this.#isFull;
  }

  close(): void {
    this.#isEnding = true;
  }

  destroy(): void {
    this.#queue.length = 0;
    this.#breakReason = 'this side broke off the connection';
    this.peer!.#breakReason = 'ECONNRESET';
  }

  /** Delivers up to `bytes` to the other end, then what is due of the end. */
  move(bytes: number): boolean {
    if (this.#isClosed) return false;
    if (this.#breakReason !== undefined) {
      this.#close(this.#breakReason);
      return true;
    }
    const handler = this.peer!.#handler!;
    const first = this.#queue[0];
    if (first === undefined) return this.#moveEnd();
    const count = Math.min(first.length, Math.max(bytes, 1));
    const delivered = first.slice(0, count);
    if (count === first.length) this.#queue.shift();
    else this.#queue[0] = first.subarray(count);
    this.#queued -= count;
    if (!this.peer!.#isClosed) handler.data(delivered);
    // The callee had it for the call only.
    delivered.fill(0xee);
    if (this.#isFull && this.#queued <= this.#highWaterMark / 2 && !this.#isClosed) {
      this.#isFull = false;
      this.#handler!.drained();
    }
    return true;
  }

  #moveEnd(): boolean {
    if (this.#isEnding && !this.#hasSentEnd) {
      this.#hasSentEnd = true;
      this.peer!.#hasPeerEnded = true;
      this.peer!.close();
      return true;
    }
    if (this.#hasSentEnd && this.#hasPeerEnded) {
      this.#close(undefined);
      return true;
    }
    return false;
  }

  #close(reason: string | undefined): void {
    this.#isClosed = true;
    this.#handler!.closed(reason);
  }
}

export function connectionPair(): LinkPair {
  const ends = [new PipeEnd(20_000), new PipeEnd(20_000)] as const;
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  const isWoken: [boolean, boolean] = [false, false];
  const open = (side: Side): ConnectionLink =>
    new ConnectionLink(ends[side], () => {
      isWoken[side] = true;
    });
  return {
    links: [open(0), open(1)],
    woken(side) {
      const was = isWoken[side];
      isWoken[side] = false;
      return was;
    },
    move(bytes) {
      const first = ends[0].move(bytes);
      return ends[1].move(bytes) || first;
    },
    kill: (side) => ends[side].destroy(),
  };
}
