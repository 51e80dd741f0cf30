// D7, R7, E2: a Dispatcher that dies at any change of the disk while it ends a job, and the next
// one: the job does not run again, and of its checkpoints stays what is to stay.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../src/base/errors.ts';
import { milliseconds, minutes } from '../src/base/units.ts';
import { CompletedCheckpoints } from '../src/checkpoint/completed-checkpoints.ts';
import type { PendingCheckpoint } from '../src/checkpoint/coordinator-state.ts';
import { FaultyDisk } from '../src/deploy/faulty-disk.test-kit.ts';
import { Dispatcher } from '../src/dispatcher/dispatcher.ts';
import type { JobMasterHandle } from '../src/dispatcher/dispatcher.ts';
import type { Clock, Env } from '../src/env/env.ts';
import { memoryNetwork } from '../src/env/memory-network.ts';
import { nodeEnv } from '../src/env/node/node-env.ts';
import { fileCheckpointPointers } from '../src/ha/checkpoint-pointers.ts';
import { fileJobResultStore, fileJobStore } from '../src/ha/file-job-store.ts';
import type { JobStore } from '../src/ha/job-store.ts';
import { StoredFiles } from '../src/ha/stored-files.ts';
import { CheckpointPlace } from '../src/jobmaster/checkpoint-place.ts';
import { cleanUpEnded } from '../src/jobmaster/ended-checkpoints.ts';
import type { StateHandle } from '../src/protocol/checkpoint.ts';
import type { CheckpointPointers, CheckpointsAtEnd } from '../src/protocol/stored-checkpoints.ts';
import { RpcService } from '../src/rpc/rpc-service.ts';
import { JOB_ID, someMetadata } from '../src/storage/checkpoint.test-kit.ts';
import { CheckpointStreams } from '../src/storage/checkpoint-streams.ts';
import { FileSystems } from '../src/storage/file-systems.ts';

const world = nodeEnv({
  entries: {
    slot: new URL('../bin/slot-worker.ts', import.meta.url),
    coordinator: new URL('../bin/coordinator-worker.ts', import.meta.url),
  },
  // What cannot be removed when the disk is gone is told.
  log: { level: 'error' },
});

/** A disk that is gone does not come back. */
const IMPATIENT: Pick<Clock, 'after'> = {
  after: (_delay, callback) => world.clock.after(milliseconds(0), callback),
};

interface Stores {
  readonly jobs: JobStore;
  readonly pointers: CheckpointPointers;
}

class Rig implements Disposable {
  readonly folder = fs.mkdtempSync(join(tmpdir(), 'millrace-ended-'));
  readonly directory = join(this.folder, 'checkpoints');
  readonly savepoints = join(this.folder, 'savepoints');

  [Symbol.dispose](): void {
    fs.rmSync(this.folder, { recursive: true });
  }

  async stores(env: Env): Promise<Stores> {
    const confirm = async (): Promise<void> => undefined;
    const place = { env, folder: join(this.folder, 'ha'), confirm };
    const kind = 'checkpoints';
    const files = await StoredFiles.open({ ...place, folder: join(this.folder, 'ha', kind), kind });
    const jobs = await fileJobStore(place);
    const remove = async (jobId: string): Promise<void> => {
      await files.remove(jobId);
      await jobs.remove(jobId);
    };
    return { jobs: { ...jobs, remove }, pointers: fileCheckpointPointers(files, JOB_ID) };
  }

  place(env: Env, pointers: CheckpointPointers): CheckpointPlace {
    return new CheckpointPlace({
      ...{ jobId: JOB_ID, directory: this.directory, pointers, masters: 1, log: env.log },
      clock: IMPATIENT,
      fileSystems: FileSystems.create(env),
    });
  }

