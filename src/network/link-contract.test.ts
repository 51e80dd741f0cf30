// RingLink and ConnectionLink keep the one contract of FrameLink.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import { ConnectionLink } from './connection-link.ts';
import { PreparedRegion } from './interleaving-party.test-kit.ts';
import { linkContract } from './link-contract.test-kit.ts';
import { connectionPair, GENERATION, PipeEnd, ring, ringPair } from './link-pairs.test-kit.ts';
import { RingLink } from './ring-link.ts';
import { formatRing, retireRing, ringRegionBytes } from './ring-owner.ts';

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
