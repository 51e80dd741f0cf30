/**
 * What the contract tests of the seam share. The same tests run against the real environment and
 * the simulated one, where nothing happens unless the simulator is driven: hence `run`. Test
 * code: it uses node:test, is not published, and is imported by tests only.
 */
import type { Connection, ConnectionHandler, Clock, Disk, Memory, Network } from '../env.ts';

/** An environment's part under test, made anew for each test. */
export interface Rig extends AsyncDisposable {
  /** Resolves when `body` has; a simulated environment drives its events meanwhile. */
  run(body: () => Promise<void>): Promise<void>;
}

export interface DiskRig extends Rig {
  readonly disk: Disk;
  /** An existing, empty folder, absolute. */
  readonly folder: string;
}

export interface NetworkRig extends Rig {
  readonly network: Network;
  readonly clock: Clock;
  /** A host on which one can listen and to which one can connect. */
  readonly host: string;
  /** Whether the other side can tell `destroy` from an orderly end; with TLS not always. */
  readonly tellsDestroy?: boolean | undefined;
}

export interface ClockRig extends Rig {
  readonly clock: Clock;
}

export interface MemoryRig extends Rig {
  readonly memory: Memory;
  readonly clock: Clock;
}

export type MakeRig<R extends Rig> = () => Promise<R> | R;

/** Runs one test body on a fresh rig. */
export async function withRig<R extends Rig>(
  make: MakeRig<R>,
  body: (rig: R) => Promise<void>,
): Promise<void> {
  await using rig = await make();
  await rig.run(() => body(rig));
}

/** A turn of the event loop later. */
export function nextTurn(clock: Clock): Promise<void> {
  return new Promise((resolve) => clock.soon(resolve));
}

/** `length` bytes that tell their place, so that bytes lost, doubled or moved show. */
export function pattern(length: number, seed = 0): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i += 1) bytes[i] = (i * 31 + (i >>> 8) * 7 + seed * 101) & 0xff;
  return bytes;
}

/** A connection's handler that keeps all it is told. */
export class Recorder implements ConnectionHandler {
  readonly connection: Connection;
  bytesReceived = 0;
  drainedCount = 0;
  /** One entry per call of `closed`. */
  readonly closings: (string | undefined)[] = [];
  /** Calls after `closed`. */
  late = 0;
  readonly #chunks: Uint8Array[] = [];
  readonly #waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = [];

  constructor(connection: Connection) {
    this.connection = connection;
    connection.start(this);
  }

  data(bytes: Uint8Array): void {
    this.#note();
    this.#chunks.push(new Uint8Array(bytes));
    this.bytesReceived += bytes.byteLength;
    this.#wake();
  }

  drained(): void {
    this.#note();
    this.drainedCount += 1;
    this.#wake();
  }

  closed(reason: string | undefined): void {
    this.#note();
    this.closings.push(reason);
    this.#wake();
  }

  /** All that has come, as one. */
  received(): Uint8Array {
    const all = new Uint8Array(this.bytesReceived);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.byteLength;
    }
    return all;
  }

  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }));
  }

  untilBytes(count: number): Promise<void> {
    return this.until(() => this.bytesReceived >= count);
  }

  untilClosed(): Promise<void> {
    return this.until(() => this.closings.length > 0);
  }

  #note(): void {
    if (this.closings.length > 0) this.late += 1;
  }

  #wake(): void {
    for (const waiter of this.#waiting.splice(0)) {
      if (waiter.until()) waiter.resolve();
      else this.#waiting.push(waiter);
    }
  }
}
