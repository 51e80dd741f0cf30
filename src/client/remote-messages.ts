/**
 * Messages of the sinks of a job in a cluster, as they come over REST: a line each. Reading slowly
 * holds the job back. What was not acknowledged comes again after a lost connection.
 */
import { Buffer } from 'node:buffer';
import { EngineError, isEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { RestClient } from './rest-client.ts';

const RETRY = seconds(1);
/** Of a message; sinks send less. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;
const LINE_END = 0x0a;

/** A message as the operator has sent it. */
export interface SinkMessage {
  readonly operator: string;
  readonly payload: Uint8Array;
}

/**
 * Gives every message to `handle`, one at a time, until the job has ended.
 * @param isOver whether there is nobody to wait for any more when the stream broke off
 * @throws EngineError REST_*, and what `handle` throws
 */
export async function readMessages(
  client: RestClient,
  jobId: string,
  handle: (message: SinkMessage) => Promise<void>,
  isOver: () => boolean,
): Promise<void> {
  for (;;) {
    try {
      const answer = await client.send({
        ...{ method: 'GET', path: `/jobs/${jobId}/client-messages` },
        headers: { accept: 'application/x-ndjson' },
      });
      for await (const line of linesOf(answer.stream())) {
        if (line.length > 0) await handle(messageOf(line));
      }
      return;
    } catch (thrown) {
      if (isOver()) return;
      const passing = ['HTTP_ABORTED', 'REST_UNREACHABLE', 'REST_CLUSTER_NOT_RUNNING'] as const;
      if (!passing.some((code) => isEngineError(thrown, code))) {
        throw thrown;
      }
      await client.pause(RETRY);
    }
  }
}

function messageOf(line: Uint8Array): SinkMessage {
  let value: { readonly operator?: unknown; readonly payload?: unknown };
  try {
    value = JSON.parse(new TextDecoder().decode(line)) as typeof value;
  } catch {
    value = {};
  }
  const { operator, payload } = value;
  if (typeof operator === 'string' && typeof payload === 'string') {
    return { operator, payload: Buffer.from(payload, 'base64') };
  }
  const reason = 'it is no message of a sink';
  throw new EngineError('DATA_CORRUPT', { what: 'a line of client-messages', reason });
}

async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const bytes of stream) {
    let from = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, from)) {
      yield joined([...rest, bytes.subarray(from, end)]);
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    rest.push(bytes.slice(from));
    restBytes += bytes.length - from;
    if (restBytes > LINE_BYTES_MAX) {
      throw new EngineError('HTTP_BODY_TOO_LARGE', { limit: LINE_BYTES_MAX });
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}
