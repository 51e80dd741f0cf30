/**
 * How two processes meet, without anything that moves bytes: what each side sends, what it expects,
 * and when they have met or not. They agree on a version, and where there is a key each shows the
 * other that it has it, without showing it.
 *
 *   dialler                              acceptor
 *   hello: versions, nonce, context  ->
 *                                    <-  answer: versions, nonce, context, chosen version
 *                                    <-  proof of the acceptor
 *   proof of the dialler             ->
 *                                    <-  welcome
 *
 * A proof is HMAC-SHA256 under the key over who gives it, the whole hello and the whole answer.
 * Without a key both proofs are left out.
 *
 * H1. With a key nothing is accepted before the other side's proof was found good: of the other
 *     role (no reflection), over both nonces (no replay), over all that both have said (nobody in
 *     between has lowered a version or taken the authentication away).
 * H2. The dialler gives its proof only to an acceptor that has given one.
 * H3. A side with a key and a side without do not meet.
 * H4. The key itself, and a hash of it alone, are never sent.
 */
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError } from '../base/errors.ts';
import type { Cryptography } from '../env/env.ts';
import {
  answerFrame,
  helloFrame,
  parseHandshakeFrame,
  proofFrame,
  protocolError,
  refusalFrame,
  welcomeFrame,
} from './handshake-frames.ts';
import type {
  HandshakeFrame,
  Introduction,
  Refusal,
  RefusalCode,
  VersionRange,
} from './handshake-frames.ts';

/** The other side, once it is known. */
export interface Peer {
  readonly name: string;
  /** Of the protocol, for this connection. */
  readonly version: number;
  readonly context: Uint8Array;
}

export interface HandshakeOptions {
  readonly cryptography: Cryptography;
  /** Undefined: anybody may come. */
  readonly key: Uint8Array | undefined;
  readonly purpose: string;
  readonly versions: VersionRange;
  /** Fresh for every connection, from the source of secrets. */
  readonly nonce: Uint8Array;
  readonly name: string;
  readonly context?: Uint8Array | undefined;
  /**
   * Asked by the acceptor about who has shown the key: why it is refused all the same, if it is.
   */
  readonly admit?: ((context: Uint8Array) => string | undefined) | undefined;
  /** `host:port` of the other side, for messages. */
  readonly remote: string;
}

/** What comes of a frame: what is to be sent, and whether it is over. */
export interface Step {
  readonly send: readonly Uint8Array[];
  readonly end?:
    | { readonly kind: 'met'; readonly peer: Peer }
    | { readonly kind: 'refused'; readonly error: EngineError };
}

export interface Handshake {
  /** What this side opens with. */
  begin(): Step;
  /**
   * @param content of a frame of the other side
   * @throws EngineError RPC_PROTOCOL or DATA_CORRUPT
   */
  receive(content: Uint8Array): Step;
}

const EMPTY = new Uint8Array(0);

