// RingLink and ConnectionLink keep the one contract of FrameLink.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, ConnectionHandler, SharedRegion } from '../env/env.ts';

import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import { ConnectionLink } from './connection-link.ts';
import { alarmDoorbell, doorbellWord } from './doorbell.ts';
import { PreparedRegion } from './interleaving-party.test-kit.ts';
import { linkContract } from './link-contract.test-kit.ts';
import type { LinkPair, Side } from './link-contract.test-kit.ts';
import { RingLink } from './ring-link.ts';
import { formatRing, retireRing, ringRegionBytes } from './ring-owner.ts';

const GENERATION = 3;

function ring(): SharedRegion {
  const size = { capacityBytes: 1 << 17, controlBytes: 1 << 13 };
  const region = new PreparedRegion(ringRegionBytes(size));
  formatRing(region, size, GENERATION);
  return region;
}

function ringPair(): LinkPair {
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
class PipeEnd implements Connection {
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

function connectionPair(): LinkPair {
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

linkContract('rings', ringPair);
linkContract('a connection', connectionPair);

/** A link and the raw end of the pipe to it. */
function rawPair(wake: (link: ConnectionLink) => void): { link: ConnectionLink; raw: PipeEnd } {
  const raw = new PipeEnd(1 << 20);
  const end = new PipeEnd(1 << 20);
  raw.peer = end;
  end.peer = raw;
  raw.start({ data: () => undefined, drained: () => undefined, closed: () => undefined });
  const link: ConnectionLink = new ConnectionLink(end, () => wake(link));
  return { link, raw };
}

test('J1: a length beyond the limit ends the connection before anything is allocated', () => {
  const { link, raw } = rawPair(() => undefined);
  raw.send(Uint8Array.of(1, 0, 0, 9, 0, 0, 0, 0, 77, 0xff, 0xff, 0xff, 9, 0, 0, 0, 0));
  raw.move(100);
  const got: number[] = [];
  const frame = (_kind: number, _channel: number, bytes: Uint8Array, start: number): void => {
    got.push(bytes[start]!);
  };
  link.poll({ frame }, 10);
  assert.deepEqual(got, [77], 'what came before is given out');
  assert.equal(link.closed, 'the other slot announced a frame of 16777215 bytes');
});

test('J3, J4: frames cut anywhere, polled within a delivery, by a handler that may throw', () => {
  let failing = false;
  const got: number[] = [];
  const frame = (
    _kind: number,
    channel: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void => {
    for (let i = start; i < end; i += 1) assert.equal(bytes[i], channel & 255);
    got.push(channel);
    if (failing && channel % 5 === 0) throw new Error('the handler failed');
  };
  const { link, raw } = rawPair((each) => {
    if (got.length % 3 !== 2 || failing) each.poll({ frame }, 2);
  });
  const peer = rawPair(() => undefined);
  const sent: number[] = [];
  let stream = new Uint8Array(0);
  const collect = (bytes: Uint8Array): void => {
    const longer = new Uint8Array(stream.length + bytes.length);
    longer.set(stream);
    longer.set(bytes, stream.length);
    stream = longer;
  };
  peer.raw.start({ data: collect, drained: () => undefined, closed: () => undefined });
  for (let channel = 1; channel <= 60; channel += 1) {
    const bytes = new Uint8Array((channel * 37) % 400).fill(channel & 255);
    peer.link.send(1, channel, bytes, 'data');
    sent.push(channel);
  }
  peer.link.flush();
  const pipe = (peer.raw.peer as PipeEnd).move.bind(peer.raw.peer);
  while (pipe(1 << 20));
  for (let at = 0, cut = 1; at < stream.length; cut = (cut * 7 + 3) % 900) {
    raw.send(stream.slice(at, at + cut));
    at += cut;
    failing = cut % 2 === 0;
    try {
      raw.move(1 << 20);
    } catch (thrown) {
      assert.equal((thrown as Error).message, 'the handler failed');
    }
  }
  failing = false;
  while (link.hasInput) link.poll({ frame }, 3);
  assert.deepEqual(got, sent);
});

test('R5: a ring that is too small for the largest frame is refused at once', () => {
  const size = { capacityBytes: 1 << 16, controlBytes: 1 << 12 };
  const toPeer = new PreparedRegion(ringRegionBytes(size));
  const fromPeer = new PreparedRegion(ringRegionBytes(size));
  for (const region of [toPeer, fromPeer]) formatRing(region, size, 1);
  const doorbells = new PreparedRegion(1024);
  const options = { toPeer, fromPeer, generation: 1, owner: 0, doorbells, peerDoorbell: 0 };
  assert.throws(() => RingLink.open(options), /R5: a ring that takes 30712 bytes/);
  assert.ok(FRAME_PAYLOAD_BYTES_MAX > 30_712);
});

test('R9: a link cannot be opened twice, or after its peer has died', () => {
  const [toPeer, fromPeer] = [ring(), ring()];
  const doorbells = new PreparedRegion(1024);
  const options = {
    toPeer,
    fromPeer,
    generation: GENERATION,
    owner: 0,
    doorbells,
    peerDoorbell: 0,
  };
  assert.ok(RingLink.open(options) !== undefined);
  assert.equal(RingLink.open(options), undefined);
  assert.equal(RingLink.open({ ...options, generation: GENERATION + 1 }), undefined);
  const [late, gone] = [ring(), ring()];
  retireRing(gone, GENERATION, 'producer');
  retireRing(late, GENERATION, 'consumer');
  assert.equal(RingLink.open({ ...options, toPeer: late, fromPeer: gone }), undefined);
});
