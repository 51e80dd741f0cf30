/**
 * What the sinks of a job send while no client is attached to it: lines of `print` go where this
 * process prints, as in Flink; what `collect` sends is for a client alone, and is dropped.
 *
 * Z1. Every message is acknowledged to its worker, and a line only when it has been written: who
 *     reads the output slowly holds the job up instead of filling memory.
 * Z2. Lines are written in the order in which they came.
 */
import { isEngineError, messageOf } from '../base/errors.ts';
import type { Log } from '../env/env.ts';
import { decodeClientMessage } from '../functions/client-message.ts';
import type { ClientMessage } from '../protocol/job-master-service.ts';
import type { ToSlot } from '../protocol/slot-messages.ts';

/** Resolves when the text has left the process. */
export type Print = (text: string) => void | Promise<void>;

/** The worker that has sent a message. */
interface Sender {
  readonly jobId: string;
  readonly slot: number;
  post(message: ToSlot): void;
}

export class DetachedOutput {
  readonly #print: Print;
  readonly #log: Log;
  readonly #decoder = new TextDecoder();
  #written: Promise<void> = Promise.resolve();
  /** Once for each job, or nearly so. */
  #warnedOf: string | undefined;

  constructor(print: Print, log: Log) {
    this.#print = print;
    this.#log = log;
  }

  take({ executionId, operator, payload }: ClientMessage, sender: Sender): void {
    const text = this.#textOf(payload, sender);
    const bytes = payload.length;
    this.#written = this.#written
      .then(() => (text === undefined ? undefined : this.#print(text)))
      // A job does not fail because nobody keeps what it prints.
      .catch((error: unknown) =>
        this.#warn(`what a job printed is lost: ${messageOf(error)}`, sender),
      )
      .then(() => sender.post({ kind: 'client-acknowledge', executionId, operator, bytes }));
  }

  /** Undefined for what is not to be printed. */
  #textOf(payload: Uint8Array, sender: Sender): string | undefined {
    try {
      const message = decodeClientMessage(payload);
      if (message.kind === 'print') return this.#decoder.decode(message.body);
      // The log of this process has said it.
      if (message.kind === 'profile') return undefined;
    } catch (error) {
      // Sinks of users may send what they like to a client of their own.
      if (!isEngineError(error, 'DATA_CORRUPT')) throw error;
    }
    this.#warn('messages for a client are dropped, because none is attached', sender);
    return undefined;
  }

  #warn(text: string, { jobId, slot }: Sender): void {
    if (this.#warnedOf === jobId) return;
    this.#log.write('warn', text, { jobId, slot });
    this.#warnedOf = jobId;
  }
}
