/**
 * The contract of FrameLink as properties over two joined links, whatever carries them: random
 * frames, sizes, budgets, ends and deaths. Nothing may be lost, doubled, reordered or torn, nobody
 * may sleep through something, and both ends come to their end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import type { FrameHandler, FrameLink } from './frame-link.ts';

/** Two links joined to each other; side 0 and side 1. */
export interface LinkPair {
  readonly links: readonly [FrameLink, FrameLink];
  /** Whether a side has been woken since the last call. */
  woken(side: Side): boolean;
  /**
   * Moves up to `bytes` each way, where something moves them; at least one if there is any.
   * @returns whether any moved.
   */
  move(bytes: number): boolean;
  /** A side dies without closing. */
  kill(side: Side): void;
}

export type Side = 0 | 1;

type Action =
  | {
      readonly kind: 'send';
      readonly side: Side;
      readonly room: 'data' | 'control';
      readonly size: number;
    }
  | { readonly kind: 'flush' | 'close'; readonly side: Side }
  | { readonly kind: 'poll'; readonly side: Side; readonly limit: number; readonly throws: boolean }
  | { readonly kind: 'move'; readonly bytes: number };

interface SentFrame {
  readonly kind: number;
  readonly channel: number;
  readonly size: number;
}

const side = fc.constantFrom<Side>(0, 1);
const dataSize = fc.oneof(
  { weight: 4, arbitrary: fc.nat(200) },
  { weight: 2, arbitrary: fc.nat(FRAME_PAYLOAD_BYTES_MAX) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 7, 8, FRAME_PAYLOAD_BYTES_MAX) },
);

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('send'),
      side,
      room: fc.constant('data'),
      size: dataSize,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send'),
      side,
      room: fc.constant('control'),
      size: fc.oneof(fc.nat(64), fc.nat(5000)),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flush'), side }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('poll'),
      side,
      limit: fc.constantFrom(1, 2, 64, 1000),
      throws: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('move'),
      bytes: fc.oneof(fc.nat(20), fc.nat(200_000)),
    }),
  },
) as fc.Arbitrary<Action>;

/** Runs actions against a pair and keeps the books. */
class Run {
  readonly pair: LinkPair;
  readonly #waiting: [SentFrame[], SentFrame[]] = [[], []];
  /** What has been sent and not flushed, by sender: the peer need not be woken yet. */
  readonly #unflushed: [boolean, boolean] = [false, false];
  readonly #hadInput: [boolean, boolean] = [false, false];
  readonly #isWoken: [boolean, boolean] = [false, false];
  #number = 0;
  refused = 0;

  constructor(pair: LinkPair) {
    this.pair = pair;
  }

  act(next: Action): void {
    if (next.kind === 'send') this.send(next.side, next.room, next.size);
    else if (next.kind === 'flush') this.flush(next.side);
    else if (next.kind === 'poll') this.poll(next.side, next.limit, next.throws);
    else if (next.kind === 'move') this.pair.move(next.bytes);
    else this.pair.links[next.side].close();
    this.#checkWoken();
  }

  send(from: Side, room: 'data' | 'control', size: number): boolean {
    this.#number += 1;
    const frame = {
      kind: room === 'data' ? 1 : 2,
      channel: (this.#number * 2_654_435_761) >>> 0,
      size,
    };
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 1) bytes[i] = content(frame, i);
    const isSent = this.pair.links[from].send(frame.kind, frame.channel, bytes, room);
    // F1: the link has copied it.
    bytes.fill(0xee);
    assert.ok(isSent || room === 'data', 'F2: a control frame was refused');
    if (isSent) this.#waiting[from].push(frame);
    else this.refused += 1;
    this.#unflushed[from] = true;
    return isSent;
  }

  flush(from: Side): void {
    this.pair.links[from].flush();
    this.#unflushed[from] = false;
  }

