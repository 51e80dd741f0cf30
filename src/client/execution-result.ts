/** How a job of a cluster has ended, as its REST interface tells it. */
import { EngineError } from '../base/errors.ts';
import { milliseconds, type Duration } from '../base/units.ts';
import type { ExecutionResultAnswer, JobResultAnswer } from './rest-answers.ts';
import { nextDelay, type RestClient } from './rest-client.ts';

const FIRST_LOOK = milliseconds(50);

/** Asks until the job has ended, at last every `most`. @throws EngineError REST_*, HTTP_* */
export async function executionResult(
  client: RestClient,
  jobId: string,
  most: Duration,
): Promise<JobResultAnswer> {
  const path = `/jobs/${jobId}/execution-result`;
  for (let delay = FIRST_LOOK; ; delay = nextDelay(delay, most)) {
    const answer = await client.getPatiently<ExecutionResultAnswer>(path);
    const result = answer['job-execution-result'];
    if (answer.status.id === 'COMPLETED' && result !== undefined) return result;
    await client.pause(delay);
  }
}

/** In the words of a job that runs here. */
export function statusOf(result: JobResultAnswer): string {
  const byFlink = {
    SUCCEEDED: 'FINISHED',
    FAILED: 'FAILED',
    CANCELED: 'CANCELED',
    UNKNOWN: 'FAILED',
  };
  return result.status ?? byFlink[result['application-status']];
}

/** Undefined unless the job failed. */
export function errorOf(result: JobResultAnswer): EngineError | undefined {
  if (result.error !== undefined && result.error !== null)
    return EngineError.fromData(result.error);
  const cause = result['failure-cause'];
  if (cause === undefined || cause === null) return undefined;
  const what = 'The job';
  return new EngineError('REST_OPERATION_FAILED', { what, message: cause['stack-trace'] });
}
