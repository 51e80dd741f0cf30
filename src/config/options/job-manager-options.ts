/** A JobManager: where it listens, and under which address others reach it. */
import { integer, option, optional, text, type ConfigOption } from '../option.ts';

interface JobManagerOptions {
  readonly rpcAddress: ConfigOption<string>;
  readonly rpcPort: ConfigOption<number>;
  readonly bindHost: ConfigOption<string | undefined>;
}

export const JobManagerOptions: JobManagerOptions = {
  rpcAddress: option(
    'jobmanager.rpc.address',
    text,
    'localhost',
    'The host under which TaskManagers and clients reach the JobManager.',
  ),
  rpcPort: option(
    'jobmanager.rpc.port',
    integer(0, 65_535),
    6123,
    'The port on which TaskManagers reach the JobManager. 0 picks a free one.',
  ),
  bindHost: optional(
    'jobmanager.bind-host',
    text,
    'The address that the JobManager listens on; 0.0.0.0 for all. Unset: `jobmanager.rpc.address`.',
  ),
};
