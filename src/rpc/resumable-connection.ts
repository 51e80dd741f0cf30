/**
 * A connection that outlives a short break of what carries it: both sides keep what the other has
 * not acknowledged, the dialler dials again, and what was lost on the way is sent once more. To its
 * owner it is one connection, which ends when it was closed in order or when the break lasts.
 *
 * On the carrier: DATA length bytes | ACK received | CLOSE | RESUMED received. `received` counts
 * bytes of DATA since the beginning.
 *
 * R1. Every byte that one side sends reaches the other's handler once and in order, or the
 *     connection ends for both.
 * R2. A side ends when its carrier has been gone for `grace`, whatever comes then; who is asked to
 *     resume what has ended refuses.
 * R3. Nothing of a carrier counts once another has taken its place.
 * R4. `closed` is called once, after all else.
 */
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { isEngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Clock, Connection, ConnectionHandler } from '../env/env.ts';
import { protocolError } from './handshake-frames.ts';

/** A break that lasts longer is the end, unless the options say otherwise. */
export const GRACE: Duration = milliseconds(100);
/** Between two attempts of the dialler. */
const REDIAL_PAUSE = milliseconds(10);
/** What is kept for the other side at most, beside what is on its way. */
const ACK_EVERY_BYTES = 16 * 1024;

const DATA = 1;
const ACK = 2;
const CLOSE = 3;
const RESUMED = 4;
const HEADER_BYTES: Readonly<Record<number, number>> = {
  [DATA]: 5,
  [ACK]: 9,
  [CLOSE]: 1,
  [RESUMED]: 9,
};

export interface ResumableOptions {
  readonly clock: Clock;
  readonly carrier: Connection;
  /**
   * The dialler's: a new carrier on which the other side has been asked to resume. Rejects with
   * RPC_REFUSED if it will not.
   */
  readonly redial?: ((received: number) => Promise<Connection>) | undefined;
  /** `GRACE` unless said otherwise. */
  readonly grace?: Duration | undefined;
  /** It has ended, for whatever reason. */
  readonly ended?: (() => void) | undefined;
}

interface Kept {
  /** Of its first byte in all that was sent. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

export class ResumableConnection implements Connection {
  readonly remote: string;
  readonly #options: ResumableOptions;
  /** Undefined during a break. */
  #carrier: Connection | undefined;
  /** Whether the carrier takes DATA: not before the dialler knows what the other side has. */
  #isReady = true;
  #handler: ConnectionHandler | undefined;
  #kept: Kept[] = [];
  #sent = 0;
  #received = 0;
  #acknowledged = 0;
  #grace: Disposable | undefined;
  #pause: Disposable | undefined;
  #state: 'open' | 'closing' | 'ended' = 'open';
  #header = new Uint8Array(9);
  #headerFilled = 0;
  /** Of the DATA that is being read. */
  #dataLeft = 0;

  constructor(options: ResumableOptions) {
    this.#options = options;
    this.#carrier = options.carrier;
    this.remote = options.carrier.remote;
  }

  /** R2. */
  get canResume(): boolean {
    return this.#state === 'open';
  }

