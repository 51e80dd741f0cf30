/** Object stores that speak S3, as places of checkpoints and output. Keys as in Flink. */
import { boolean, integer, memorySize, option, optional, text } from '../option.ts';
import type { ConfigOption } from '../option.ts';

interface S3Options {
  readonly endpoint: ConfigOption<string | undefined>;
  readonly region: ConfigOption<string | undefined>;
  readonly accessKey: ConfigOption<string | undefined>;
  readonly secretKey: ConfigOption<string | undefined>;
  readonly sessionToken: ConfigOption<string | undefined>;
  readonly pathStyleAccess: ConfigOption<boolean>;
  readonly attempts: ConfigOption<number>;
  readonly partSize: ConfigOption<number>;
  readonly concurrentUploads: ConfigOption<number>;
}

export const S3Options: S3Options = {
  endpoint: optional(
    's3.endpoint',
    text,
    'The address of the object store, e.g. `http://127.0.0.1:9000`; that of AWS in the region if it is not set.',
  ),
  region: optional(
    's3.endpoint.region',
    text,
    'The region. Unset: what AWS_REGION or the profile of AWS says, and `us-east-1` where an endpoint is set.',
    ['s3.region'],
  ),
  accessKey: optional(
    's3.access-key',
    text,
    'The access key. Unset: what AWS finds in the environment, the profile, or the role of the machine.',
    ['s3.access.key'],
  ),
  secretKey: optional('s3.secret-key', text, 'The secret that belongs to the access key.', [
    's3.secret.key',
  ]),
  sessionToken: optional(
    's3.session-token',
    text,
    'The token that belongs to keys which hold for a while only.',
    ['s3.session.token'],
  ),
  pathStyleAccess: option(
    's3.path.style.access',
    boolean,
    false,
    'Whether the bucket stands in the path of the address and not in its host: most stores other than that of AWS want this.',
    ['s3.path-style-access'],
  ),
  attempts: option(
    's3.attempts.maximum',
    integer(1),
    8,
    'How often a request is tried that fails by the network or because the store is busy, with growing pauses between. The default of Flink is that of Hadoop, 20.',
  ),
  partSize: option(
    's3.upload.min.part.size',
    memorySize,
    5 * 1024 * 1024,
    'Size of the parts in which files are uploaded, at least 5 mb, which S3 demands.',
  ),
  concurrentUploads: option(
    's3.upload.max.concurrent.uploads',
    integer(1, 64),
    4,
    'How many parts of a file are uploaded at a time. The default of Flink is the number of cores.',
  ),
};
