/**
 * A FrameLink over a connection, between slots of two processes. A frame is an 8-byte header
 * (length and kind in one word, then the channel) and its payload. Who opens the connection says
 * who it is in a frame of the layer above; the last frame says goodbye, because the end of a
 * connection alone does not tell an orderly end from a death.
 *
 * Invariants (besides those of FrameLink)
 * J1. A length is checked before anything is allocated for it.
 * J2. While the connection is above its high-water mark data is refused; control is sent, within a
 *     bound.
 * J3. Bytes after an incomplete frame wait for the rest; none is given out twice, even if a handler
 *     throws.
 * J4. Bytes handed to the connection are not touched again; bytes of the connection not after its
 *     call.
 */
import { assert } from '../base/assert.ts';
import type { Connection } from '../env/env.ts';
import { FRAME_PAYLOAD_BYTES_MAX } from './channel-frames.ts';
import { CONTROL_WAITING_BYTES_MAX } from './frame-link.ts';
import type { FrameHandler, FrameLink } from './frame-link.ts';

const HEADER_BYTES = 8;
/** The last frame of a side that has ended in order. */
const GOODBYE_KIND = 255;
/** Sent without waiting for a flush. */
const CHUNK_BYTES = 64 * 1024;
/** Memory for chunks, taken piece by piece: what was sent belongs to the connection. */
const SLAB_BYTES = 2 * CHUNK_BYTES;
/** Kept for input between polls; more goes back when it is empty. */
const INPUT_BYTES = 64 * 1024;
const INPUT_KEPT_BYTES_MAX = 1024 * 1024;
/** Input that nobody polls: credit bounds it, so more is a peer that does not keep to it. */
const INPUT_BYTES_MAX = 256 * 1024 * 1024;

const NOTHING = new Uint8Array(0);

/**
 * @example
 * const link = new ConnectionLink(await env.network.connect(host, port), () => loop.wake());
 * link.send(GREETING, 0, greeting, 'control');
 * link.flush();
 */
export class ConnectionLink implements FrameLink {
  readonly #connection: Connection;
  readonly #wake: () => void;
  /** `#slab[#sent, #filled)` waits for the next flush. */
  #slab: Uint8Array = NOTHING;
  #sent = 0;
  #filled = 0;
  #isBlocked = false;
  #isRefused = false;
  #controlWhileBlocked = 0;
  /**
   * Bytes received and not given out: `#input[#from, #to)`, either in `#buffer` or the connection's
   * own.
   */
  #input: Uint8Array = NOTHING;
  #from = 0;
  #to = 0;
  #buffer: Uint8Array = NOTHING;
  #state: 'open' | 'closing' | 'over' = 'open';
  #reason = '';
  /** Its owner has been told of the end. */
  #isEndSeen = false;

  /**
   * Takes over the connection, in the turn in which it was handed over. `wake` may poll at once.
   */
  constructor(connection: Connection, wake: () => void) {
    this.#connection = connection;
    this.#wake = wake;
    connection.start({
      data: (bytes) => this.#receive(bytes),
      drained: () => this.#drained(),
      closed: (reason) => this.#ended(reason),
    });
  }

