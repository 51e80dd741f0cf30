/**
 * Why some of Flink's options have no meaning here, where a user who brings a configuration along
 * may wonder. The first row that fits counts.
 */

const JAVA_STORE = 'Java keystores cannot be read. Give files of certificates and keys (PEM) as';
const PASSPHRASE = 'The key is in a file that only the user can read, without a passphrase:';

function pem(name: string): string {
  return `millrace.security.ssl.${name}`;
}

/** A key, or its beginning followed by `*`, and a sentence. */
export const UNSUPPORTED: readonly (readonly [keys: string, reason: string])[] = [
  ['pipeline.object-reuse', 'Records are immutable, so they are always handed on without a copy.'],
  ['pipeline.jars', 'A job is a module; there are no jars.'],
  ['pipeline.classpaths', 'A job is a module; there are no class paths.'],
  ['pipeline.generic-types', 'There is no Kryo: schemas describe what has no codec of its own.'],
  ['pipeline.force-*', 'There is neither Kryo nor Avro beneath: schemas describe the records.'],
  ['pipeline.serialization-config', 'There is no Kryo: schemas describe the records.'],
  [
    'web.access-control-allow-origin',
    'No page of another origin reads the REST interface: only who has the token does.',
  ],
  ['web.rescale.enable', 'Running jobs cannot be rescaled yet.'],
  ['web.timeout', 'Calls between components have their time-out from pekko.ask.timeout.'],
  ['rest.await-leader-timeout', 'Clients repeat a call that nobody answers: see rest.retry.*.'],
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
  ['taskmanager.heap.size', 'Flink 2 has taskmanager.memory.process.size in its place.'],
  ['taskmanager.heap.mb', 'Flink 2 has taskmanager.memory.process.size in its place.'],
  ['taskmanager.memory.size', 'State is in the heap of the slots; there is no managed memory.'],
  ['jobmanager.heap.size', 'A JobManager takes what it needs: NODE_OPTIONS bounds its heap.'],
  ['jobmanager.heap.mb', 'A JobManager takes what it needs: NODE_OPTIONS bounds its heap.'],
  ['sql-gateway.*', 'There is no SQL gateway.'],
  ['taskmanager.network.netty.*', 'There is no Netty beneath.'],
  [
    'taskmanager.network.memory.*',
    'The memory of channels is shared out when tasks are deployed; see taskmanager.memory.network.*.',
  ],
  ['taskmanager.memory.min-segment-size', 'Segments become smaller by themselves, down to 4 kb.'],
  ['taskmanager.memory.starting-segment-size', 'Segments do not grow.'],
  [
    'taskmanager.network.tcp-connection.enable-reuse-across-jobs',
    'Two slots of a job have one connection.',
  ],
  ['web.tmpdir', 'Nothing is unpacked; see blob.storage.directory.'],
  ['metrics.internal.*', 'Metrics come with the heartbeats; there is no service for them.'],
  ['state.backend.rocksdb.*', 'There is no RocksDB beneath.'],
  ['state.backend.forst.*', 'There is no ForSt beneath.'],
  ['security.ssl.internal.cert.fingerprint', `The authority is pinned: ${pem('internal.ca')}.`],
  ['security.ssl.internal.keystore*', `${JAVA_STORE} ${pem('internal.certificate and .key')}.`],
  ['security.ssl.internal.key-password', `${PASSPHRASE} ${pem('internal.key')}.`],
  ['security.ssl.internal.truststore*', `${JAVA_STORE} ${pem('internal.ca')}.`],
  ['security.ssl.internal.*', 'The platform decides: TLS 1.3, a handshake within 10 s.'],
  ['security.ssl.rest.cert.fingerprint', `The authority is pinned: ${pem('rest.ca')}.`],
  ['security.ssl.rest.keystore*', `${JAVA_STORE} ${pem('rest.certificate and .key')}.`],
  ['security.ssl.rest.key-password', `${PASSPHRASE} ${pem('rest.key')}.`],
  ['security.ssl.rest.truststore*', `${JAVA_STORE} ${pem('rest.ca')}.`],
  ['security.ssl.keystore*', `${JAVA_STORE} ${pem('internal.certificate and .key')}.`],
  ['security.ssl.key-password', `${PASSPHRASE} ${pem('internal.key')}.`],
  ['security.ssl.truststore*', `${JAVA_STORE} ${pem('internal.ca')}.`],
  [
    'security.ssl.enabled',
    'Flink 2 has security.ssl.internal.enabled and security.ssl.rest.enabled in its place.',
  ],
  ['security.ssl.protocol', 'Processes speak TLS 1.3, and nothing older.'],
  ['security.ssl.algorithms', 'The platform decides which ciphers of TLS 1.3 are used.'],
  ['security.ssl.provider', 'TLS is that of Node.'],
  ['security.ssl.verify-hostname', `Instead: ${pem('internal.verify-hostname')}.`],
  ['taskmanager.data.ssl.enabled', 'security.ssl.internal.enabled covers records, calls and code.'],
  ['blob.service.ssl.enabled', 'security.ssl.internal.enabled covers code, calls and records.'],
  ['security.kerberos.*', 'There is no Kerberos; see millrace.security.secret-file.'],
];

/** Whether a row is for that key alone. */
export function isUnsupportedKey(key: string): boolean {
  return UNSUPPORTED.some(([keys]) => keys === key);
}

/** A sentence, or undefined where there is nothing to add. */
export function unsupportedReason(key: string): string | undefined {
  const row = UNSUPPORTED.find(([keys]) =>
    keys.endsWith('*') ? key.startsWith(keys.slice(0, -1)) : key === keys,
  );
  return row?.[1];
}
