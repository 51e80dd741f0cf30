/** The handshake alone, with somebody in between who may change, keep and send anything again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simCryptography } from '../../sim/cryptography.ts';
import { isEngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';
import { AcceptorHandshake, DiallerHandshake } from './handshake.ts';
import type { Handshake, HandshakeOptions, Step } from './handshake.ts';
import { answerFrame, helloFrame, proofFrame, refusalFrame } from './handshake-frames.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, i) => 200 - i);
const OTHER_KEY = KEY.map((byte) => byte ^ 1);
let nonces = 0;

function options(more: Partial<HandshakeOptions> = {}): HandshakeOptions {
  nonces += 1;
  const nonce = new Uint8Array(32).fill(nonces & 0xff);
  nonce[0] = nonces >> 8;
  return {
    ...{ cryptography: simCryptography, key: KEY, purpose: 'rpc', nonce, remote: 'there:1' },
    ...{ versions: { least: 1, greatest: 1 }, name: 'somebody' },
    ...more,
  };
}

/** One frame on its way: from whom, and the bytes of it without the length. */
type Meddler = (from: 'dialler' | 'acceptor', content: Uint8Array) => readonly Uint8Array[];

interface Outcome {
  readonly dialler: Step['end'] | undefined;
  readonly acceptor: Step['end'] | undefined;
  readonly error: unknown;
  /** All frames that were sent, in order. */
  readonly sent: readonly Uint8Array[];
}

const faithful: Meddler = (_from, content) => [content];

function meet(dialler: Handshake, acceptor: Handshake, meddler: Meddler = faithful): Outcome {
  const sides = { dialler, acceptor };
  const ends: { dialler: Step['end'] | undefined; acceptor: Step['end'] | undefined } = {
    dialler: undefined,
    acceptor: undefined,
  };
  const sent: Uint8Array[] = [];
  const way: (readonly ['dialler' | 'acceptor', Uint8Array])[] = [];
  const take = (by: 'dialler' | 'acceptor', step: Step): void => {
    ends[by] ??= step.end;
    for (const bytes of step.send) way.push([by, bytes.subarray(4)]);
  };
  let error: unknown;
  take('dialler', dialler.begin());
  take('acceptor', acceptor.begin());
  for (let next = way.shift(); next !== undefined; next = way.shift()) {
    const [from, content] = next;
    sent.push(content);
    const to = from === 'dialler' ? 'acceptor' : 'dialler';
    for (const changed of meddler(from, content)) {
      if (ends[to] !== undefined) continue;
      try {
        take(to, sides[to].receive(changed));
      } catch (thrown) {
        error ??= thrown;
        ends[to] = { kind: 'refused', error: thrown as never };
      }
    }
  }
  return { ...ends, error, sent };
}

function assertMet(outcome: Outcome): void {
  assert.deepEqual([outcome.dialler?.kind, outcome.acceptor?.kind], ['met', 'met']);
}

function assertRefused(end: Step['end'], code: ErrorCode, message: RegExp): void {
  assert.ok(end?.kind === 'refused', String(end?.kind));
  assert.ok(isEngineError(end.error, code), end.error.message);
  assert.match(end.error.message, message);
}

test('both meet, with a key and without, and know name, context and version', () => {
  for (const key of [KEY, undefined]) {
    const context = Uint8Array.of(1, 2, 3);
    const outcome = meet(
      new DiallerHandshake(options({ key, name: 'tm\n1', context })),
      new AcceptorHandshake(options({ key, name: 'jm' })),
    );
    assertMet(outcome);
    assert.ok(outcome.dialler?.kind === 'met' && outcome.acceptor?.kind === 'met');
    assert.equal(outcome.dialler.peer.name, 'jm');
    assert.equal(outcome.acceptor.peer.name, 'tm?1', 'names end up in logs');
    assert.deepEqual(outcome.acceptor.peer.context, context);
    assert.equal(outcome.sent.length, key === undefined ? 3 : 5);
  }
});

