/** Profiles of the threads of a process, asked for over REST. */
import { minutes, type Duration } from '../../base/units.ts';
import { boolean, duration, INT32_MAX, integer, option, optional, text } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface ProfilingOptions {
  readonly enabled: ConfigOption<boolean>;
  readonly directory: ConfigOption<string | undefined>;
  readonly durationMax: ConfigOption<Duration>;
  readonly historySize: ConfigOption<number>;
}

export const ProfilingOptions: ProfilingOptions = {
  enabled: option(
    'rest.profiling.enabled',
    boolean,
    false,
    'Whether clients of the REST interface may have profiles taken of the JobManager and of TaskManagers, which need the option, too.',
  ),
  directory: optional(
    'rest.profiling.dir',
    text,
    'Below which a process keeps the files of its profiles, in a folder of its own that goes with it. Unset: `profiles` in the folder of the cluster. Flink uses /tmp.',
  ),
  durationMax: option(
    'rest.profiling.duration-max',
    duration,
    minutes(5),
    'The longest time for which a profile may be taken.',
  ),
  historySize: option(
    'rest.profiling.history-size',
    integer(1, INT32_MAX),
    10,
    'How many profilings of a process are kept, each with a file for each thread.',
  ),
};
