/**
 * What runs in the coordinator worker of a job: the user's code that a JobMaster needs. It builds
 * the job twice and compares, gives the JobGraph, and lives on to run the split enumerators of the
 * job's sources, so that user code never runs on a JobManager's main thread.
 *
 * K1. `build` comes first and once; sources are started only after it has succeeded.
 * K2. The enumerators of one epoch, from a start of the sources to the next, are closed before
 * those
 *     of the next are made.
 * K3. What enumerators of an earlier epoch say is not sent.
 * K4. The parts of one checkpoint are taken from all enumerators, and sent, before those of the
 * next
 *     are; what an enumerator says after its part goes out after all of them.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError, messageOf, toEngineError } from '../base/errors.ts';
import type { ErrorData } from '../base/errors.ts';
import type { WorkerContext, WorkerMain } from '../env/env.ts';
import type { AnySource } from '../functions/source.ts';
import { updateIntervalOf } from '../functions/watermark-strategy.ts';
import { Configuration } from '../config/configuration.ts';
import { RecoveryOptions } from '../config/options/checkpointing-options.ts';
import { unguarded } from '../graph/build-guard.ts';
import type { BuildGuard } from '../graph/build-guard.ts';
import { requireSameGraph } from '../graph/fingerprint.ts';
import type { CompiledJob, JobGraph, JobVertex, OperatorId } from '../graph/job-graph.ts';
import { findJob } from '../graph/job-module.ts';
import { decodeToCoordinator, encodeCoordinatorMessage } from '../protocol/coordinator-messages.ts';
import type {
  FromCoordinator,
  RestoredSources,
  SourceState,
  ToCoordinator,
} from '../protocol/coordinator-messages.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { AlignmentGroups } from './alignment-groups.ts';
import { EnumeratorHost } from './enumerator-host.ts';
import { restoredEnumerator } from '../operators/restored-enumerator.ts';

type SourceEvent = Extract<ToCoordinator, { readonly kind: 'source-event' }>;

/** Where an enumerator belongs. */
interface Hosted {
  readonly epoch: number;
  readonly vertex: JobVertex;
  readonly operator: OperatorId;
  readonly restored: RestoredSources | undefined;
  readonly failed: (error: unknown) => void;
}

/** Adds to the graph of a job what its operators keep. */
type WithStates = (job: CompiledJob) => Promise<JobGraph>;

/** Loaded by the few jobs that go on from a savepoint. */
async function loadedWithStates(job: CompiledJob): Promise<JobGraph> {
  const { graphWithStates } = await import('../operators/declared-states.ts');
  return graphWithStates(job);
}

/**
 * The entry point of a coordinator worker; `guard` runs builds so that they cannot depend on the
 * machine.
 */
export function coordinatorWorker(
  guard: BuildGuard = unguarded,
  withStates: WithStates = loadedWithStates,
): WorkerMain {
  return (context) => {
    const worker = new CoordinatorWorker(context, guard, withStates);
    context.port.receive((bytes) => worker.receive(decodeToCoordinator(bytes)));
  };
}

/** Loads the job's module and builds it twice. @throws EngineError JOB_*, GRAPH_*, CONFIG_* */
async function buildJob(
  context: Pick<WorkerContext, 'env'>,
  guard: BuildGuard,
  job: JobReference,
): Promise<CompiledJob> {
  const { parameters, configuration } = job;
  const module = await context.env.modules.load(job.moduleUrl);
  const definition = findJob(module, job.exportName, job.file ?? job.moduleUrl);
  const build = (): CompiledJob =>
    guard.run(definition.name, () => definition.compile({ parameters, configuration }));
  const compiled = build();
  requireSameGraph(compiled.graph, build().graph);
  return compiled;
}

