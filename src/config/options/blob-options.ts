/** The bundles of jobs, on the disks of the processes that work for them. */
import { optional, text } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface BlobOptions {
  readonly storageDirectory: ConfigOption<string | undefined>;
}

export const BlobOptions: BlobOptions = {
  storageDirectory: optional(
    'blob.storage.directory',
    text,
    'The folder below which a process keeps the bundles of the jobs that it works for; that of the cluster in MILLRACE_HOME if it is not set.',
  ),
};
