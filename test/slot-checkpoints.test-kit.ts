/**
 * All tasks of a job in one slot, wired by the product's code, with checkpoints into memory: they
 * are triggered by hand, and another slot goes on from what they have acknowledged.
 */
import assert from 'node:assert/strict';
import type { Timestamp } from '../src/base/units.ts';
import type { CompiledJob, JobEdge } from '../src/graph/job-graph.ts';
import { keyGroupRange } from '../src/graph/key-groups.ts';
import { EngineError } from '../src/base/errors.ts';
import { deploymentsOf, planJob } from '../src/jobmaster/job-plan.ts';
import { Doorbell } from '../src/network/doorbell.ts';
import { NetworkMemory } from '../src/network/network-memory.ts';
import type {
  ChannelState,
  CheckpointOptions,
  OperatorRestore,
  StateHandle,
  StateRestore,
  TaskSnapshot,
} from '../src/protocol/checkpoint.ts';
import type { SlotLocation, TaskDeployment } from '../src/protocol/task-deployment.ts';
import { snapshotInputOf } from '../src/state/memory-snapshot.ts';
import type {
  SnapshotOutputStream,
  SnapshotStorage,
} from '../src/taskexecutor/slot/checkpoint/snapshot-streams.ts';
import { notifyTask } from '../src/taskexecutor/slot/checkpoint/notify-task.ts';
import type { CheckpointAnswer } from '../src/taskexecutor/slot/checkpoint/task-checkpoints.ts';
import { SlotLoop } from '../src/taskexecutor/slot/slot-loop.ts';
import { TaskWiring } from '../src/taskexecutor/slot/task-wiring.ts';
import type { WiredTask } from '../src/taskexecutor/slot/task-wiring.ts';
import { silentRegion } from '../src/testing/silent-region.ts';
import { TestWorld } from '../src/testing/test-world.ts';

const HERE: SlotLocation = {
  ...{ taskExecutorId: 'here', slot: 0, generation: 1, host: 'localhost', dataPort: 0 },
};

/** A checkpoint storage in memory that knows what is in it, and fails when it is told to. */
export class MemoryStorage implements SnapshotStorage {
  readonly files = new Map<string, Uint8Array>();
  failure: Error | undefined = undefined;
  /** Holds up everything that is to become durable. */
  gate: Promise<void> | undefined = undefined;
  #next = 0;

  open(location: string, scope: 'exclusive' | 'shared'): SnapshotOutputStream {
    const uri = `${scope === 'shared' ? 'shared' : location}/${this.#next++}`;
    const pieces: Uint8Array[] = [];
    let aborted = false;
    return {
      write: (bytes) => void pieces.push(bytes),
      full: false,
      drained: () => Promise.resolve(),
      finish: async () => {
        await this.gate;
        if (this.failure !== undefined) throw this.failure;
        const bytes = Buffer.concat(pieces);
        if (!aborted) this.files.set(uri, bytes);
        return { kind: 'file', uri, size: bytes.length, shared: scope === 'shared' };
      },
      abort: async () => {
        aborted = true;
        this.files.delete(uri);
      },
    };
  }

  async openFile({ uri }: { readonly uri: string }): ReturnType<SnapshotStorage['openFile']> {
    const bytes = this.files.get(uri);
    assert.ok(bytes !== undefined, `${uri} is not there`);
    return { ...snapshotInputOf(uri, bytes), close: async () => undefined };
  }
}

/** What a checkpoint consists of, by execution (vertex and subtask). */
export type Completed = ReadonlyMap<string, TaskSnapshot>;

export interface SlotOptions {
  readonly job: CompiledJob;
  readonly storage: MemoryStorage;
  readonly incremental?: boolean;
  readonly from?: {
    readonly checkpointId: number;
    readonly job: CompiledJob;
    readonly of: Completed;
  };
}

export class CheckpointedSlot {
  readonly world = new TestWorld(1_000_000 as Timestamp, 1);
  readonly tasks: readonly WiredTask[];
  readonly answers: CheckpointAnswer[] = [];
  readonly ended = new Map<string, string>();
  readonly registered: { readonly vertex: string; readonly subtask: number }[] = [];
  failure: Error | undefined = undefined;
  readonly #loop: SlotLoop;
  readonly #options: SlotOptions;

