/** What the components of a cluster have in common: heartbeats, calls, slots. */
import { minutes, seconds, type Duration } from '../../base/units.ts';
import { duration, option, type ConfigOption } from '../option.ts';

interface ClusterOptions {
  readonly heartbeatInterval: ConfigOption<Duration>;
  readonly heartbeatTimeout: ConfigOption<Duration>;
  readonly askTimeout: ConfigOption<Duration>;
  readonly slotIdleTimeout: ConfigOption<Duration>;
  readonly slotRequestTimeout: ConfigOption<Duration>;
}

export const ClusterOptions: ClusterOptions = {
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
