/**
 * What a job that ended well should still be asked about: lines that were no records, records that
 * came too late, and elements that were left in windows. And what was typed without any effect.
 */
import { parseAssignment } from '../config/load-configuration.ts';
import { ClusterOptions } from '../config/options/cluster-options.ts';
import { JobManagerOptions } from '../config/options/job-manager-options.ts';
import { isSecretKey } from '../config/secrets.ts';
import { checkpointFailureText } from './checkpoint-failures.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';

export interface Warning {
  /** The counter that says so. */
  readonly counter: string;
  /** The name of the operator; undefined: of all together. */
  readonly operator: string | undefined;
  readonly count: number;
  /** A sentence or two, without a line end. */
  readonly message: string;
}

type Text = (count: number, operator: string) => string;

/** By operator: what its counter means. */
const PER_OPERATOR: Readonly<Record<string, Text>> = {
  numLateRecordsDropped: (count, operator) =>
    `${plural(count, 'record')} came too late for "${operator}" and ${was(count)} dropped. ` +
    'Raise outOfOrder of the watermark strategy or allowedLateness, or read the side output of ' +
    'late records. All that an input brings which was idle (idleAfter) when the others had ended ' +
    'is late.',
  numElementsUnfired: (count, operator) =>
    `${plural(count, 'element')} ${was(count)} left in windows of "${operator}" when the input ` +
    'ended: the end fires windows of event time, and these wait for something else (a count, the ' +
    'clock, a trigger of their own).',
  numElementsDroppedUnfired: (count, operator) =>
    `${plural(count, 'element')} of windows of "${operator}" ${was(count)} dropped when the windows ` +
    'were over, because their trigger had never fired: use one that fires at the end of the window.',
};

export function warningsOf(
  { accumulators }: Pick<JobResult, 'accumulators'>,
  { vertices, failingCheckpoints }: Pick<JobDetails, 'vertices' | 'failingCheckpoints'>,
): readonly Warning[] {
  const names = new Map(
    vertices.flatMap(({ operators }) => operators.map(({ id, name }) => [id, name] as const)),
  );
  const warnings: Warning[] = [];
  if (failingCheckpoints !== undefined) {
    const { count } = failingCheckpoints;
    const message = checkpointFailureText(failingCheckpoints);
    warnings.push({ counter: 'failingCheckpoints', operator: undefined, count, message });
  }
  const malformed = accumulators
    .filter(({ name }) => name === 'malformedLines')
    .reduce((sum, { value }) => sum + value, 0);
  if (malformed > 0) {
    const lines = plural(malformed, 'line');
    const message = `${lines} of the input could not be parsed and went where onError says.`;
    warnings.push({ counter: 'malformedLines', operator: undefined, count: malformed, message });
  }
  for (const { operator: id, name: counter, value: count } of accumulators) {
    const text = Object.hasOwn(PER_OPERATOR, counter) ? PER_OPERATOR[counter] : undefined;
    if (text === undefined || count <= 0) continue;
    const operator = names.get(id) ?? id;
    warnings.push({ counter, operator, count, message: text(count, operator) });
  }
  return warnings;
}

function plural(count: number, what: string): string {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}

function was(count: number): string {
  return count === 1 ? 'was' : 'were';
}

/** Begins of the keys that only the processes of a cluster read, when they start. */
const OF_THE_CLUSTER = [
  ...['blob.', 'cluster.', 'env.', 'heartbeat.', 'high-availability.', 'jobmanager.', 'jobstore.'],
  ...['metrics.', 'millrace.rpc.', 'pekko.', 'taskmanager.'],
];
/** Of those, what tells a client where its cluster is. */
const OF_THE_CLIENT: readonly string[] = [
  ClusterOptions.clusterId.key,
  JobManagerOptions.rpcAddress.key,
];

/** Secrets with which a client reaches its cluster. */
const OF_CONNECTIONS = ['millrace.', 'rest.', 'security.'];

export interface IdleOption {
  readonly option: string;
  /** A sentence or two, without a line end. */
  readonly message: string;
}

/** Of what was typed as `-D` for a job, what it cannot change. */
export function withoutEffectOnJob(assignments: readonly string[]): readonly IdleOption[] {
  return assignments.flatMap((assignment): readonly IdleOption[] => {
    const [option] = parseAssignment(assignment);
    if (OF_THE_CLIENT.includes(option)) return [];
    if (OF_THE_CLUSTER.some((begin) => option.startsWith(begin))) {
      const message =
        `-D ${option} is an option of the cluster: it has no effect on a job. ` +
        'Set it where the processes of the cluster are started.';
      return [{ option, message }];
    }
    if (!isSecretKey(option) || OF_CONNECTIONS.some((begin) => option.startsWith(begin))) return [];
    const message =
      `-D ${option} is a secret, which is not sent with a job and kept in its configuration: it ` +
      'has no effect. Set it in the config.yaml of the cluster, or in the environment of its ' +
      'processes.';
    return [{ option, message }];
  });
}