  send(kind: number, channel: number, bytes: Uint8Array, room: 'data' | 'control'): boolean {
    assert(bytes.length <= FRAME_PAYLOAD_BYTES_MAX, 'J1: a frame larger than any may be');
    assert(kind >= 0 && kind < GOODBYE_KIND, 'J1: a kind outside of [0, 255)');
    if (this.#state !== 'open') return room === 'control';
    if (this.#filled - this.#sent >= CHUNK_BYTES) this.flush();
    if (this.#isBlocked && room === 'data') {
      this.#isRefused = true;
      return false;
    }
    this.#write(kind, channel, bytes);
    return true;
  }

  flush(): void {
    if (this.#filled === this.#sent) return;
    const bytes = this.#slab.subarray(this.#sent, this.#filled);
    this.#sent = this.#filled;
    if (this.#isBlocked) {
      this.#controlWhileBlocked += bytes.length;
      assert(
        this.#controlWhileBlocked <= CONTROL_WAITING_BYTES_MAX,
        'F2: control frames without end for a peer that takes none',
      );
    }
    // False also once either side has closed: then `closed` follows instead of `drained`.
    if (!this.#connection.send(bytes)) this.#isBlocked = true;
  }

  get hasInput(): boolean {
    if (this.#isEndSeen || this.#state === 'closing') return false;
    if (this.#frameLength() >= 0 || this.#state === 'over') return true;
    return this.#isRefused && !this.#isBlocked;
  }

  poll(handler: FrameHandler, limit: number): number {
    if (!this.#isBlocked) this.#isRefused = false;
    let count = 0;
    while (count < limit) {
      const length = this.#frameLength();
      if (length < 0) break;
      const start = this.#from + HEADER_BYTES;
      const end = start + length;
      const kind = this.#input[this.#from + 3]!;
      const channel = readUint32(this.#input, this.#from + 4);
      this.#from = end;
      if (kind === GOODBYE_KIND) {
        this.#end('the other slot has ended');
        this.#drop();
        this.#connection.close();
        break;
      }
      count += 1;
      handler.frame(kind, channel, this.#input, start, end);
    }
    if (this.#from === this.#to) this.#emptied();
    if (this.closed !== undefined) this.#isEndSeen = true;
    return count;
  }

  get closed(): string | undefined {
    return this.#state === 'over' && this.#frameLength() < 0 ? this.#reason : undefined;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#write(GOODBYE_KIND, 0, NOTHING);
    this.flush();
    this.#state = 'closing';
    this.#drop();
    this.#connection.close();
  }

  // ------------------------------------------------------------------------------------- sending

  #write(kind: number, channel: number, bytes: Uint8Array): void {
    const size = HEADER_BYTES + bytes.length;
    if (this.#filled + size > this.#slab.length) {
      this.flush();
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#sent = 0;
      this.#filled = 0;
    }
    const slab = this.#slab;
    const at = this.#filled;
    writeUint32(slab, at, (kind << 24) | bytes.length);
    writeUint32(slab, at + 4, channel);
    slab.set(bytes, at + HEADER_BYTES);
    this.#filled = at + size;
  }

  #drained(): void {
    this.#isBlocked = false;
    this.#controlWhileBlocked = 0;
    if (this.#isRefused) this.#wake();
  }

  // ----------------------------------------------------------------------------------- receiving

  /** Length of the payload of the next frame if it is there as a whole, else -1. */
  #frameLength(): number {
    const available = this.#to - this.#from;
    if (available < HEADER_BYTES) return -1;
    const length = readUint32(this.#input, this.#from) & 0xff_ffff;
    if (length > FRAME_PAYLOAD_BYTES_MAX) {
      this.#breakOff(`the other slot announced a frame of ${length} bytes`);
      return -1;
    }
    return available - HEADER_BYTES >= length ? length : -1;
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#from !== this.#to) {
      this.#keep(bytes);
      this.#wake();
      return;
    }
    // Who polls in `wake` reads the connection's own memory; the rest is kept.
    this.#input = bytes;
    this.#from = 0;
    this.#to = bytes.length;
    try {
      this.#wake();
    } finally {
      if (this.#input === bytes) this.#keepRest(bytes);
    }
  }

  #keepRest(bytes: Uint8Array): void {
    const from = this.#from;
    this.#input = this.#buffer;
    this.#from = 0;
    this.#to = 0;
    if (from < bytes.length) this.#keep(bytes.subarray(from));
  }

  /** Copies bytes behind those that wait in the buffer. */
  #keep(bytes: Uint8Array): void {
    const waiting = this.#to - this.#from;
    const needed = waiting + bytes.length;
    if (needed > INPUT_BYTES_MAX) {
      this.#breakOff('the other slot sent more than it had credit for');
      return;
    }
    if (this.#to + bytes.length > this.#buffer.length) {
      // Moving is cheap only if as much has been given out as is moved.
      if (needed > this.#buffer.length || this.#from < waiting) {
        const grown = new Uint8Array(Math.max(INPUT_BYTES, needed * 2));
        grown.set(this.#buffer.subarray(this.#from, this.#to));
        this.#buffer = grown;
      } else {
        this.#buffer.copyWithin(0, this.#from, this.#to);
      }
      this.#from = 0;
      this.#to = waiting;
    }
    this.#buffer.set(bytes, this.#to);
    this.#to += bytes.length;
    this.#input = this.#buffer;
  }

  #emptied(): void {
    if (this.#input !== this.#buffer) return;
    if (this.#buffer.length > INPUT_KEPT_BYTES_MAX) this.#buffer = NOTHING;
    this.#input = this.#buffer;
    this.#from = 0;
    this.#to = 0;
  }

  // ----------------------------------------------------------------------------------------- end

  #ended(reason: string | undefined): void {
    if (this.#state === 'closing') {
      this.#end('this slot has ended');
      this.#isEndSeen = true;
    } else if (this.#state === 'open') {
      this.#end(`the connection was lost${reason === undefined ? '' : `: ${reason}`}`);
    }
    this.#wake();
  }

  #breakOff(reason: string): void {
    this.#drop();
    this.#end(reason);
    this.#connection.destroy();
  }

  #end(reason: string): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#reason = reason;
  }

  #drop(): void {
    this.#buffer = NOTHING;
    this.#input = NOTHING;
    this.#from = 0;
    this.#to = 0;
  }
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value & 255;
  bytes[at + 1] = (value >>> 8) & 255;
  bytes[at + 2] = (value >>> 16) & 255;
  bytes[at + 3] = value >>> 24;
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
  );
}
