/** What a cluster says about the checkpoints of a job: both systems have the same REST API. */

export interface CheckpointStatistics {
  /** That were completed. */
  readonly count: number;
  /** The last that was. */
  readonly newest:
    | { readonly id: number; readonly millis: number; readonly bytes: number }
    | undefined;
}

/** @param url of the REST API */
export async function checkpointsOf(
  url: string,
  jobId: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<CheckpointStatistics> {
  const response = await fetch(`${url}/jobs/${jobId}/checkpoints`, { headers });
  const answer = (await response.json()) as {
    counts?: { completed: number };
    latest?: {
      completed: { id: number; end_to_end_duration: number; state_size: number } | null;
    };
  };
  if (answer.counts === undefined) {
    throw new Error(`no checkpoints of ${jobId}: ${JSON.stringify(answer)}`);
  }
  const completed = answer.latest?.completed;
  const newest = completed && {
    id: completed.id,
    millis: completed.end_to_end_duration,
    bytes: completed.state_size,
  };
  return { count: answer.counts.completed, newest: newest ?? undefined };
}
