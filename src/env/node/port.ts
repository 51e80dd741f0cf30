/**
 * Messages between a worker and its owner, the same on both sides: bytes, moved where they own
 * their memory and copied where they are a part of something larger (Node would clone all of
 * that), and shared regions, carried as their buffers.
 *
 * Invariants:
 *   P1. `receive` is called once.
 *   P2. Messages reach the handler in the order in which they were posted, each once, those from
 *       before `receive` included, and never inside the call of `receive`.
 */
import { assert } from '../../base/assert.ts';
import type { Port, SharedRegion } from '../env.ts';
import { sharedBuffer, sharedRegion } from './memory.ts';

/** A message on its way. */
export interface PortMessage {
  readonly bytes: Uint8Array;
  readonly regions: readonly SharedArrayBuffer[];
}

/** The side of a worker (or a worker's parent port) that sends. */
export interface MessageTarget {
  postMessage(message: PortMessage, transfer: readonly ArrayBuffer[]): void;
}

type MessageHandler = (bytes: Uint8Array, regions: readonly SharedRegion[]) => void;

export class NodePort implements Port {
  readonly #target: MessageTarget;
  #handler: MessageHandler | undefined;
  #early: PortMessage[] | undefined = [];

  constructor(target: MessageTarget) {
    this.#target = target;
  }

  post(bytes: Uint8Array, regions: readonly SharedRegion[] = []): void {
    const message = portMessage(bytes, regions);
    this.#target.postMessage(message, transferList(message));
  }

  receive(handler: MessageHandler): void {
    assert(this.#handler === undefined, 'P1: receive is called once');
    this.#handler = handler;
    setImmediate(() => this.flush());
  }

  /** A message from the other side. */
  deliver(message: PortMessage): void {
    if (this.#early === undefined) this.#handOver(message);
    else this.#early.push(message);
  }

  /** Hands over what came before `receive`, if that has been called. */
  flush(): void {
    if (this.#handler === undefined) return;
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const message of early) this.#handOver(message);
  }

  #handOver(message: PortMessage): void {
    assert(this.#handler !== undefined, 'P2: there is a handler by now');
    this.#handler(message.bytes, message.regions.map(sharedRegion));
  }
}

/** Bytes and regions in the form that crosses: the bytes own all of their buffer. */
export function portMessage(bytes: Uint8Array, regions: readonly SharedRegion[]): PortMessage {
  assert(!isDetached(bytes), 'the bytes have been posted or sent before');
  return {
    bytes: ownsItsBuffer(bytes) ? bytes : new Uint8Array(bytes),
    regions: regions.map(sharedBuffer),
  };
}

/** What is moved rather than cloned when a message is posted. */
export function transferList(message: PortMessage): readonly ArrayBuffer[] {
  const { buffer } = message.bytes;
  assert(buffer instanceof ArrayBuffer, 'the bytes own their buffer');
  return [buffer];
}

function ownsItsBuffer(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof ArrayBuffer && bytes.byteLength === bytes.buffer.byteLength;
}

function isDetached(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.detached;
}
