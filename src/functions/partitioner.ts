/** A user's own partitioner for `partitionCustom`. */

/**
 * Returns a channel index in [0, channels); anything else fails the job with
 * USER_CODE_BAD_PARTITION.
 */
export type Partitioner<K> = (key: K, channels: number) => number;