  start(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#listen(this.#carrier!);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#state !== 'open') return false;
    if (bytes.length === 0) return true;
    const kept = { at: this.#sent, bytes };
    this.#kept.push(kept);
    this.#sent += bytes.length;
    return this.#isReady && this.#carrier !== undefined ? this.#sendData(bytes) : true;
  }

  close(): void {
    if (this.#state !== 'open') return;
    if (this.#carrier === undefined || !this.#isReady) {
      this.destroy();
      return;
    }
    this.#state = 'closing';
    this.#carrier.send(control(CLOSE));
    this.#carrier.close();
  }

  destroy(): void {
    if (this.#state === 'ended') return;
    this.#state = 'closing';
    if (this.#carrier === undefined) this.#end(undefined);
    else this.#carrier.destroy();
  }

  /** The other side has dialled again, and has received so much. To be called by the acceptor. */
  resume(carrier: Connection, received: number): void {
    const earlier = this.#carrier;
    this.#carrier = undefined;
    earlier?.destroy();
    this.#begin(carrier);
    carrier.send(control(RESUMED, this.#received));
    this.#acknowledged = this.#received;
    if (this.#forget(received)) this.#sendAgain();
    else carrier.destroy();
  }

  // -------------------------------------------------------------------------------- of carriers

  #begin(carrier: Connection): void {
    this.#grace?.[Symbol.dispose]();
    this.#grace = undefined;
    this.#carrier = carrier;
    this.#headerFilled = 0;
    this.#dataLeft = 0;
    this.#isReady = true;
    this.#listen(carrier);
  }

  /** R3. */
  #listen(carrier: Connection): void {
    const isCurrent = (): boolean => this.#carrier === carrier;
    carrier.start({
      data: (bytes) => {
        if (!isCurrent()) return;
        try {
          this.#data(bytes);
        } catch (thrown) {
          if (!isEngineError(thrown, 'RPC_PROTOCOL')) throw thrown;
          // The other side is not what it was.
          this.#state = 'closing';
          carrier.destroy();
        }
      },
      drained: () => {
        if (isCurrent()) this.#handler!.drained();
      },
      closed: (reason) => {
        if (isCurrent()) this.#lost(reason);
      },
    });
  }

  #lost(reason: string | undefined): void {
    this.#carrier = undefined;
    if (this.#state !== 'open') {
      this.#end(reason);
      return;
    }
    const { clock, grace = GRACE, redial } = this.#options;
    const text = reason ?? 'the other side closed the connection';
    this.#grace = clock.after(grace, () =>
      this.#end(`${text}, and for ${grace} ms it did not come back`),
    );
    if (redial !== undefined) this.#redial(redial, text);
  }

  #redial(redial: NonNullable<ResumableOptions['redial']>, reason: string): void {
    const again = (): void => {
      this.#pause = this.#options.clock.after(REDIAL_PAUSE, () => this.#redial(redial, reason));
    };
    redial(this.#received).then(
      (carrier) => {
        if (this.#state !== 'open') {
          carrier.destroy();
          return;
        }
        this.#begin(carrier);
        this.#isReady = false;
        this.#acknowledged = this.#received;
      },
      (thrown: unknown) => {
        if (this.#state !== 'open') return;
        if (isEngineError(thrown, 'RPC_REFUSED')) this.#end(reason);
        else again();
      },
    );
  }

  /** R4. */
  #end(reason: string | undefined): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#grace?.[Symbol.dispose]();
    this.#pause?.[Symbol.dispose]();
    this.#kept = [];
    this.#options.ended?.();
    // Never inside a call of the owner.
    this.#options.clock.soon(() => this.#handler?.closed(reason));
  }

  // ------------------------------------------------------------------------------------ of bytes

  #data(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#dataLeft > 0) {
        const piece = bytes.subarray(at, at + this.#dataLeft);
        at += piece.length;
        this.#dataLeft -= piece.length;
        this.#received += piece.length;
        this.#handler!.data(piece);
        continue;
      }
      this.#header[this.#headerFilled++] = bytes[at++]!;
      const length = HEADER_BYTES[this.#header[0]!];
      if (length === undefined) throw protocolError('a frame of an unknown kind');
      if (this.#headerFilled < length) continue;
      this.#headerFilled = 0;
      this.#control(this.#header.subarray(0, length));
    }
    if (this.#received - this.#acknowledged < ACK_EVERY_BYTES) return;
    this.#acknowledged = this.#received;
    this.#carrier?.send(control(ACK, this.#received));
  }

  #control(header: Uint8Array): void {
    const reader = new ByteReader(header);
    const kind = reader.uint8();
    if (kind === DATA) {
      this.#dataLeft = reader.uint32();
      return;
    }
    if (kind === CLOSE) {
      this.#state = 'closing';
      return;
    }
    if (!this.#forget(reader.float64()))
      throw protocolError('an acknowledgement of what was not sent');
    if (kind !== RESUMED) return;
    if (this.#isReady) throw protocolError('it resumes what was not broken');
    this.#isReady = true;
    this.#sendAgain();
  }

  /** What the other side has is not kept any more. False if it cannot have that. */
  #forget(received: number): boolean {
    const first = this.#kept[0]?.at ?? this.#sent;
    if (!(received >= first && received <= this.#sent)) return false;
    let count = 0;
    while (count < this.#kept.length) {
      const { at, bytes } = this.#kept[count]!;
      if (at + bytes.length > received) break;
      count++;
    }
    this.#kept.splice(0, count);
    const part = this.#kept[0];
    if (part !== undefined && part.at < received) {
      this.#kept[0] = { at: received, bytes: part.bytes.subarray(received - part.at) };
    }
    return true;
  }

  /** R1. */
  #sendAgain(): void {
    for (const { bytes } of this.#kept) this.#sendData(bytes);
  }

  #sendData(bytes: Uint8Array): boolean {
    const out = new ByteWriter(8);
    out.uint8(DATA);
    out.uint32(bytes.length);
    this.#carrier!.send(out.copy());
    return this.#carrier!.send(bytes);
  }
}

function control(kind: number, received?: number): Uint8Array {
  const out = new ByteWriter(16);
  out.uint8(kind);
  if (received !== undefined) out.float64(received);
  return out.copy();
}
