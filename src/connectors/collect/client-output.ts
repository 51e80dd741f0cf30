/**
 * The way of a sink's writer to the client: what is written is gathered and sent when there is
 * enough of it, or a moment after the first of it.
 *
 * Invariants
 * P1. Messages of one writer are numbered from 0 without gaps.
 * P2. A timer is set exactly while something is gathered and unsent.
 */
import { ByteWriter } from '../../base/byte-writer.ts';
import { milliseconds } from '../../base/units.ts';
import { encodeClientMessage, type ClientMessage } from '../../functions/client-message.ts';
import type { SinkWriterContext } from '../../functions/sink.ts';

const MESSAGE_BYTES = 32 * 1024;
const DELAY = milliseconds(50);

export class ClientOutput {
  /** Where records are written to; `written` must follow each. */
  readonly out: ByteWriter = new ByteWriter(MESSAGE_BYTES);
  readonly #context: SinkWriterContext;
  readonly #kind: ClientMessage['kind'];
  #count = 0;
  /** Records that were sent, those before a restore included. */
  #sent: number;
  #sequence = 0;
  #timer: Disposable | undefined;
  #busy: Promise<void> | undefined;

  /** `sent`: what of the subtask's records the restored checkpoint holds. */
  constructor(context: SinkWriterContext, kind: ClientMessage['kind'], sent: number = 0) {
    this.#sent = sent;
    this.#context = context;
    this.#kind = kind;
  }

  /** Pending while the client has not taken what was sent. */
  get busy(): Promise<void> | undefined {
    return this.#busy;
  }

  get sent(): number {
    return this.#sent;
  }

  /** One more record is in `out`. */
  written(): void {
    this.#count += 1;
    if (this.out.offset >= MESSAGE_BYTES) this.send();
    else {
      this.#timer ??= this.#context.env.clock.after(DELAY, () => {
        this.#timer = undefined;
        this.send();
      });
    }
  }

  /** Sends what is gathered; with `last` also if that is nothing. */
  send(last: boolean = false): void {
    this.close();
    if (this.#count === 0 && !(last && this.#kind === 'collect')) return;
    const { subtask, attempt } = this.#context;
    const origin = { subtask, attempt, sequence: this.#sequence++, body: this.out.copy() };
    const message: ClientMessage =
      this.#kind === 'print'
        ? { kind: 'print', ...origin }
        : { kind: 'collect', ...origin, count: this.#count, last, from: this.#sent };
    this.out.reset();
    this.#sent += this.#count;
    this.#count = 0;
    const sent = this.#context.sendToClient(encodeClientMessage(message));
    if (sent === undefined) return;
    const busy = sent.then(() => {
      if (this.#busy === busy) this.#busy = undefined;
    });
    this.#busy = busy;
  }

  /** Stops the timer; what is gathered stays unsent. */
  close(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}
