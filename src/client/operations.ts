/** Operations that a cluster does in the background: triggered, then asked for until they end. */
import { EngineError } from '../base/errors.ts';
import { milliseconds, type Duration } from '../base/units.ts';
import { ClientOptions } from '../config/options/client-options.ts';
import { formatDuration } from '../config/values.ts';
import type { ClusterSession } from './cluster-session.ts';
import type { OperationAnswer, OperationResult, Triggered } from './rest-answers.ts';
import { messageOfThrowable, nextDelay, type RestRequest } from './rest-client.ts';

/** Most savepoints of small jobs are done within this. */
const FIRST_LOOK = milliseconds(50);
const LATER_LOOKS = milliseconds(1000);

/** Triggers an operation. @returns its id @throws EngineError REST_*, JOB_NOT_FOUND */
export async function trigger(
  { client }: ClusterSession,
  request: Omit<RestRequest, 'method'>,
): Promise<string> {
  const answer = await client.call<Triggered>({ method: 'POST', ...request });
  return answer['request-id'];
}

/**
 * Waits for an operation.
 * @param path of its status, without its id
 * @param what did not end, or fail: `The savepoint of job X`
 * @throws EngineError REST_OPERATION_FAILED, REST_OPERATION_TIMEOUT, REST_*
 */
export async function outcome(
  { client, configuration, env }: ClusterSession,
  path: string,
  id: string,
  what: string,
): Promise<OperationResult> {
  const timeout = configuration.get(ClientOptions.timeout);
  const began = env.clock.monotonic();
  let delay: Duration = FIRST_LOOK;
  for (;;) {
    const { status, operation } = await client.getPatiently<OperationAnswer>(`${path}/${id}`);
    if (status.id === 'COMPLETED') return succeeded(operation ?? {}, what);
    if (env.clock.monotonic() - began >= timeout) {
      throw new EngineError('REST_OPERATION_TIMEOUT', { what, timeout: formatDuration(timeout) });
    }
    await client.pause(delay);
    delay = nextDelay(delay, LATER_LOOKS);
  }
}

function succeeded(result: OperationResult, what: string): OperationResult {
  const cause = result['failure-cause'];
  if (cause === undefined || cause === null) return result;
  const message = messageOfThrowable(cause['stack-trace']);
  // Some clusters look for the job only then.
  const jobId = /\bjob\b.*?\b([0-9a-f]{32})\b/.exec(what)?.[1];
  if (jobId !== undefined && /no job with the id|\bjob\b.*\bnot (?:be )?found/i.test(message)) {
    throw new EngineError('JOB_NOT_FOUND', { jobId });
  }
  throw new EngineError('REST_OPERATION_FAILED', { what, message });
}
