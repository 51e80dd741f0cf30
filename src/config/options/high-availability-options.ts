/** What outlives a JobManager, and where. */
import { choice, option, optional, text, type ConfigOption } from '../option.ts';

interface HighAvailabilityOptions {
  readonly type: ConfigOption<'none' | 'filesystem'>;
  readonly storageDir: ConfigOption<string | undefined>;
}

export const HighAvailabilityOptions: HighAvailabilityOptions = {
  type: option(
    'high-availability.type',
    choice(['none', 'filesystem']),
    'none',
    'Whether jobs outlive their JobManager: `filesystem` keeps them in `high-availability.storageDir`, and a JobManager that is started again goes on with them. A cluster that `millrace cluster start` has started keeps them in its own folder, unless this is set, and goes on with them when it is started again.',
    ['high-availability'],
  ),
  storageDir: optional(
    'high-availability.storageDir',
    text,
    'The folder in which jobs and their results are kept, each cluster in one named by its `cluster.id`. One JobManager at a time has it: a second one refuses to start.',
  ),
};
