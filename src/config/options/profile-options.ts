/** CPU profiles of the slots of a job. */
import { minutes, type Duration } from '../../base/units.ts';
import { boolean, duration, option, optional, text } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface ProfileOptions {
  readonly enabled: ConfigOption<boolean>;
  readonly directory: ConfigOption<string | undefined>;
  readonly duration: ConfigOption<Duration>;
}

export const ProfileOptions: ProfileOptions = {
  enabled: option(
    'millrace.profile.enabled',
    boolean,
    false,
    'Whether each slot of the job writes a CPU profile of its thread; `millrace run --profile` sets it.',
  ),
  directory: optional(
    'millrace.profile.dir',
    text,
    'The folder on the machine of a slot in which its profile is written. Without it that is the folder of logs of a cluster, from which `millrace run --profile` copies it to where it was called; in `millrace run` without a cluster, the folder in which it was called.',
  ),
  duration: option(
    'millrace.profile.duration',
    duration,
    minutes(5),
    'How long a slot is looked at, from its start. The profile is written then, or when its tasks have ended.',
  ),
};