test('they take the greatest version that both speak, and say so on both sides if there is none', () => {
  const table = [
    [1, 1, 1, 1, 1],
    [1, 3, 2, 5, 3],
    [2, 9, 1, 4, 4],
    [1, 2, 3, 4, undefined],
    [7, 7, 1, 6, undefined],
  ] as const;
  for (const [a, b, c, d, expected] of table) {
    const outcome = meet(
      new DiallerHandshake(options({ versions: { least: a, greatest: b } })),
      new AcceptorHandshake(options({ versions: { least: c, greatest: d } })),
    );
    if (expected === undefined) {
      const [ours, theirs] = [`versions? ${a}.*`, `versions? ${c}.*`];
      assertRefused(outcome.dialler, 'RPC_VERSION_MISMATCH', RegExp(`${theirs}, .*${ours}`));
      assertRefused(outcome.acceptor, 'RPC_VERSION_MISMATCH', RegExp(`${ours}, .*${theirs}`));
    } else {
      assert.ok(outcome.dialler?.kind === 'met' && outcome.acceptor?.kind === 'met');
      assert.equal(outcome.dialler.peer.version, expected);
      assert.equal(outcome.acceptor.peer.version, expected);
    }
  }
});

test('H3: another key, and a key on one side only, are refused with the reason on both sides', () => {
  const cases = [
    [KEY, OTHER_KEY, /its secret is another one/, /its secret is another one/],
    [KEY, undefined, /was given no secret/, /it wants authentication/],
    [undefined, KEY, /this process has no secret/, /did not authenticate itself/],
  ] as const;
  for (const [ours, theirs, atDialler, atAcceptor] of cases) {
    const outcome = meet(
      new DiallerHandshake(options({ key: ours })),
      new AcceptorHandshake(options({ key: theirs })),
    );
    assertRefused(outcome.dialler, 'RPC_SECRET_MISMATCH', atDialler);
    assertRefused(outcome.acceptor, 'RPC_SECRET_MISMATCH', atAcceptor);
  }
});

test('another purpose is refused, and so is who is not admitted, but only after its proof', () => {
  const other = meet(
    new DiallerHandshake(options({ purpose: 'data' })),
    new AcceptorHandshake(options()),
  );
  assertRefused(other.dialler, 'RPC_REFUSED', /that port is for something else/);
  const admit = (context: Uint8Array): string => `place ${context[0]} is taken`;
  const context = Uint8Array.of(7);
  const unwanted = meet(
    new DiallerHandshake(options({ context })),
    new AcceptorHandshake(options({ admit })),
  );
  assertRefused(unwanted.dialler, 'RPC_REFUSED', /place 7 is taken/);
  const stranger = meet(
    new DiallerHandshake(options({ context, key: OTHER_KEY })),
    new AcceptorHandshake(options({ admit: () => assert.fail('asked about a stranger') })),
  );
  assertRefused(stranger.dialler, 'RPC_SECRET_MISMATCH', /another one/);
});

test('H1: with any bit of any frame changed they do not meet', () => {
  const versions = { least: 1, greatest: 3 };
  const run = (meddler: Meddler): Outcome =>
    meet(
      new DiallerHandshake(options({ versions })),
      new AcceptorHandshake(options({ versions })),
      meddler,
    );
  const untouched = run(faithful);
  assertMet(untouched);
  assert.equal(untouched.sent.length, 5);
  for (const [frame, { length }] of untouched.sent.entries()) {
    for (let bit = 0; bit < length * 8; bit++) {
      let at = -1;
      const outcome = run((_from, content) => {
        at += 1;
        if (at !== frame) return [content];
        const changed = content.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        return [changed];
      });
      const what = `frame ${frame}, bit ${bit}`;
      assert.notEqual(outcome.dialler?.kind, 'met', what);
      // The acceptor is through before its welcome is on the way.
      if (frame < 4) assert.notEqual(outcome.acceptor?.kind, 'met', what);
    }
  }
});