  constructor(options: SlotOptions) {
    this.#options = options;
    const { job, from } = options;
    const { clock } = this.world;
    this.#loop = new SlotLoop({ clock, doorbell: new Doorbell(silentRegion(), 0) });
    const plan = planJob(job.graph, 'full');
    const deployments = [
      ...deploymentsOf(plan, {
        attempt: 1,
        executions: plan.executions.map((_, index) => index),
        locationOf: () => HERE,
        restoreOf: () => undefined,
      }).values(),
    ].flat();
    const wiring = this.#wiring(job);
    this.tasks = wiring.wire(
      deployments.map((deployment) =>
        from === undefined
          ? deployment
          : { ...deployment, restore: restoreOf(deployment, job, from) },
      ),
    );
    this.#loop.setTasks(this.tasks.map(({ task }) => task));
  }

  async open(): Promise<void> {
    await Promise.all(this.tasks.map(({ task }) => task.start()));
    if (this.failure !== undefined) throw this.failure;
  }

  /** One step of every task that can, the most upstream ones first or last. */
  step(order: 'up' | 'down'): boolean {
    const tasks = order === 'up' ? this.tasks : this.tasks.toReversed();
    const able = tasks.filter(({ task }) => task.runnable);
    able[0]?.task.step();
    if (this.failure !== undefined) throw this.failure;
    return able.length > 0;
  }

  /** Runs until nothing changes any more, which takes some turns of promises to see. */
  async settle(): Promise<void> {
    let before = '';
    for (let idle = 0; idle < 25; idle += 1) {
      this.#loop.wake();
      this.world.clock.runSoon();
      // What has gathered is due.
      this.world.clock.fireNext((this.world.clock.now() + 100) as Timestamp);
      await Promise.resolve();
      if (this.failure !== undefined) throw this.failure;
      const now = this.#picture();
      if (now !== before) idle = 0;
      before = now;
    }
  }

  #picture(): string {
    const tasks = this.tasks.map(({ task }) => [task.phase, task.recordsIn, task.isHeld]);
    return JSON.stringify([tasks, this.answers.length, this.#options.storage.files.size]);
  }

  trigger(checkpointId: number, options: Partial<CheckpointOptions> = {}): void {
    for (const { task } of this.tasks) {
      if (task.source === undefined) continue;
      task.trigger(barrier(checkpointId, this.world.clock.now(), options));
    }
  }

  notify(checkpointId: number, outcome: 'complete' | 'aborted'): void {
    const latestComplete = outcome === 'complete' ? checkpointId : 0;
    for (const wired of this.tasks) notifyTask(wired, { checkpointId, outcome, latestComplete });
  }

  /** What all tasks have acknowledged; undefined if one has not. */
  completed(checkpointId: number): Completed | undefined {
    const snapshots = new Map<string, TaskSnapshot>();
    for (const answer of this.answers) {
      if (answer.checkpointId !== checkpointId) continue;
      if (answer.kind === 'decline-checkpoint') return undefined;
      snapshots.set(placeOf(answer.executionId), answer.snapshot);
    }
    return snapshots.size === this.tasks.length ? snapshots : undefined;
  }

  declined(checkpointId: number): readonly string[] {
    return this.answers.flatMap((answer) =>
      answer.kind === 'decline-checkpoint' && answer.checkpointId === checkpointId
        ? [EngineError.fromData(answer.error).message]
        : [],
    );
  }

  #wiring(job: CompiledJob): TaskWiring {
    const { world } = this;
    const { clock, disk, random, log } = world;
    return new TaskWiring({
      ...{ job, clock, disk, random, log, verify: 'off', flushTimeout: 100 },
      autoWatermarkInterval: 200 as never,
      memory: new NetworkMemory({ capacityBytes: 0, segmentBytes: 0, where: 'a test' }),
      isHere: () => true,
      isInProcess: () => true,
      linkTo: () => assert.fail('there is one slot'),
      listenerOf: (deployment) => ({
        running: () => void this.registered.push(deployment),
        readyToCommit: () => void this.ended.set(deployment.executionId, 'READY'),
        ended: (state, error) => {
          this.ended.set(deployment.executionId, state);
          if (error !== undefined && this.failure === undefined) this.failure = error;
        },
        wake: () => this.#loop.wake(),
      }),
      sourceWiring: (_deployment, _operator, pressure, task) => ({
        ...{ env: world, pressure },
        requestSplit: () => undefined,
        sendToEnumerator: () => undefined,
        reportWatermark: () => undefined,
        available: () => task().sourceAvailable(),
      }),
      sinkWiring: () => ({
        env: world,
        jobId: 'job',
        operatorId: 'sink',
        fileSystem: () => assert.fail('no file is written'),
        sendToClient: () => undefined,
        underLease: (effect) => effect(),
        commitRetries: 0,
      }),
      checkpoints: {
        storage: this.#options.storage,
        incremental: this.#options.incremental ?? false,
        background: this.#loop.background,
        answer: (message) => void this.answers.push(message),
      },
    });
  }
}

