/** How sinks commit what they have prepared. */
import { integer, option } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface SinkOptions {
  readonly committerRetries: ConfigOption<number>;
}

export const SinkOptions: SinkOptions = {
  committerRetries: option(
    'sink.committer.retries',
    integer(0, 1_000_000),
    10,
    'How often the commit of a checkpoint is tried again in its task, with growing pauses of up to 10 s, before the task fails and commits after its restart.',
  ),
};
