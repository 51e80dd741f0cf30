/**
 * A log of a cluster, read from where the last reading ended: over REST, where a server that knows
 * ranges sends only what is new, or from a file of this machine.
 *
 * Invariants
 * O1. Only whole lines are given; what is after the last line end comes with the next reading.
 * O2. A log that is shorter than what was read is a new one, and is read from its beginning.
 */
import { isEngineError } from '../base/errors.ts';
import type { Disk } from '../env/env.ts';
import type { RestClient } from './rest-client.ts';

const LINE_END = 0x0a;

/** What a log has from an offset on; undefined if it is shorter than that. */
export type LogReader = (offset: number) => Promise<Uint8Array | undefined>;

export class LogSource {
  /** What lines of it are marked with. */
  readonly name: string;
  readonly #read: LogReader;
  #offset = 0;

  constructor(name: string, read: LogReader) {
    this.name = name;
    this.#read = read;
  }

  /** Lines that have come since the last reading, without line ends. O1, O2. */
  async next(): Promise<readonly string[]> {
    const bytes = await this.#read(this.#offset);
    if (bytes === undefined) {
      this.#offset = 0;
      return [];
    }
    const end = bytes.lastIndexOf(LINE_END) + 1;
    this.#offset += end;
    if (end === 0) return [];
    return new TextDecoder().decode(bytes.subarray(0, end - 1)).split('\n');
  }
}

/** @param path of the REST interface */
export function restLog(client: RestClient, path: string, maxBytes: number): LogReader {
  const request = { method: 'GET', path } as const;
  const whole = async (): Promise<Uint8Array> => (await client.send(request)).bytes(maxBytes);
  return async (offset) => {
    if (offset === 0) return whole();
    try {
      const answer = await client.send({ ...request, headers: { range: `bytes=${offset}-` } });
      const bytes = await answer.bytes(maxBytes);
      if (answer.status === 206) return bytes;
      return bytes.length < offset ? undefined : bytes.subarray(offset);
    } catch (thrown) {
      const isBehindIt =
        isEngineError(thrown, 'REST_REFUSED') && thrown.parameters['status'] === 416;
      if (!isBehindIt) throw thrown;
      return (await whole()).length < offset ? undefined : new Uint8Array(0);
    }
  };
}

export function fileLog(disk: Pick<Disk, 'open'>, path: string, maxBytes: number): LogReader {
  return async (offset) => {
    const file = await disk.open(path, 'read');
    try {
      const size = await file.size();
      if (size < offset) return undefined;
      const bytes = new Uint8Array(Math.min(size - offset, maxBytes));
      let length = 0;
      while (length < bytes.length) {
        const read = await file.read(bytes.subarray(length), offset + length);
        if (read === 0) break;
        length += read;
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  };
}
