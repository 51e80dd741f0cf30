/**
 * Why some of Flink's options have no meaning here, where a user who brings a configuration along
 * may wonder. The first row that fits counts.
 */

/** A key, or its beginning followed by `*`, and a sentence. */
export const UNSUPPORTED: readonly (readonly [keys: string, reason: string])[] = [
  ['pipeline.object-reuse', 'Records are immutable, so they are always handed on without a copy.'],
  ['pipeline.jars', 'A job is a module; there are no jars.'],
  ['pipeline.classpaths', 'A job is a module; there are no class paths.'],
  ['pipeline.generic-types', 'There is no Kryo: schemas describe what has no codec of its own.'],
  ['pipeline.force-*', 'There is neither Kryo nor Avro beneath: schemas describe the records.'],
  ['pipeline.serialization-config', 'There is no Kryo: schemas describe the records.'],
  ['classloader.*', 'There are no class loaders: every job has a module graph of its own.'],
  ['env.java.*', 'There is no JVM. Node takes its own options from NODE_OPTIONS.'],
  ['env.hadoop.*', 'There is no Hadoop beneath.'],
  ['env.hbase.*', 'There is no HBase beneath.'],
  ['env.yarn.*', 'Millrace does not run on YARN.'],
  ['yarn.*', 'Millrace does not run on YARN.'],
  ['flink.hadoop.*', 'There is no Hadoop beneath.'],
  ['flink.yarn.*', 'Millrace does not run on YARN.'],
  ['zookeeper.*', 'There is no ZooKeeper beneath.'],
  ['high-availability.zookeeper.*', 'There is no ZooKeeper beneath; see high-availability.type.'],
  ['python.*', 'Jobs are written in TypeScript and JavaScript.'],
  ['taskmanager.memory.jvm-*', 'There is no JVM: one number bounds the process.'],
  ['jobmanager.memory.jvm-*', 'There is no JVM: one number bounds the process.'],
  ['jobmanager.memory.enable-jvm-*', 'There is no JVM: one number bounds the process.'],
  ['taskmanager.jvm-exit-on-oom', 'There is no JVM: a slot that fills its heap fails alone.'],
  ['cluster.evenly-spread-out-slots', 'Flink 2 has taskmanager.load-balance.mode in its place.'],
  ['taskmanager.network.netty.*', 'There is no Netty beneath.'],
  ['metrics.internal.*', 'Metrics come with the heartbeats; there is no service for them.'],
  ['state.backend.rocksdb.*', 'There is no RocksDB beneath.'],
  ['state.backend.forst.*', 'There is no ForSt beneath.'],
];

/** A sentence, or undefined where there is nothing to add. */
export function unsupportedReason(key: string): string | undefined {
  const row = UNSUPPORTED.find(([keys]) =>
    keys.endsWith('*') ? key.startsWith(keys.slice(0, -1)) : key === keys,
  );
  return row?.[1];
}