function barrier(
  checkpointId: number,
  triggeredAt: Timestamp,
  options: Partial<CheckpointOptions>,
): Parameters<WiredTask['task']['trigger']>[0] {
  return {
    ...{ kind: 'barrier', checkpointId, triggeredAt, latestComplete: 0 },
    options: {
      ...{ purpose: 'checkpoint', alignment: 'aligned', alignedTimeout: undefined },
      ...{ format: undefined, location: `chk-${checkpointId}`, stop: undefined, full: false },
      ...options,
    },
  };
}

/** `vertex/subtask` of an execution. */
function placeOf(executionId: string): string {
  return executionId.slice(0, executionId.lastIndexOf('/'));
}

/** What a subtask goes on from, at the same or another parallelism. */
function restoreOf(
  deployment: TaskDeployment,
  job: CompiledJob,
  { checkpointId, of, job: before }: NonNullable<SlotOptions['from']>,
): StateRestore {
  const { vertex, subtask, parallelism, maxParallelism } = deployment;
  const former = [...of].filter(([place]) => place.startsWith(`${vertex}/`));
  const formerParallelism = former.length;
  const own = keyGroupRange(subtask, maxParallelism, parallelism);
  const operators = job.graph.vertices
    .find(({ id }) => id === vertex)!
    .operators.map(({ id: operator }): OperatorRestore => {
      const all = former.map(([place, { operators: kept }]) => ({
        subtask: Number(place.slice(place.lastIndexOf('/') + 1)),
        state: kept.find((each) => each.operator === operator)!,
      }));
      const keyed = all.flatMap(({ state }) => state.keyed ?? []);
      return {
        ...{ operator, formerParallelism },
        keyed: keyed.filter((k) => k.firstKeyGroup <= own.last && k.lastKeyGroup >= own.first),
        operatorState: all.flatMap(({ subtask: from, state }) =>
          state.operatorState === undefined ? [] : [{ subtask: from, handle: state.operatorState }],
        ),
        committables: all.flatMap(({ subtask: from, state }) =>
          from % parallelism === subtask ? state.committables : [],
        ),
        committable: undefined,
      };
    });
  const same = former.find(([place]) => place === `${vertex}/${subtask}`)?.[1];
  const inputs = flightTo(deployment, job, before, of);
  const outputs = formerParallelism === parallelism ? same!.outputs : dealt(former, deployment);
  const finished = former.every(([, snapshot]) => snapshot.finished);
  return {
    ...{ kind: 'state', checkpointId, isClaimed: true },
    ...{ operators, inputs, outputs, finished },
  };
}

function flightTo(
  { vertex, subtask, parallelism }: TaskDeployment,
  job: CompiledJob,
  before: CompiledJob,
  of: Completed,
): ChannelState[] {
  const channels = [...of].flatMap(([place, { inputs }]) =>
    place.startsWith(`${vertex}/`) ? inputs : [],
  );
  const was = before.graph.vertices.find(({ id }) => id === vertex)!.parallelism;
  if (was === parallelism) return channels.filter(({ consumer }) => consumer === subtask);
  const edge = (id: string): JobEdge => job.graph.edges.find((each) => each.id === id)!;
  return channels.filter(({ edge: id, consumer }) => {
    const isKeyed = job.edges.get(edge(id).id)!.partitioner.kind === 'hash';
    return isKeyed || consumer % parallelism === subtask;
  });
}

function dealt(
  former: readonly (readonly [string, TaskSnapshot])[],
  { subtask, parallelism }: TaskDeployment,
): ChannelState[] {
  return former.flatMap(([, { outputs }]) =>
    outputs.filter(({ producer }) => producer % parallelism === subtask),
  );
}

export function urisOf(of: Completed): string[] {
  const uri = (handle: StateHandle | undefined): string[] =>
    handle?.kind === 'file' ? [handle.uri] : [];
  return [...of.values()].flatMap(({ operators, inputs, outputs }) => [
    ...operators.flatMap(({ keyed, operatorState }) => [
      ...(keyed?.parts.flatMap(uri) ?? []),
      ...uri(operatorState),
    ]),
    ...[...inputs, ...outputs].flatMap(({ handle }) => uri(handle)),
  ]);
}
