/** What a master makes of acknowledgements, whoever they come from. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { it } from 'node:test';
import { checkpointConfigOf } from '../src/checkpoint/checkpoint-config.ts';
import { Configuration } from '../src/config/configuration.ts';
import { nodeDisk } from '../src/env/node/disk.ts';
import { nodeRandom } from '../src/env/node/random.ts';
import type { JobGraph } from '../src/graph/job-graph.ts';
import { memoryCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import type { CheckpointAcknowledgement } from '../src/protocol/job-master-service.ts';
import { ManualClock } from '../src/rpc/manual-clock.test-kit.ts';
import { FileSystems } from '../src/storage/file-systems.ts';
import { dynamic } from '../src/types/index.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { JobCheckpoints } from '../src/jobmaster/job-checkpoints.ts';
import type { JobCheckpointsOptions } from '../src/jobmaster/job-checkpoints.ts';
import { executionIdOf, parseExecutionId, planJob } from '../src/jobmaster/job-plan.ts';

const JOB: JobGraph = {
  ...{ version: 1, name: 'j', fingerprint: 'f', edges: [], parameters: {}, configuration: {} },
  vertices: [
    {
      ...{ id: 'a', name: 'a', parallelism: 1, maxParallelism: 128, slotSharingGroup: 'default' },
      operators: [
        {
          ...{ id: 'op', name: 'op', uid: undefined, stateful: true, chainedOutputs: [] },
          ...{ kind: 'map', output: dynamic.description },
        },
      ],
    },
  ],
};
const METRICS: CheckpointAcknowledgement['metrics'] = {
  ...{ startDelayMillis: 0, alignmentMillis: 0, syncMillis: 0, asyncMillis: 0, writtenBytes: 0 },
  ...{ stateBytes: 0, processedBytes: 0, inFlightBytes: 0, unaligned: false },
};

// In a cluster the network puts a task of an earlier attempt to silence before its successor runs:
// no run of the simulator meets the one that is late. Mutant `late-acknowledgement`.
it('a task of an earlier attempt acknowledges for nobody, and what it has written goes', async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'millrace-acknowledged-'));
  try {
    const fileSystems = FileSystems.create({ disk: nodeDisk(), random: nodeRandom() });
    const log = { write: () => undefined, with: () => log };
    const directory = join(folder, 'checkpoints');
    const place = new CheckpointPlace({
      ...{ jobId: '01234567', fileSystems, directory, masters: 1, log, clock: new ManualClock() },
      pointers: memoryCheckpointPointers(),
    });
    const plan = planJob(JOB, 'region');
    const triggered: number[] = [];
    const options = {
      ...{ jobId: '01234567', plan, place, historyLimit: 10 },
      config: checkpointConfigOf(Configuration.empty),
      env: { clock: { now: () => 0 }, random: { uint32: () => 0 }, log },
      main: {
        assertInside: () => undefined,
        now: () => 0,
        after: () => ({ [Symbol.dispose]: () => undefined }),
        follow: (promise: Promise<unknown>, done: () => void, failed: () => void) =>
          void promise.then(done, failed),
        fatal: (error: unknown) => assert.fail(String(error)),
      },
      run: {
        plan,
        state: {
          status: 'RUNNING',
          executions: [{ state: 'RUNNING', ready: false, slot: 0 }],
          ...{ regions: [{ generation: 2, stopping: false }], regionOf: [0] },
        },
        which: (executionId: string) => parseExecutionId(plan, executionId),
        isAtWork: (_index: number, attempt: number) => attempt === 2,
      },
      senders: {
        snapshotSources: (checkpointId: number) =>
          checkpoints.sourcesSnapshot({ kind: 'sources-snapshot', checkpointId, sources: [] }),
        trigger: (_executions: unknown, trigger: { readonly checkpointId: number }) =>
          void triggered.push(trigger.checkpointId),
        notify: () => undefined,
      },
    };
    const checkpoints = new JobCheckpoints(options as unknown as JobCheckpointsOptions);
    const acknowledge = (attempt: number): string => {
      const name = `of-attempt-${attempt}`;
      const uri = `${place.jobDirectory}/shared/${name}`;
      fs.writeFileSync(uri.slice('file:'.length), 'state');
      const handle = { kind: 'file', uri, size: 5, shared: true } as const;
      const keyed = { firstKeyGroup: 0, lastKeyGroup: 127, parts: [handle] };
      checkpoints.acknowledged({
        executionId: executionIdOf(plan.executions[0]!, attempt),
        checkpointId: triggered[0]!,
        snapshot: {
          operators: [{ operator: 'op', keyed, operatorState: undefined, committables: [] }],
          ...{ inputs: [], outputs: [], finished: false },
        },
        metrics: METRICS,
      });
      return name;
    };

    await checkpoints.open({ restored: [], isFirst: false, settings: undefined });
    checkpoints.observe();
    const outcome = { isAnswered: false };
    const answer = checkpoints
      .request({ full: false, savepoint: undefined })
      .finally(() => (outcome.isAnswered = true));
    while (triggered.length === 0) await setImmediate();
    const early = acknowledge(1);
    const shared = join(directory, '01234567', 'shared');
    while (fs.readdirSync(shared).includes(early) && !outcome.isAnswered) await setImmediate();
    assert.equal(outcome.isAnswered, false, 'the checkpoint waits for its task');
    const own = acknowledge(2);
    assert.equal((await answer).checkpointId, triggered[0]);
    assert.deepEqual(fs.readdirSync(shared), [own]);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