export class DiallerHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  readonly #hello: Uint8Array;
  #expects: 'answer' | 'proof' | 'welcome' = 'answer';
  #answer: Uint8Array = EMPTY;
  #peer: Peer | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#hello = helloFrame(introduce(options));
  }

  begin(): Step {
    return { send: [this.#hello] };
  }

  receive(content: Uint8Array): Step {
    const frame = parseHandshakeFrame(content);
    if (frame.kind === 'refusal') return refusedBy(this.#options, frame.refusal);
    if (frame.kind !== this.#expects) throw unexpected(frame);
    switch (frame.kind) {
      case 'answer':
        this.#answer = content.slice();
        return this.#answered(frame.introduction, frame.version);
      case 'proof':
        return this.#proven(frame.proof);
      case 'welcome':
        return { send: [], end: { kind: 'met', peer: this.#peer! } };
    }
  }

  #answered(introduction: Introduction, version: number): Step {
    const { key, versions } = this.#options;
    const code = disagreement(this.#options, introduction);
    if (code !== undefined) return refuse(this.#options, code, introduction.versions);
    if (version < versions.least || version > versions.greatest) {
      throw protocolError(`it chose version ${version}, which this side does not speak`);
    }
    this.#peer = { name: introduction.name, version, context: introduction.context };
    this.#expects = key === undefined ? 'welcome' : 'proof';
    return { send: [] };
  }

  /** H2. */
  #proven(proof: Uint8Array): Step {
    const { cryptography } = this.#options;
    const prove = (role: Role): Uint8Array =>
      proofOf(this.#options, role, contentOf(this.#hello), this.#answer);
    if (!cryptography.equal(proof, prove('acceptor'))) return refuse(this.#options, 'proof');
    this.#expects = 'welcome';
    return { send: [proofFrame(prove('dialler'))] };
  }
}

export class AcceptorHandshake implements Handshake {
  readonly #options: HandshakeOptions;
  #expects: 'hello' | 'proof' = 'hello';
  #hello: Uint8Array = EMPTY;
  #answer: Uint8Array = EMPTY;
  #peer: Peer | undefined;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  begin(): Step {
    return { send: [] };
  }

  receive(content: Uint8Array): Step {
    const frame = parseHandshakeFrame(content);
    if (frame.kind === 'refusal') return refusedBy(this.#options, frame.refusal);
    if (frame.kind !== this.#expects) throw unexpected(frame);
    if (frame.kind === 'proof') return this.#proven(frame.proof);
    this.#hello = content.slice();
    return this.#greeted(frame.introduction);
  }

  #greeted(introduction: Introduction): Step {
    const code = disagreement(this.#options, introduction);
    if (code !== undefined) return refuse(this.#options, code, introduction.versions);
    const { key, versions } = this.#options;
    const version = Math.min(versions.greatest, introduction.versions.greatest);
    this.#peer = { name: introduction.name, version, context: introduction.context };
    this.#answer = answerFrame(introduce(this.#options), version);
    if (key === undefined) return this.#admit([this.#answer]);
    this.#expects = 'proof';
    return { send: [this.#answer, proofFrame(this.#prove('acceptor'))] };
  }

  /** H1. */
  #proven(proof: Uint8Array): Step {
    if (!this.#options.cryptography.equal(proof, this.#prove('dialler'))) {
      return refuse(this.#options, 'proof');
    }
    return this.#admit([]);
  }

  #prove(role: Role): Uint8Array {
    return proofOf(this.#options, role, this.#hello, contentOf(this.#answer));
  }

  #admit(send: readonly Uint8Array[]): Step {
    const peer = this.#peer!;
    const reason = this.#options.admit?.(peer.context);
    if (reason !== undefined) return refuse(this.#options, 'context', undefined, reason);
    return { send: [...send, welcomeFrame()], end: { kind: 'met', peer } };
  }
}

type Role = 'dialler' | 'acceptor';

/** Hello and answer are given without the lengths before them. */
function proofOf(
  { cryptography, key }: HandshakeOptions,
  role: Role,
  hello: Uint8Array,
  answer: Uint8Array,
): Uint8Array {
  const message = new ByteWriter();
  message.string(`millrace handshake, proof of the ${role}`);
  message.lengthPrefixed(hello);
  message.lengthPrefixed(answer);
  return cryptography.hmacSha256(key!, message.written());
}

/** The frame without its length. */
function contentOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(4);
}

function introduce(options: HandshakeOptions): Introduction {
  const { key, context = EMPTY } = options;
  return { ...options, authenticates: key !== undefined, context };
}

/** Why the two sides cannot meet, whatever they know. */
function disagreement(
  { purpose, versions, key }: HandshakeOptions,
  theirs: Introduction,
): RefusalCode | undefined {
  if (theirs.purpose !== purpose) return 'purpose';
  const isBelow = theirs.versions.greatest < versions.least;
  if (isBelow || theirs.versions.least > versions.greatest) return 'version';
  if (theirs.authenticates === (key !== undefined)) return undefined;
  return key === undefined ? 'key-unexpected' : 'key-required';
}

function refuse(
  options: HandshakeOptions,
  code: RefusalCode,
  theirs: VersionRange = options.versions,
  reason: string = '',
): Step {
  const { versions, remote } = options;
  const words = {
    purpose: 'it is for something else than this port is',
    version: '',
    'key-required': 'it did not authenticate itself, and here everybody has to',
    'key-unexpected': 'it wants authentication, and this process was given no secret',
    proof: 'its secret is another one',
    context: reason,
  }[code];
  return {
    send: [refusalFrame({ code, versions, reason })],
    end: { kind: 'refused', error: errorOf(code, { remote, ours: versions, theirs, words }) },
  };
}

function refusedBy({ versions, remote }: HandshakeOptions, refusal: Refusal): Step {
  const { code, versions: theirs, reason } = refusal;
  const words = {
    purpose: 'that port is for something else',
    version: '',
    'key-required': 'there everybody has to authenticate himself, and this process has no secret',
    'key-unexpected': 'it was given no secret, and this process was',
    proof: 'its secret is another one',
    context: reason,
  }[code];
  return {
    send: [],
    end: { kind: 'refused', error: errorOf(code, { remote, ours: versions, theirs, words }) },
  };
}

interface Disagreement {
  readonly remote: string;
  readonly ours: VersionRange;
  readonly theirs: VersionRange;
  readonly words: string;
}

function errorOf(code: RefusalCode, { remote, ours, theirs, words }: Disagreement): EngineError {
  switch (code) {
    case 'version':
      return new EngineError('RPC_VERSION_MISMATCH', {
        peer: remote,
        theirs: inWords(theirs),
        ours: inWords(ours),
      });
    case 'purpose':
    case 'context':
      return new EngineError('RPC_REFUSED', { peer: remote, reason: words });
    case 'key-required':
    case 'key-unexpected':
    case 'proof':
      return new EngineError('RPC_SECRET_MISMATCH', { peer: remote, reason: words });
  }
}

function inWords({ least, greatest }: VersionRange): string {
  return least === greatest ? `version ${least}` : `versions ${least} to ${greatest}`;
}

function unexpected({ kind }: HandshakeFrame): EngineError {
  return protocolError(`a frame of kind "${kind}" out of turn`);
}
