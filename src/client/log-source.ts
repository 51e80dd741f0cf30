/**
 * A log of a cluster, read from where the last reading ended. A server that knows ranges sends only
 * what is new.
 *
 * Invariants
 * O1. Only whole lines are given; what is after the last line end comes with the next reading.
 * O2. A log that is shorter than what was read is a new one, and is read from its beginning.
 */
import { isEngineError } from '../base/errors.ts';
import type { RestClient } from './rest-client.ts';

const LINE_END = 0x0a;

export class LogSource {
  /** What lines of it are marked with. */
  readonly name: string;
  readonly #client: RestClient;
  readonly #path: string;
  readonly #maxBytes: number;
  #offset = 0;

  constructor(client: RestClient, name: string, path: string, maxBytes: number) {
    this.name = name;
    this.#client = client;
    this.#path = path;
    this.#maxBytes = maxBytes;
  }

  /** Lines that have come since the last reading, without line ends. O1, O2. */
  async next(): Promise<readonly string[]> {
    const bytes = await this.#read();
    const end = bytes.lastIndexOf(LINE_END) + 1;
    this.#offset += end;
    if (end === 0) return [];
    return new TextDecoder().decode(bytes.subarray(0, end - 1)).split('\n');
  }

  async #read(): Promise<Uint8Array> {
    const headers = this.#offset === 0 ? {} : { range: `bytes=${this.#offset}-` };
    try {
      const answer = await this.#client.send({
        ...{ method: 'GET', path: this.#path, headers: { accept: 'text/plain', ...headers } },
      });
      const bytes = await answer.bytes(this.#maxBytes);
      if (answer.status === 206) return bytes;
      if (bytes.length < this.#offset) this.#offset = 0;
      return bytes.subarray(this.#offset);
    } catch (thrown) {
      // Nothing is behind what was read: nothing new, or a new log that is shorter.
      if (!isEngineError(thrown, 'REST_REFUSED') || thrown.parameters['status'] !== 416)
        throw thrown;
      if ((await this.#size()) < this.#offset) this.#offset = 0;
      return new Uint8Array(0);
    }
  }

  async #size(): Promise<number> {
    const answer = await this.#client.send({ method: 'GET', path: this.#path });
    return (await answer.bytes(this.#maxBytes)).length;
  }
}