  /**
   * A job with two checkpoints, files of the one before and of attempts besides, savepoints too.
   */
  async begun(): Promise<void> {
    const { jobs, pointers } = await this.stores(world);
    const job = { jobId: JOB_ID, moduleUrl: 'file:///job.ts', exportName: undefined };
    const submission = { job: { ...job, parameters: {}, configuration: {} }, graph: undefined };
    await jobs.put({ ...submission, attached: false });
    const place = this.place(world, pointers);
    await place.begin();
    assert.equal(await place.firstFreeId(true), 1);
    const completed = new CompletedCheckpoints(2);
    for (const checkpointId of [1, 2]) {
      const pending = pendingOf(checkpointId);
      const location = await place.prepare(pending);
      const metadata = { ...(await this.#metadata(place, location)), checkpointId };
      const done = await place.complete({ ...pending, location }, metadata, (each) =>
        completed.with(each),
      );
      completed.add(done);
    }
    await place.prepare(pendingOf(3));
    fs.writeFileSync(join(this.directory, JOB_ID, '.probe-0a'), 'of a master that was killed');
    await place.prepare(savepointOf(4, this.savepoints));
    fs.writeFileSync(join(this.directory, JOB_ID, 'shared', 'of-nobody'), 'state');
  }

  async #metadata(
    { jobDirectory }: CheckpointPlace,
    location: string,
  ): Promise<ReturnType<typeof someMetadata>> {
    const streams = new CheckpointStreams(FileSystems.create(world), {
      ...{ directory: jobDirectory, inlineBytes: 0 },
    });
    const handles = new Map<string, StateHandle>();
    for (const name of ['full', 'increment', 'in']) {
      const output = streams.open(location, name === 'in' ? 'exclusive' : 'shared');
      output.write(new TextEncoder().encode(name));
      handles.set(name, await output.finish());
    }
    return someMetadata((name) => handles.get(name)!);
  }

  /** Files and folders that are left of checkpoints. */
  left(): readonly string[] {
    if (!fs.existsSync(this.directory)) return [];
    return (fs.readdirSync(this.directory, { recursive: true }) as string[]).toSorted();
  }
}

function pendingOf(checkpointId: number): PendingCheckpoint {
  const request = { requestId: 0, full: false, savepoint: undefined };
  return { checkpointId, request, location: '' } as Partial<PendingCheckpoint> as PendingCheckpoint;
}

function savepointOf(checkpointId: number, directory: string): PendingCheckpoint {
  const savepoint = { directory, format: 'canonical', stop: undefined } as const;
  return { ...pendingOf(checkpointId), request: { requestId: 1, full: true, savepoint } };
}

/** Ends its job at once, as a JobMaster does. */
function master(place: CheckpointPlace, atEnd: CheckpointsAtEnd): JobMasterHandle {
  const completed = new CompletedCheckpoints(2);
  const status = 'FINISHED';
  const result = { jobId: JOB_ID, status, error: undefined, accumulators: [], runtimeMillis: 1 };
  const shown = { jobId: JOB_ID, name: 'job', status, startTime: 0, tasks: {} };
  const not = async (): Promise<never> => assert.fail('not asked for');
  return {
    location: { jobId: JOB_ID, address: 'jobmanager:1', endpoint: 'master', token: 't' },
    built: Promise.resolve(),
    result: place.recover().then((kept) => {
      for (const each of kept) completed.add(each);
      return { ...result, status };
    }),
    details: () => shown as unknown as ReturnType<JobMasterHandle['details']>,
    info: () => ({ ...shown, failures: [] }) as unknown as ReturnType<JobMasterHandle['info']>,
    summary: () => shown as unknown as ReturnType<JobMasterHandle['summary']>,
    cancel: () => undefined,
    triggerSavepoint: not,
    triggerCheckpoint: not,
    settle: () => place.settle(atEnd),
    async cleanUp() {
      if (atEnd === 'retained') return place.tidyUp(completed.kept);
      await place.discard(completed.discardAll());
      await place.removeAll();
    },
    close: async () => undefined,
  };
}

/** One life of a Dispatcher. @returns how often the job has run in it */
async function live(
  rig: Rig,
  env: Env,
  { atEnd, begins = () => undefined }: { atEnd: CheckpointsAtEnd; begins?: () => void },
): Promise<number> {
  const { jobs, pointers } = await rig.stores(env);
  const confirm = async (): Promise<void> => undefined;
  const results = await fileJobResultStore({ env, folder: join(rig.folder, 'ha'), confirm }, 10);
  const rpc = new RpcService({ env, name: 'jobmanager' });
  const over = Promise.withResolvers<void>();
  let runs = 0;
  const dispatcher = new Dispatcher({
    ...{ env, rpc, results },
    jobs: {
      ...jobs,
      async remove(jobId) {
        await jobs.remove(jobId);
        over.resolve();
      },
    },
    startJobMaster: () => {
      runs += 1;
      return master(rig.place(env, pointers), atEnd);
    },
    resources: () => ({ taskManagers: 0, total: 0, free: 0 }),
    cleanUpEnded: ({ masters }) => {
      const fileSystems = FileSystems.create(env);
      const directory = (): string => assert.fail('the pointers know it');
      const options = { jobId: JOB_ID, fileSystems, pointers, masters, directory };
      const clock = IMPATIENT;
      return cleanUpEnded({ ...options, log: env.log, clock });
    },
    disposeSavepoint: async () => assert.fail('not asked for'),
    endedJobs: { capacity: 10, maxBytes: 1e6, expiration: minutes(1) },
    onFatal: () => over.resolve(),
  });
  const known = await jobs.all();
  begins();
  dispatcher.recover(known);
  await over.promise;
  await dispatcher.close();
  await rpc.close();
  return runs;
}

const CHANGES = ['open', 'makeDirectory', 'rename', 'link', 'remove', 'write', 'sync'];

for (const atEnd of ['removed', 'retained'] as const) {
  test(`checkpoints that are to be ${atEnd} are, whatever the Dispatcher dies at`, async () => {
    const network = memoryNetwork(world.clock);
    let steps = 0;
    for (let died = true; died; steps++) {
      using rig = new Rig();
      await rig.begun();
      const disk = new FaultyDisk({ ...world, network, securedNetwork: () => network });
      let left = Number.POSITIVE_INFINITY;
      disk.fault = (operation, path) => {
        const reads = operation === 'open' && !path.includes('?');
        if (!CHANGES.includes(operation) || reads || left-- > 0) return undefined;
        return new EngineError('IO_FAILED', { operation, path, reason: 'the process is gone' });
      };
      const begins = (): void => void (left = steps);
      const runs = await live(rig, disk.env, { atEnd, begins });
      died = left < 0;
      left = Number.POSITIVE_INFINITY;
      const results = fs.readdirSync(join(rig.folder, 'ha', 'results'));
      const wasStored = results.some((name) => !name.startsWith('.'));
      const again = died ? await live(rig, disk.env, { atEnd }) : 0;
      if (wasStored) assert.equal(again, 0, `step ${steps}: it has ended, and ran again`);
      assert.ok(runs + again >= 1);
      assert.deepEqual(fs.readdirSync(rig.savepoints), [], `step ${steps}`);
      const kept = ['chk-1', 'chk-1/_metadata', 'chk-2', 'chk-2/_metadata', 'shared'];
      const names = rig.left().map((name) => name.slice(JOB_ID.length + 1));
      if (atEnd === 'removed') assert.deepEqual(rig.left(), [], `step ${steps}`);
      else {
        for (const name of kept) assert.ok(names.includes(name), `step ${steps}: ${name}`);
        assert.ok(!names.includes('chk-3'), `step ${steps}`);
        assert.ok(!names.includes('shared/of-nobody'), `step ${steps}`);
        assert.ok(!names.includes('.probe-0a'), `step ${steps}`);
        assert.equal(names.filter((name) => name.startsWith('shared/')).length, 4);
      }
      const ha = ['jobs', 'checkpoints'].flatMap((name) =>
        fs.readdirSync(join(rig.folder, 'ha', name)),
      );
      assert.deepEqual(ha, [], `step ${steps}`);
    }
    assert.ok(steps > 15, `${steps} steps`);
  });
}