class CoordinatorWorker {
  readonly #context: WorkerContext;
  readonly #guard: BuildGuard;
  readonly #withStates: WithStates;
  readonly #hosts = new Map<OperatorId, EnumeratorHost>();
  #alignment: AlignmentGroups | undefined;
  /** Undefined until the build has succeeded. */
  #job: CompiledJob | undefined;
  #epoch = 0;
  readonly #readerGenerations = new Map<string, number>();
  /** Openings and closings of sources, one after another. */
  #turns: Promise<void> = Promise.resolve();
  /** K4 */
  #snapshots: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext, guard: BuildGuard, withStates: WithStates) {
    this.#context = context;
    this.#guard = guard;
    this.#withStates = withStates;
  }

  receive(message: ToCoordinator): void {
    switch (message.kind) {
      case 'build':
        this.#turns = this.#build(message);
        break;
      case 'start-sources':
        this.#epoch = message.epoch;
        this.#turns = this.#turns.then(() => this.#close()).then(() => this.#start(message));
        break;
      case 'close-sources':
        this.#turns = this.#turns.then(() => this.#close());
        break;
      // The enumerators of this epoch may still wait for their predecessors to close.
      case 'attach-readers':
        this.#turns = this.#turns.then(() => this.#attach(message));
        break;
      case 'source-event':
        this.#turns = this.#turns.then(() => this.#sourceEvent(message));
        break;
      case 'snapshot-sources':
        this.#turns = this.#turns.then(() => this.#snapshotNext(message.checkpointId));
        break;
      case 'checkpoint-complete':
      case 'checkpoint-aborted':
        this.#turns = this.#turns.then(() => this.#notify(message));
    }
  }

  get #sourceCount(): number {
    const operators = this.#job?.operators.values() ?? [];
    return [...operators].filter(({ spec }) => spec.kind === 'source').length;
  }

  #attach(message: Extract<ToCoordinator, { kind: 'attach-readers' }>): void {
    const { readers, generation, restoredCheckpoint } = message;
    for (const { operator, subtask } of readers) {
      this.#readerGenerations.set(`${operator}/${subtask}`, generation);
      this.#alignment?.reset(operator, subtask);
      this.#hosts.get(operator)?.attach(subtask, generation, restoredCheckpoint);
    }
  }

  /** K4. Does not hold up what comes after it: each enumerator takes its part in its turn. */
  #snapshotNext(checkpointId: number): void {
    const epoch = this.#epoch;
    this.#snapshots = this.#snapshots.then(async () => {
      if (epoch === this.#epoch) await this.#snapshot(epoch, checkpointId);
    });
  }

  async #snapshot(epoch: number, checkpointId: number): Promise<void> {
    const hosts = [...this.#hosts];
    const taken = await Promise.allSettled(
      hosts.map(async ([operator, host]) => ({
        operator,
        state: await host.snapshot(checkpointId),
      })),
    );
    const sources: SourceState[] = [];
    let failed: FromCoordinator | undefined;
    for (const [index, part] of taken.entries()) {
      if (part.status === 'rejected') {
        const operator = hosts[index]![0];
        const error = this.#sourceError(operator, part.reason);
        failed = { kind: 'sources-snapshot-failed', checkpointId, operator, error };
      } else if (part.value.state !== undefined) {
        sources.push({ operator: part.value.operator, state: part.value.state });
      }
    }
    // Closed meanwhile: a part is missing, and nobody waits for the others (K3).
    if (failed === undefined && sources.length < this.#sourceCount) return;
    this.#sendFor(epoch, failed ?? { kind: 'sources-snapshot', checkpointId, sources });
    for (const [, host] of hosts) host.release();
  }

  #notify({
    kind,
    checkpointId,
  }: Extract<ToCoordinator, { kind: 'checkpoint-complete' | 'checkpoint-aborted' }>): void {
    for (const host of this.#hosts.values()) {
      if (kind === 'checkpoint-complete') host.checkpointComplete(checkpointId);
      else host.checkpointAborted(checkpointId);
    }
  }

  #sourceEvent({ operator, subtask, event }: SourceEvent): void {
    if (event.kind === 'watermark') {
      this.#alignment?.report(operator, subtask, event.watermark);
      return;
    }
    if (event.kind === 'reader-registered') this.#alignment?.register(operator, subtask);
    this.#hosts.get(operator)?.handle(subtask, event);
  }

  async #build({ job, withStates }: Extract<ToCoordinator, { kind: 'build' }>): Promise<void> {
    assert(this.#job === undefined, 'K1: a job is built once');
    try {
      const built = await buildJob(this.#context, this.#guard, job);
      const configuration = Configuration.parse(built.graph.configuration);
      const restores = withStates === true || configuration.has(RecoveryOptions.path);
      const graph = restores ? await this.#withStates(built) : built.graph;
      this.#job = built;
      this.#send({ kind: 'built', graph });
    } catch (error) {
      this.#send({ kind: 'build-failed', error: toEngineError(error).toData() });
    }
  }

  /** K2. */
  async #close(): Promise<void> {
    this.#alignment?.close();
    this.#alignment = undefined;
    const hosts = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(hosts.map((host) => host.close()));
  }

  #start({ epoch, restored }: Extract<ToCoordinator, { kind: 'start-sources' }>): void {
    const job = this.#job;
    assert(job !== undefined, 'K1: sources start after the build');
    this.#alignment = this.#align(epoch, job);
    for (const vertex of job.graph.vertices) {
      for (const { id } of vertex.operators) {
        const spec = job.operators.get(id)?.spec;
        if (spec?.kind !== 'source') continue;
        const failed = (error: unknown): void => this.#failed(epoch, id, error);
        try {
          const host = this.#host({ epoch, vertex, operator: id, restored, failed }, spec.source);
          this.#hosts.set(id, host);
        } catch (error) {
          failed(error);
        }
      }
    }
  }

  #align(epoch: number, job: CompiledJob): AlignmentGroups {
    const groups = new AlignmentGroups(this.#context.env.clock, (operator, subtask, limit) => {
      const event = { kind: 'watermark-limit', limit } as const;
      const generation = this.#readerGenerations.get(`${operator}/${subtask}`);
      assert(generation !== undefined, 'only readers that were attached are told of limits');
      this.#sendFor(epoch, { kind: 'source-event', generation, operator, subtask, event });
    });
    for (const [operator, { spec }] of job.operators) {
      const alignment = spec.kind === 'source' ? spec.strategy?.alignment : undefined;
      if (alignment === undefined) continue;
      groups.add({ operator, ...alignment, updateInterval: updateIntervalOf(alignment) });
    }
    return groups;
  }

  #host({ epoch, vertex, operator, restored, failed }: Hosted, source: AnySource): EnumeratorHost {
    const former = restored?.sources.find((each) => each.operator === operator);
    const state = former && restoredEnumerator(former, source, this.#nameOf(operator));
    return new EnumeratorHost(source, {
      env: this.#context.env,
      parallelism: vertex.parallelism,
      toReader: (subtask, generation, event) =>
        this.#sendFor(epoch, { kind: 'source-event', generation, operator, subtask, event }),
      failed,
      restored: restored && { checkpointId: restored.checkpointId, state },
    });
  }

  #failed(epoch: number, operator: OperatorId, thrown: unknown): void {
    const error = this.#sourceError(operator, thrown);
    this.#sendFor(epoch, { kind: 'source-failed', epoch, operator, error });
  }

  #sourceError(operator: OperatorId, thrown: unknown): ErrorData {
    const name = this.#nameOf(operator);
    const parameters = { role: 'split enumerator', operator: name, message: messageOf(thrown) };
    const error = isEngineError(thrown) ? thrown : new EngineError('USER_CODE_FAILED', parameters);
    if (!isEngineError(thrown) && thrown instanceof Error && thrown.stack !== undefined) {
      error.stack = thrown.stack;
    }
    const declaredAt = this.#job?.operators.get(operator)?.declaredAt;
    return error.within({ operator: name, declaredAt }).toData();
  }

  #nameOf(operator: OperatorId): string {
    const operators = this.#job!.graph.vertices.flatMap((vertex) => vertex.operators);
    return operators.find(({ id }) => id === operator)!.name;
  }

  /** K3. */
  #sendFor(epoch: number, message: FromCoordinator): void {
    if (epoch === this.#epoch) this.#send(message);
  }

  #send(message: FromCoordinator): void {
    this.#context.port.post(encodeCoordinatorMessage(message));
  }
}
