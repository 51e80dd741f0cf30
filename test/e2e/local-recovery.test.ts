// A job whose slots keep copies of their state on their own machine: when a TaskManager is killed,
// the other goes on from its copies, or, where they are damaged, from the checkpoint; its output is
// exact either way, and no copy outlives the job.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { addressIn, startProcess, type ClusterProcess } from './cluster.test-kit.ts';
import { CommittedOutput } from './committed-output.test-kit.ts';
import { pause } from './killed-cluster.test-kit.ts';
import { TestCluster } from './test-cluster.test-kit.ts';
import { writeTotalsJob } from './totals-job.test-kit.ts';

const RECORDS = 6000;
const KEYS = 30;
const FROM_COPIES = /^(\d+) bytes of state were read from copies here, (\d+) from the checkpoint$/;

/** What slots of the process have read since it started. */
function restoredBy({ log }: ClusterProcess): { readonly copies: number; readonly files: number } {
  const found = log.flatMap(({ message }) => {
    const [, copies, files] = FROM_COPIES.exec(message) ?? [];
    return copies === undefined ? [] : [{ copies: Number(copies), files: Number(files) }];
  });
  return {
    copies: found.reduce((sum, { copies }) => sum + copies, 0),
    files: found.reduce((sum, { files }) => sum + files, 0),
  };
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

describe('a job whose slots keep copies of their state', () => {
  const home = mkdtempSync(join(tmpdir(), 'millrace-local-'));
  after(() => rmSync(home, { recursive: true }));
  const moduleUrl = writeTotalsJob(home, {
    ...{ records: RECORDS, keys: KEYS, ratePerSecond: 1000, intervalMillis: 200 },
  });

  for (const damaged of [false, true]) {
    const from = damaged ? 'the checkpoint, as they are damaged' : 'them';
    test(`goes on from ${from}`, { timeout: 120_000 }, async (context) => {
      const base = mkdtempSync(join(home, 'case-'));
      const copies = join(base, 'copies');
      const options = { 'execution.checkpointing.local-backup.dirs': copies };
      await using cluster = await TestCluster.start({ taskManagers: 2, slots: 1, options });
      const [victim, survivor] = cluster.taskManagers as [ClusterProcess, ClusterProcess];
      const client = await cluster.submit({
        moduleUrl,
        parameters: { out: join(base, 'out') },
        configuration: {
          'parallelism.default': '2',
          'execution.checkpointing.dir': join(base, 'checkpoints'),
          'execution.checkpointing.data-inline-threshold': '1 b',
          'execution.checkpointing.incremental': 'true',
          'execution.state-recovery.from-local': 'true',
        },
      });
      const output = new CommittedOutput(join(base, 'out'));
      const until = async (what: string, holds: () => boolean): Promise<void> => {
        const latest = performance.now() + 30_000;
        while (!holds()) {
          assert.ok(performance.now() < latest, `not within 30 s: ${what}`);
          output.look();
          await pause(20);
        }
      };
      await until('results', () => output.values > 500);
      const { host, port } = addressIn(await cluster.jobManager.said('JobManager ready'));
      if (damaged) {
        // No checkpoint comes between, as the other does not take part any more.
        process.kill(victim.pid, 'SIGSTOP');
        await pause(100);
        for (const path of filesBelow(join(copies, ofProcess(copies, survivor)))) {
          const bytes = readFileSync(path);
          bytes[bytes.length >> 1]! ^= 1;
          writeFileSync(path, bytes);
        }
      }
      victim.kill('SIGKILL');
      await victim.exited;
      const spare = startProcess('taskmanager', {
        ...options,
        'jobmanager.rpc.address': host,
        'jobmanager.rpc.port': port,
        'taskmanager.host': '127.0.0.1',
        'taskmanager.numberOfTaskSlots': 1,
      });
      try {
        await spare.said('TaskManager registered');
        assert.equal(ofProcess(copies, victim), '', 'what the killed process left is gone');
        const { status, error } = await client.result();
        assert.equal(status, 'FINISHED', JSON.stringify(error));
        client.close();
        output.requireAll(RECORDS, KEYS);
        const [there, here] = [restoredBy(survivor), restoredBy(spare)];
        context.diagnostic(
          `read by who lived: ${JSON.stringify(there)}, by the new one: ${JSON.stringify(here)}`,
        );
        assert.ok(here.files > 0 && here.copies === 0, 'the new one has no copies');
        const told = survivor.log.filter(({ message }) => message.includes('is not used'));
        if (damaged) {
          assert.ok(there.files > 0 && there.copies === 0, 'nothing of what is damaged is used');
          assert.match(told.map(({ message }) => message).join(), /does not match its checksum/);
        } else {
          // Lists are dealt out anew to all subtasks: those of the other are no copies.
          assert.ok(there.copies > there.files, 'its own state comes from copies');
          assert.deepEqual(told, []);
        }
        await until('no copies are left', () => filesBelow(copies).length === 0);
      } finally {
        spare.kill();
        await spare.exited;
      }
      survivor.kill();
      await survivor.exited;
      assert.deepEqual(readdirSync(copies), [], 'folders of processes that have ended');
    });
  }
});

/** The folder of a process; '' if there is none. */
function ofProcess(copies: string, { pid }: ClusterProcess): string {
  const names = existsSync(copies) ? readdirSync(copies) : [];
  return names.find((name) => name.startsWith(`taskmanager-${pid}-`)) ?? '';
}