  poll(at: Side, limit: number, throws = false): number {
    const waiting = this.#waiting[at === 0 ? 1 : 0];
    let given = 0;
    const handler: FrameHandler = {
      frame(kind, channel, bytes, start, end) {
        given += 1;
        const frame = waiting.shift();
        assert.ok(frame !== undefined, 'F1: a frame that was not sent');
        assert.deepEqual({ kind, channel, size: end - start }, frame, 'F1: another frame');
        for (let i = 0; i < frame.size; i += 1) {
          if (bytes[start + i] !== content(frame, i)) assert.fail(`F1: byte ${i} of ${frame.size}`);
        }
        if (throws && given === 1) throw new Error('the handler failed');
      },
    };
    const link = this.pair.links[at];
    try {
      assert.equal(link.poll(handler, limit), given);
      assert.ok(given <= limit);
    } catch (thrown) {
      if (!(thrown instanceof Error) || thrown.message !== 'the handler failed') throw thrown;
    }
    this.#hadInput[at] = link.hasInput;
    if (link.closed === undefined && given === 0 && !throws) {
      assert.equal(link.hasInput, false, 'F3: polling makes hasInput false');
    }
    return given;
  }

  waiting(from: Side): number {
    return this.#waiting[from].length;
  }

  forget(from: Side): void {
    this.#waiting[from].length = 0;
  }

  /** Polls, flushes and moves until nothing happens any more. */
  settle(): void {
    for (let idle = 0; idle < 3; idle += 1) {
      for (const at of [0, 1] as const) {
        this.flush(at);
        while (this.pair.links[at].hasInput) {
          if (this.poll(at, 1000) > 0) idle = 0;
          if (this.pair.links[at].closed !== undefined) break;
        }
      }
      if (this.pair.move(1 << 20)) idle = 0;
      this.#checkWoken();
    }
  }

