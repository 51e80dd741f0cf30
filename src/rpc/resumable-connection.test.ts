// Two ends of a connection over carriers that the test delivers, cuts and replaces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { cases } from '../base/cases.test-kit.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds, type Duration } from '../base/units.ts';
import type { Connection, ConnectionHandler } from '../env/env.ts';
import { ManualClock } from './manual-clock.test-kit.ts';
import { GRACE, ResumableConnection } from './resumable-connection.ts';

/** One end of a wire. What it sends waits until the wire delivers it. */
class End implements Connection {
  readonly remote = 'peer:1';
  handler: ConnectionHandler | undefined;
  other!: End;
  queue: number[] = [];
  gone = false;

  start(handler: ConnectionHandler): void {
    this.handler = handler;
  }

  send(bytes: Uint8Array): boolean {
    if (this.gone) return false;
    this.queue.push(...bytes);
    return true;
  }

  /** All that is queued arrives, and then the end of it. */
  close(): void {
    this.deliver(Infinity);
    this.fall(undefined);
    this.other.fall(undefined);
  }

  destroy(): void {
    this.cut();
  }

  deliver(count: number): void {
    const bytes = this.queue.splice(0, count);
    if (bytes.length > 0 && !this.other.gone) this.other.handler?.data(Uint8Array.from(bytes));
  }

  cut(): void {
    this.fall('cut');
    this.other.fall('cut');
  }

  fall(reason: string | undefined): void {
    if (this.gone) return;
    this.gone = true;
    this.handler?.closed(reason);
  }
}

function wire(): readonly [End, End] {
  const [one, other] = [new End(), new End()];
  one.other = other;
  other.other = one;
  return [one, other];
}

class Party {
  readonly sent: number[] = [];
  readonly got: number[] = [];
  readonly ends: (string | undefined)[] = [];
  connection!: ResumableConnection;
  #next = 0;

  begin(connection: ResumableConnection): void {
    this.connection = connection;
    connection.start({
      data: (bytes) => void this.got.push(...bytes),
      drained: () => undefined,
      closed: (reason) => void this.ends.push(reason),
    });
  }

  send(count: number): void {
    const bytes = Uint8Array.from({ length: count }, () => this.#next++ % 251);
    this.sent.push(...bytes);
    this.connection.send(bytes);
  }
}

interface Dial {
  readonly received: number;
  readonly answer: PromiseWithResolvers<Connection>;
}

class Rig {
  readonly clock = new ManualClock();
  readonly dialler = new Party();
  readonly acceptor = new Party();
  /** The dialler's end of the present carrier. */
  carrier: End;
  readonly dials: Dial[] = [];

  constructor(grace?: Duration) {
    const [near, far] = wire();
    this.carrier = near;
    this.dialler.begin(
      new ResumableConnection({
        ...{ clock: this.clock, carrier: near, grace },
        redial: (received) => {
          const answer = Promise.withResolvers<Connection>();
          this.dials.push({ received, answer });
          return answer.promise;
        },
      }),
    );
    this.acceptor.begin(new ResumableConnection({ clock: this.clock, carrier: far, grace }));
  }

  deliver(count: number): void {
    this.carrier.deliver(count);
    this.carrier.other.deliver(count);
  }

  /** The acceptor is reached again, if the dialler asks for it. */
  async reconnect(): Promise<void> {
    const dial = this.dials.shift();
    if (dial === undefined) return;
    if (!this.acceptor.connection.canResume) {
      const reason = 'there is no such session any more';
      dial.answer.reject(new EngineError('RPC_REFUSED', { peer: 'a', reason }));
    } else {
      const [near, far] = wire();
      this.acceptor.connection.resume(far, dial.received);
      this.carrier = near;
      dial.answer.resolve(near);
    }
    await this.clock.pass();
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 20; i++) {
      this.deliver(Infinity);
      await this.clock.pass();
    }
  }
}

test('R1: nothing is lost, doubled or moved by breaks that are healed in time', async () => {
  const action = fc.tuple(
    fc.constantFrom(
      'near' as const,
      'far' as const,
      'deliver' as const,
      'cut' as const,
      'half' as const,
    ),
    fc.integer({ min: 1, max: 6_000 }),
  );
  let breaks = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 40 }), async (actions) => {
      const rig = new Rig();
      for (const [what, count] of actions) {
        if (what === 'near') rig.dialler.send(count);
        else if (what === 'far') rig.acceptor.send(count);
        else if (what === 'deliver') rig.deliver(count);
        else {
          // In a half break only the dialler has noticed.
          if (what === 'cut') rig.carrier.cut();
          else rig.carrier.fall('cut');
          breaks++;
          rig.dialler.send(count % 7);
          rig.acceptor.send(count % 5);
          await rig.clock.pass(GRACE / 2);
          await rig.reconnect();
        }
      }
      await rig.settle();
      assert.deepEqual(rig.acceptor.got, rig.dialler.sent);
      assert.deepEqual(rig.dialler.got, rig.acceptor.sent);
      assert.deepEqual([...rig.dialler.ends, ...rig.acceptor.ends], []);
    }),
    { numRuns: cases(100), seed: 7 },
  );
  assert.ok(breaks > 100, String(breaks));
});

