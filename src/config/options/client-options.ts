/** What decides where a job runs, and how its client follows it. */
import { minutes, seconds, type Duration } from '../../base/units.ts';
import { boolean, choice, duration, option, optional, type ConfigOption } from '../option.ts';

interface DeploymentOptions {
  readonly target: ConfigOption<'local' | 'remote' | undefined>;
  readonly attached: ConfigOption<boolean>;
  readonly shutdownOnAttachedExit: ConfigOption<boolean>;
}

export const DeploymentOptions: DeploymentOptions = {
  target: optional(
    'execution.target',
    choice(['local', 'remote']),
    'Where `millrace run` runs a job: in its own process, or on the cluster at rest.address. Unset: in its own process, unless --jobmanager names a cluster. For a cluster of its own there is `millrace run-application`.',
  ),
  attached: option(
    'execution.attached',
    boolean,
    true,
    'Whether `millrace run` waits for the job that it has submitted; -d is the same as false. Flink submits detached where nothing is said in the configuration, but its command line sets true.',
  ),
  shutdownOnAttachedExit: option(
    'execution.shutdown-on-attached-exit',
    boolean,
    false,
    'Whether a submitted job is cancelled when the client that waits for it is interrupted or lost.',
  ),
};

interface ClientOptions {
  readonly timeout: ConfigOption<Duration>;
  readonly retryPeriod: ConfigOption<Duration>;
  readonly heartbeatInterval: ConfigOption<Duration>;
  readonly heartbeatTimeout: ConfigOption<Duration>;
}

export const ClientOptions: ClientOptions = {
  timeout: option(
    'client.timeout',
    duration,
    minutes(1),
    'How long the command line waits for an operation such as a savepoint.',
    ['akka.client.timeout'],
  ),
  retryPeriod: option(
    'client.retry-period',
    duration,
    seconds(2),
    'How often a client asks whether an operation, or a job, is over.',
  ),
  heartbeatInterval: option(
    'client.heartbeat.interval',
    duration,
    seconds(30),
    'How often an attached client says that it is there, with execution.shutdown-on-attached-exit.',
  ),
  heartbeatTimeout: option(
    'client.heartbeat.timeout',
    duration,
    minutes(3),
    'After this long without a word of its client such a job is cancelled.',
  ),
};