  /** F3. */
  #checkWoken(): void {
    for (const at of [0, 1] as const) {
      if (this.pair.woken(at)) this.#isWoken[at] = true;
      const peer = at === 0 ? 1 : 0;
      if (this.#unflushed[peer]) continue;
      const hasInput = this.pair.links[at].hasInput;
      if (hasInput && !this.#hadInput[at]) assert.ok(this.#isWoken[at], `F3: side ${at} sleeps on`);
      if (hasInput) this.#hadInput[at] = true;
      this.#isWoken[at] = false;
    }
  }
}

function content(frame: SentFrame, i: number): number {
  return (frame.channel + frame.size * 7 + i * 31 + (i >>> 8)) & 255;
}

/** Sends until control frames have to wait, too, for a peer that takes nothing. */
function fill(run: Run): void {
  while (run.send(0, 'data', 1000)) run.flush(0);
  for (let i = 0; i < 600; i += 1) run.send(0, 'control', 40);
  run.flush(0);
}

/** Declares the tests of the contract for one kind of link. */
export function linkContract(name: string, join: () => LinkPair): void {
  describe(`FrameLink over ${name}`, () => {
    it('F1, F2, F3: loses, doubles, reorders, tears nothing, and wakes whoever has to look', () => {
      let refused = 0;
      fc.assert(
        fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
          const run = new Run(join());
          for (const next of actions) run.act(next);
          run.settle();
          assert.equal(run.waiting(0) + run.waiting(1), 0, 'F1: everything has come');
          assert.equal(run.pair.links[0].closed, undefined);
          assert.equal(run.pair.links[1].closed, undefined);
          refused += run.refused;
        }),
        { seed: 41, numRuns: 300 },
      );
      assert.ok(refused > 0, 'data is refused now and then');
    });

    it('F4, F5: everything sent before the end arrives, then the end; both sides end', () => {
      fc.assert(
        fc.property(
          fc.array(action, { maxLength: 60 }),
          side,
          fc.boolean(),
          (actions, first, both) => {
            const run = new Run(join());
            for (const next of actions) run.act(next);
            const other = first === 0 ? 1 : 0;
            run.act({ kind: 'close', side: first });
            run.forget(other);
            if (both) {
              run.act({ kind: 'close', side: other });
              run.forget(first);
            } else {
              assert.equal(
                run.pair.links[other].closed === undefined || run.waiting(first) === 0,
                true,
              );
            }
            run.settle();
            assert.equal(run.waiting(first), 0, 'F5: what was sent before the end has come');
            assert.equal(run.pair.links[first].closed, 'this slot has ended');
            const seen = both ? 'this slot has ended' : 'the other slot has ended';
            assert.equal(run.pair.links[other].closed, seen);
            assert.equal(run.pair.links[other].hasInput, false);
          },
        ),
        { seed: 42, numRuns: 300 },
      );
    });

    it('F1, F4: after a death a prefix has come whole, then the end', () => {
      fc.assert(
        fc.property(fc.array(action, { maxLength: 60 }), side, (actions, dead) => {
          const run = new Run(join());
          for (const next of actions) run.act(next);
          const other = dead === 0 ? 1 : 0;
          run.pair.kill(dead);
          const link = run.pair.links[other];
          for (let i = 0; link.closed === undefined; i += 1) {
            assert.ok(i < 10_000, 'F4: the end is not seen');
            run.poll(other, 3);
            run.pair.move(1 << 20);
          }
          assert.match(link.closed, /died|lost/);
          assert.ok(run.pair.woken(other), 'F3: the death wakes');
          assert.equal(run.poll(other, 10), 0);
          assert.equal(link.hasInput, false);
        }),
        { seed: 43, numRuns: 300 },
      );
    });

    it('F2: a peer that takes nothing holds up data, never control, and gets all in order', () => {
      const run = new Run(join());
      let sent = 0;
      for (let i = 0; i < 3000; i += 1) {
        if (run.send(0, 'data', 1000)) sent += 1;
        if (i % 3 === 0) run.send(0, 'control', 300);
        if (i % 7 === 0) run.act({ kind: 'flush', side: 0 });
      }
      assert.ok(run.refused > 0 && sent > 0);
      run.settle();
      assert.equal(run.waiting(0), 0);
      assert.ok(run.send(0, 'data', 1000), 'there is room again');
    });

    it('F1: nothing passes control that waits for room, not even when there is room', () => {
      const run = new Run(join());
      fill(run);
      for (let i = 0; i < 50; i += 1) {
        run.poll(1, 40);
        run.pair.move(3000);
        run.send(0, 'data', 10);
        run.send(0, 'data', 0);
        run.send(0, 'control', 10);
      }
      run.settle();
      assert.equal(run.waiting(0), 0);
    });

    it('F5: what waits for room when a side closes still arrives', () => {
      const run = new Run(join());
      fill(run);
      run.act({ kind: 'close', side: 0 });
      run.settle();
      assert.equal(run.waiting(0), 0);
      assert.equal(run.pair.links[0].closed, 'this slot has ended');
      assert.equal(run.pair.links[1].closed, 'the other slot has ended');
    });

    it('F5: a side that closes does not wait for a peer that is dead', () => {
      const run = new Run(join());
      fill(run);
      run.act({ kind: 'close', side: 0 });
      run.pair.kill(1);
      for (let i = 0; run.pair.links[0].closed === undefined; i += 1) {
        assert.ok(i < 10, 'F5: it waits for ever');
        run.pair.move(1 << 20);
        if (run.pair.links[0].hasInput) run.poll(0, 1);
      }
      assert.equal(run.pair.links[0].hasInput, false);
    });

    it('F1: a backlog that stays while much goes through', () => {
      const run = new Run(join());
      for (let i = 0; i < 3000; i += 1) {
        assert.ok(run.send(0, 'data', 500 + (i % 700)));
        run.act({ kind: 'flush', side: 0 });
        run.pair.move(1 << 20);
        if (i > 20 + (i % 13)) run.poll(1, 1);
      }
      run.settle();
      assert.equal(run.waiting(0), 0);
    });

    it('F2: control without end for a peer that takes none is an error', () => {
      const run = new Run(join());
      assert.throws(() => {
        for (let i = 0; i < 4000; i += 1) {
          run.send(0, 'control', 10_000);
          run.flush(0);
        }
      }, /F2: control frames without end/);
    });
  });
}
