/**
 * All channels between this slot and one other: sends their frames over the one link the two share,
 * and gives what comes to the channel it is for.
 *
 * Invariants
 * Y1. Frames of a channel that is not wired yet can only be credit for one of this slot's outputs;
 * it is
 *     kept until the output is there.
 * Y2. When the peer is lost every channel that has not ended fails its task, once.
 * Y3. A peer whose frames make no sense is lost like one that has died; nothing else of the slot
 *     comes to harm.
 */
import { assert } from '../../base/assert.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import { ChannelFrame } from '../../network/channel-frames.ts';
import type { FrameSender } from '../../network/channel-frames.ts';
import type { FrameLink } from '../../network/frame-link.ts';
import type { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import type { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import type { PolledLink } from './slot-loop.ts';

/** Frames taken in by one call of `poll`. */
const POLL_FRAMES = 64;
const AMOUNT_BYTES = 4;

interface WaitingControl {
  readonly kind: number;
  readonly channel: number;
  readonly bytes: Uint8Array;
}

export class PeerLink implements FrameSender, PolledLink {
  readonly peer: string;
  readonly #inputs = new Map<number, RemoteInputChannel>();
  readonly #outputs = new Map<number, RemoteOutputChannel>();
  readonly #earlyCredit = new Map<number, number>();
  /** Control sent before the link was there. */
  readonly #waiting: WaitingControl[] = [];
  readonly #lost: (reason: string) => void;
  #link: FrameLink | undefined;
  #wantsRoom = false;
  #isLost = false;

  constructor(peer: string, lost: (reason: string) => void) {
    this.peer = peer;
    this.#lost = lost;
  }

  /** The link is there; what was sent before goes out first. */
  attach(link: FrameLink): void {
    assert(this.#link === undefined, 'Y2: a peer has one link');
    this.#link = link;
    for (const { kind, channel, bytes } of this.#waiting.splice(0)) {
      this.sendControl(kind, channel, bytes);
    }
    link.flush();
  }

  get isAttached(): boolean {
    return this.#link !== undefined;
  }

  addInput(channel: number, input: RemoteInputChannel): void {
    assert(!this.#inputs.has(channel), 'Y1: two consumers on a channel');
    this.#inputs.set(channel, input);
  }

  addOutput(channel: number, output: RemoteOutputChannel): void {
    assert(!this.#outputs.has(channel), 'Y1: two producers on a channel');
    this.#outputs.set(channel, output);
    const credit = this.#earlyCredit.get(channel);
    if (credit === undefined) return;
    this.#earlyCredit.delete(channel);
    output.credited(credit);
  }

  // ------------------------------------------------------------------------------------- sending

  send(kind: number, channel: number, bytes: Uint8Array): boolean {
    const link = this.#link;
    if (link === undefined) return false;
    if (link.send(kind, channel, bytes, 'data')) return true;
    this.#wantsRoom = true;
    return false;
  }

  sendControl(kind: number, channel: number, bytes: Uint8Array): void {
    if (this.#link === undefined)
      this.#waiting.push({ kind, channel, bytes: new Uint8Array(bytes) });
    else this.#link.send(kind, channel, bytes, 'control');
  }

  flush(): void {
    this.#link?.flush();
  }

  // ----------------------------------------------------------------------------------- receiving

  get hasInput(): boolean {
    return this.#link !== undefined && !this.#isLost && this.#link.hasInput;
  }

  poll(): boolean {
    const link = this.#link;
    if (link === undefined || this.#isLost) return false;
    const frames = this.#pollLink(link);
    this.#retryOutputs();
    if (link.closed !== undefined) this.lose(link.closed);
    return frames > 0;
  }

  /** Y3. */
  #pollLink(link: FrameLink): number {
    try {
      return link.poll(this, POLL_FRAMES);
    } catch (thrown) {
      if (!isEngineError(thrown, 'DATA_CORRUPT')) throw thrown;
      link.close();
      this.lose(thrown.message);
      return 0;
    }
  }

  /** A frame of the link; valid during the call. */
  frame(kind: number, channel: number, bytes: Uint8Array, start: number, end: number): void {
    switch (kind) {
      case ChannelFrame.credit:
        this.#credited(channel, amountIn(bytes, start, end));
        return;
      case ChannelFrame.grow:
        this.#outputs.get(channel)?.grown(amountIn(bytes, start, end));
        return;
      case ChannelFrame.reclaim:
        this.#outputs.get(channel)?.reclaim(amountIn(bytes, start, end));
        return;
      case ChannelFrame.backlog:
        this.#inputOf(channel).backlog();
        return;
      case ChannelFrame.returned:
        this.#inputOf(channel).returned(amountIn(bytes, start, end));
        return;
      default:
        this.#inputOf(channel).receive(kind, bytes, start, end);
    }
  }

  #inputOf(channel: number): RemoteInputChannel {
    const input = this.#inputs.get(channel);
    if (input === undefined) throw corrupt(`it is of channel ${channel}, which ends elsewhere`);
    return input;
  }

  #credited(channel: number, credit: number): void {
    const output = this.#outputs.get(channel);
    if (output === undefined) {
      this.#earlyCredit.set(channel, (this.#earlyCredit.get(channel) ?? 0) + credit);
    } else {
      output.credited(credit);
    }
  }

  /** The peer is gone: nothing will come or go any more. */
  lose(reason: string): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const ended = (channel: { readonly hasEnded: boolean }): boolean => channel.hasEnded;
    if (this.#inputs.values().every(ended) && this.#outputs.values().every(ended)) return;
    this.#lost(reason);
  }

  /** Lets the outputs try again that were refused. */
  #retryOutputs(): void {
    if (!this.#wantsRoom) return;
    this.#wantsRoom = false;
    for (const output of this.#outputs.values()) output.drain();
  }
}

/** What frames about credit hold. */
function amountIn(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== AMOUNT_BYTES) throw corrupt(`an amount of credit has ${end - start} bytes`);
  return new DataView(bytes.buffer, bytes.byteOffset + start, AMOUNT_BYTES).getUint32(0, true);
}

function corrupt(reason: string): EngineError {
  return new EngineError('DATA_CORRUPT', { what: 'a frame from another slot', reason });
}
