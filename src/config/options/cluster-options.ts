/** What the components of a cluster have in common: heartbeats, calls, slots. */
import { milliseconds, minutes, seconds, type Duration } from '../../base/units.ts';
import {
  duration,
  integer,
  option,
  optional,
  text,
  type ConfigOption,
  type OptionType,
} from '../option.ts';

interface ClusterOptions {
  readonly clusterId: ConfigOption<string>;
  readonly sshOptions: ConfigOption<string | undefined>;
  readonly logsMax: ConfigOption<number>;
  readonly heartbeatInterval: ConfigOption<Duration>;
  readonly heartbeatTimeout: ConfigOption<Duration>;
  readonly askTimeout: ConfigOption<Duration>;
  readonly reconnectGrace: ConfigOption<Duration>;
  readonly slotIdleTimeout: ConfigOption<Duration>;
  readonly slotRequestTimeout: ConfigOption<Duration>;
}

/** The name of a folder, and of nothing else. */
const clusterName: OptionType<string> = {
  name: 'String',
  expected: 'a name of letters, digits, `-`, `_` and `.` that begins with a letter or digit',
  parse: (value) => (/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value) ? value : undefined),
  format: (value) => value,
};

export const ClusterOptions: ClusterOptions = {
  clusterId: option(
    'cluster.id',
    clusterName,
    'default',
    'The name of the cluster: of its folder on every machine, and of what it keeps.',
  ),
  sshOptions: optional(
    'env.ssh.opts',
    text,
    'Arguments for ssh when TaskManagers are started and stopped on other machines.',
  ),
  logsMax: option('env.log.max', integer(0, 1000), 10, 'Earlier logs of a process that are kept.'),
  heartbeatInterval: option(
    'heartbeat.interval',
    duration,
    seconds(10),
    'How often components ask each other whether they live.',
  ),
  heartbeatTimeout: option(
    'heartbeat.timeout',
    duration,
    seconds(50),
    'After this long without an answer a component counts as lost.',
  ),
  askTimeout: option(
    'pekko.ask.timeout',
    duration,
    seconds(10),
    'How long a call between components may take.',
    ['akka.ask.timeout'],
  ),
  reconnectGrace: option(
    'millrace.rpc.reconnect-grace',
    duration,
    milliseconds(100),
    'How long the connection of a TaskManager with a JobMaster may be broken and goes on all the same. A longer break is a loss: the tasks there fail and restart.',
  ),
  slotIdleTimeout: option(
    'slot.idle.timeout',
    duration,
    seconds(50),
    'After this long without use a job gives a slot back.',
  ),
  slotRequestTimeout: option(
    'slot.request.timeout',
    duration,
    minutes(5),
    'After this long without a free slot a job fails.',
  ),
};
