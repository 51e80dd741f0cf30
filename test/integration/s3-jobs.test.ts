// A job whose checkpoints are in S3, on a cluster whose TaskManagers are killed: it goes on from
// what is there, with copies of state on the machines and without, its output is exact, and when it
// has ended the bucket is as empty as before.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { S3Client, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { addressIn, startProcess } from '../e2e/cluster.test-kit.ts';
import { CommittedOutput } from '../e2e/committed-output.test-kit.ts';
import { pause } from '../e2e/killed-cluster.test-kit.ts';
import { TestCluster } from '../e2e/test-cluster.test-kit.ts';
import { writeTotalsJob } from '../e2e/totals-job.test-kit.ts';
import { BUCKET, S3Server } from '../services/s3-server.ts';

const RECORDS = 12_000;
const KEYS = 20;
const LOOK_MILLIS = 50;

const home = mkdtempSync(join(tmpdir(), 'millrace-s3-jobs-'));
after(() => rmSync(home, { recursive: true }));
const moduleUrl = writeTotalsJob(home, {
  ...{ records: RECORDS, keys: KEYS, ratePerSecond: 1000, intervalMillis: 300 },
});

for (const [kind, local] of [
  ['moto', false],
  ['versity', true],
] as const) {
  describe(`checkpoints in ${kind}`, () => {
    let server: S3Server;
    before(async () => {
      server = await S3Server.start(kind);
    });
    after(() => server[Symbol.asyncDispose]());

    const where = local ? 'with copies on the machines' : 'without copies';
    test(`a job is killed and goes on, ${where}`, { timeout: 120_000 }, async (context) => {
      const base = join(home, `${kind}-${local}`);
      const options = {
        ...server.options(),
        'execution.checkpointing.local-backup.dirs': join(base, 'copies'),
      };
      await using cluster = await TestCluster.start({ taskManagers: 2, slots: 1, options });
      const client = await cluster.submit({
        moduleUrl,
        parameters: { out: join(base, 'out') },
        configuration: {
          ...server.options(),
          'parallelism.default': '2',
          'execution.checkpointing.dir': `s3://${BUCKET}/checkpoints`,
          // Everything is in files.
          'execution.checkpointing.data-inline-threshold': '1 b',
          'execution.checkpointing.incremental': 'true',
          'execution.state-recovery.from-local': String(local),
        },
      });
      const output = new CommittedOutput(join(base, 'out'));
      const until = { ended: false };
      const result = client.result().finally(() => (until.ended = true));
      let objects = 0;
      while (!until.ended && output.values === 0) {
        output.look();
        await pause(LOOK_MILLIS);
      }
      assert.ok(!until.ended);
      objects = await countObjects(server);
      const [victim] = cluster.taskManagers;
      victim!.kill('SIGKILL');
      const { host, port } = addressIn(await cluster.jobManager.said('JobManager ready'));
      const spare = startProcess('taskmanager', {
        ...options,
        'jobmanager.rpc.address': host,
        'jobmanager.rpc.port': port,
        'taskmanager.host': '127.0.0.1',
        'taskmanager.numberOfTaskSlots': 1,
      });
      try {
        while (!until.ended) {
          output.look();
          await pause(LOOK_MILLIS);
        }
        const { status, error } = await result;
        assert.equal(status, 'FINISHED', JSON.stringify(error));
        client.close();
        output.requireAll(RECORDS, KEYS);
      } finally {
        spare.kill();
        await spare.exited;
      }
      const { log } = cluster.jobManager;
      const restores = log.filter(({ message }) => /goes on from checkpoint \d/.test(message));
      context.diagnostic(`${objects} objects when it was killed, ${restores.length} restores`);
      assert.ok(objects > 0, 'checkpoints are in the bucket');
      assert.ok(restores.length > 0, 'it went on from one of them');
      assert.equal(await countObjects(server), 0, 'objects that are left');
    });
  });
}

/** In the bucket. */
async function countObjects(server: S3Server): Promise<number> {
  const options = server.options();
  const client = new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: {
      accessKeyId: options['s3.access-key']!,
      secretAccessKey: options['s3.secret-key']!,
    },
  });
  try {
    const { KeyCount } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
    return KeyCount ?? 0;
  } finally {
    client.destroy();
  }
}
