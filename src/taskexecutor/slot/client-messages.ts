/**
 * Messages from sinks to whoever runs the job (`print`, `collect`), with a bound on what is under
 * way.
 *
 * Invariants
 * M1. A sender with more than WINDOW_BYTES unacknowledged has a promise that resolves when it has
 * not.
 * M2. No message is longer than MESSAGE_BYTES_MAX: it has to fit into a frame, with all that comes
 * around it on the way.
 */
import { EngineError } from '../../base/errors.ts';
import type { ChainedOperator } from '../../graph/job-graph.ts';
import type { FromSlot } from '../../protocol/slot-messages.ts';

const WINDOW_BYTES = 1024 * 1024;
const MESSAGE_BYTES_MAX = 8 * 1024 * 1024;

interface Sender {
  underWay: number;
  waiting: Promise<void> | undefined;
  resume: (() => void) | undefined;
}

export class ClientMessages {
  readonly #post: (message: FromSlot) => void;
  readonly #senders = new Map<string, Sender>();

  constructor(post: (message: FromSlot) => void) {
    this.#post = post;
  }

  /** M2. @throws EngineError CLIENT_MESSAGE_TOO_LARGE */
  send(
    executionId: string,
    { id: operator, name }: ChainedOperator,
    payload: Uint8Array,
  ): Promise<void> | undefined {
    const { length: bytes } = payload;
    if (bytes > MESSAGE_BYTES_MAX) {
      const limit = MESSAGE_BYTES_MAX;
      const parameters = { operator: name, bytes, limit };
      throw new EngineError('CLIENT_MESSAGE_TOO_LARGE', parameters, { scope: { operator: name } });
    }
    const sender = this.#sender(executionId, operator);
    sender.underWay += payload.length;
    this.#post({ kind: 'client-message', executionId, operator, payload });
    if (sender.underWay <= WINDOW_BYTES) return undefined;
    sender.waiting ??= new Promise((resolve) => {
      sender.resume = resolve;
    });
    return sender.waiting;
  }

  acknowledge(executionId: string, operator: string, bytes: number): void {
    const sender = this.#sender(executionId, operator);
    sender.underWay -= bytes;
    if (sender.underWay > WINDOW_BYTES || sender.resume === undefined) return;
    sender.resume();
    sender.resume = undefined;
    sender.waiting = undefined;
  }

  #sender(executionId: string, operator: string): Sender {
    const id = `${executionId} ${operator}`;
    let sender = this.#senders.get(id);
    if (sender === undefined) {
      this.#senders.set(id, (sender = { underWay: 0, waiting: undefined, resume: undefined }));
    }
    return sender;
  }
}