test('H1: somebody in between cannot take the authentication away', () => {
  const plain = (from: string, content: Uint8Array): readonly Uint8Array[] => {
    if (from !== 'dialler') return [content];
    const { key: _key, ...rest } = options();
    return [helloFrame({ ...rest, authenticates: false, context: new Uint8Array(0) }).subarray(4)];
  };
  const outcome = meet(
    new DiallerHandshake(options()),
    new AcceptorHandshake(options({ key: undefined })),
    plain,
  );
  assertRefused(outcome.dialler, 'RPC_SECRET_MISMATCH', /did not authenticate itself/);
});

test('H1: what was sent once is worth nothing the next time', () => {
  const recorded: Uint8Array[] = [];
  const record: Meddler = (from, content) => {
    if (from === 'dialler') recorded.push(content.slice());
    return [content];
  };
  assertMet(meet(new DiallerHandshake(options()), new AcceptorHandshake(options()), record));
  const acceptor = new AcceptorHandshake(options());
  assert.equal(acceptor.receive(recorded[0]!).end, undefined);
  assertRefused(acceptor.receive(recorded[1]!).end, 'RPC_SECRET_MISMATCH', /another one/);
});

test("H1: an acceptor's own proof is none of a dialler, and its challenge is no use elsewhere", () => {
  const hello = new DiallerHandshake(options({ key: OTHER_KEY })).begin().send[0]!.subarray(4);
  const first = new AcceptorHandshake(options());
  const [, proof] = first.receive(hello).send;
  assertRefused(first.receive(proof!.subarray(4)).end, 'RPC_SECRET_MISMATCH', /another one/);
  // The nonce of an acceptor given to it again as that of a dialler: its proof is that of an
  // acceptor still.
  const challenged = options();
  const mirrored = new DiallerHandshake(options({ key: OTHER_KEY, nonce: challenged.nonce }));
  const second = new AcceptorHandshake(challenged);
  const other = new AcceptorHandshake(options());
  const answer = other.receive(mirrored.begin().send[0]!.subarray(4)).send[1]!;
  second.receive(hello);
  assertRefused(second.receive(answer.subarray(4)).end, 'RPC_SECRET_MISMATCH', /another one/);
});

test('H2: a dialler gives no proof to an acceptor that has given none', () => {
  const { nonce } = options();
  const introduction = { ...options(), nonce, authenticates: true, context: new Uint8Array(0) };
  const dialler = new DiallerHandshake(options());
  dialler.begin();
  assert.deepEqual(dialler.receive(answerFrame(introduction, 1).subarray(4)).send, []);
  const { send, end } = dialler.receive(proofFrame(new Uint8Array(32)).subarray(4));
  assertRefused(end, 'RPC_SECRET_MISMATCH', /another one/);
  assert.equal(send.length, 1);
  assert.ok(send[0]!.length < 20, 'a refusal, without a proof in it');
  const early = new DiallerHandshake(options());
  early.begin();
  assert.throws(() => early.receive(Uint8Array.of(3)), /"welcome" out of turn/);
});

test('H4: no frame holds the key', () => {
  const { sent } = meet(new DiallerHandshake(options()), new AcceptorHandshake(options()));
  for (const content of sent) assert.equal(Buffer.from(content).indexOf(KEY.subarray(0, 8)), -1);
});

test('a version that was not offered, and what is no frame of a handshake, break the protocol', () => {
  const introduction = { ...options(), authenticates: true, context: new Uint8Array(0) };
  const dialler = new DiallerHandshake(options());
  assert.throws(() => dialler.receive(answerFrame(introduction, 2).subarray(4)), /chose version 2/);
  const acceptor = new AcceptorHandshake(options());
  const strange = Uint8Array.of(0, 1, 2, 3, 4, 5);
  assert.throws(() => acceptor.receive(strange), /not a Millrace process/);
  assert.throws(() => acceptor.receive(Uint8Array.of(77)), /does not open with a handshake/);
  const refusal = refusalFrame({
    code: 'context',
    versions: { least: 1, greatest: 1 },
    reason: 'x\u001b[2J\n'.repeat(100),
  });
  const { end } = new DiallerHandshake(options()).receive(refusal.subarray(4));
  assertRefused(end, 'RPC_REFUSED', /^there:1 refused the connection: [x?[2J]{200}\.$/);
});