test('R2: a break that lasts ends both sides, and who comes later is refused', async () => {
  const rig = new Rig();
  rig.dialler.send(10);
  await rig.settle();
  rig.carrier.cut();
  await rig.clock.pass(GRACE - 1);
  assert.deepEqual([rig.dialler.ends.length, rig.acceptor.ends.length], [0, 0]);
  await rig.clock.pass(2);
  assert.match(rig.acceptor.ends[0]!, /cut, and for 100 ms it did not come back/);
  assert.equal(rig.dialler.ends.length, 1);
  assert.equal(rig.acceptor.connection.canResume, false);
  assert.equal(rig.clock.armed, 0, 'no timer is left');
});

test('R2: how long a break may last is an option', async () => {
  const rig = new Rig(milliseconds(500));
  rig.carrier.cut();
  await rig.clock.pass(499);
  assert.deepEqual([rig.dialler.ends.length, rig.acceptor.ends.length], [0, 0]);
  await rig.clock.pass(2);
  assert.match(rig.acceptor.ends[0]!, /cut, and for 500 ms it did not come back/);
});

test('R2: an acceptor that is another process now ends the dialler at once', async () => {
  const rig = new Rig();
  rig.carrier.cut();
  await rig.clock.pass(1);
  rig.dials.shift()!.answer.reject(new EngineError('RPC_REFUSED', { peer: 'a', reason: 'x' }));
  await rig.clock.pass(1);
  assert.deepEqual(rig.dialler.ends, ['cut']);
});

test('R2: a dialler that is answered too late lets go of the carrier', async () => {
  const rig = new Rig();
  rig.carrier.cut();
  await rig.clock.pass(GRACE + 1);
  const [near, far] = wire();
  rig.dials.shift()!.answer.resolve(near);
  await rig.clock.pass(1);
  assert.ok(far.gone);
  assert.equal(rig.dialler.ends.length, 1);
});

test('who dials in vain dials again', async () => {
  const rig = new Rig();
  rig.dialler.send(100);
  rig.carrier.cut();
  for (let i = 0; i < 3; i++) {
    const failure = { operation: 'connect to', address: 'a:1', reason: 'nobody listens there' };
    rig.dials.shift()!.answer.reject(new EngineError('NETWORK_FAILED', failure));
    await rig.clock.pass(11);
  }
  await rig.reconnect();
  await rig.settle();
  assert.deepEqual(rig.acceptor.got, rig.dialler.sent);
});

test('an orderly end is one at once, on both sides, and delivers what was sent before', async () => {
  const rig = new Rig();
  rig.dialler.send(500);
  rig.dialler.connection.close();
  await rig.clock.pass();
  assert.equal(rig.acceptor.got.length, 500);
  assert.deepEqual([rig.dialler.ends, rig.acceptor.ends], [[undefined], [undefined]]);
  assert.equal(rig.clock.armed, 0);
});

test('R4: who is closed during a break has ended', async () => {
  const rig = new Rig();
  rig.carrier.cut();
  rig.dialler.connection.close();
  assert.deepEqual(rig.dialler.ends, [], 'never inside the call');
  await rig.clock.pass();
  assert.deepEqual(rig.dialler.ends, [undefined]);
  assert.equal(rig.dialler.connection.send(new Uint8Array(1)), false);
});

test('R1: who claims what was not sent is sent away', async () => {
  for (const received of [11, -1, Number.NaN, 1e300]) {
    const rig = new Rig();
    rig.acceptor.send(10);
    rig.carrier.cut();
    const [near, far] = wire();
    rig.acceptor.connection.resume(far, received);
    await rig.clock.pass(1);
    assert.ok(near.gone, String(received));
  }
});

test('what has arrived is not kept', async () => {
  const rig = new Rig();
  for (let i = 0; i < 100; i++) {
    rig.dialler.send(10_000);
    rig.deliver(Infinity);
  }
  await rig.settle();
  rig.carrier.cut();
  await rig.reconnect();
  const again = rig.carrier.other.queue.length + rig.carrier.queue.length;
  assert.ok(again < 20_000, `${again} bytes were sent again`);
});
