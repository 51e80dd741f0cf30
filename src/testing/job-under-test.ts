/**
 * A compiled job with its sources and sinks exchanged for those of a harness, its tasks, and what
 * drives them: everything behind `JobHarness` but its form.
 *
 * Invariants
 * U1. Sources and sinks are exchanged in the operators of this job alone: the graph, and so every
 *     id, edge and chain, is that of the job as it stands.
 * U2. Restored state is in place before the first step of any task.
 */
import type { CollectedStream } from '../api/collected-stream.ts';
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { timestamp } from '../base/units.ts';
import type { Duration, Timestamp } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { CompiledJob, CompiledOperator, JobGraph, OperatorId } from '../graph/job-graph.ts';
import type { OperatorSpec } from '../graph/operator-spec.ts';
import type { AnySource } from '../functions/source.ts';
import { updateIntervalOf } from '../functions/watermark-strategy.ts';
import { AlignmentGroups } from '../jobmaster/alignment-groups.ts';
import type { SourceEventToEnumerator } from '../protocol/slot-messages.ts';
import type { WiredOperator, WiredTask } from '../taskexecutor/slot/task-wiring.ts';
import { CapturedSink } from './captured-sink.ts';
import { DrivenSource } from './driven-source.ts';
import { FedSource } from './fed-source.ts';
import type { JobHarnessOptions } from './job-harness.ts';
import { requireRest, restoreState, snapshotOperators } from './job-snapshot.ts';
import type { JobState, OperatorSnapshot } from './job-snapshot.ts';
import { findOperator, operatorsOf, producerOf, shownName } from './operator-lookup.ts';
import type { FoundOperator } from './operator-lookup.ts';
import { tapSides } from './tapped-sides.ts';
import { TestSlot } from './test-slot.ts';
import { TestWorld } from './test-world.ts';

export class JobUnderTest {
  readonly graph: JobGraph;
  readonly world: TestWorld;
  readonly fed: Map<OperatorId, FedSource> = new Map();
  readonly captured: Map<OperatorId, CapturedSink> = new Map();
  readonly #compiled: CompiledJob;
  readonly #driven = new Map<OperatorId, DrivenSource>();
  readonly #restored: JobState | undefined;
  readonly #slot: TestSlot;
  readonly #alignment: AlignmentGroups;
  #gathering = false;

  constructor(built: CompiledJob, options: JobHarnessOptions, restored: JobState | undefined) {
    const compiled = tapSides(built, options.sides ?? {});
    this.#compiled = compiled;
    this.#restored = restored;
    this.graph = restored === undefined ? compiled.graph : withKeyGroups(compiled.graph, restored);
    const start = restored?.takenAt ?? timestamp(options.startAt ?? 0);
    this.world = new TestWorld(start, options.seed ?? 0);
    const operators = this.#exchanged(options);
    this.#slot = new TestSlot({
      job: { ...compiled, graph: this.graph, operators },
      hasAsyncWork: this.#hasAsyncWork(),
      world: this.world,
      configuration: Configuration.parse(compiled.graph.configuration),
      wallClock: options.wallClock ?? 'refused',
      toEnumerator: (operator, subtask, event) => this.#toEnumerator(operator, subtask, event),
    });
    this.#alignment = new AlignmentGroups(this.world.clock, (operator, subtask, limit) =>
      this.#slot.toReader(operator, subtask, { kind: 'watermark-limit', limit }),
    );
    for (const [operator, { spec }] of compiled.operators) {
      const alignment = spec.kind === 'source' ? spec.strategy?.alignment : undefined;
      if (alignment === undefined) continue;
      const updateInterval = updateIntervalOf(alignment);
      this.#alignment.add({ operator, ...alignment, updateInterval });
    }
  }

  get tasks(): readonly WiredTask[] {
    return this.#slot.tasks;
  }

  specOf(operator: OperatorId): OperatorSpec {
    return this.#compiled.operators.get(operator)!.spec;
  }

  async open(): Promise<void> {
    const restored = this.#restored;
    if (restored !== undefined) await this.#restore(restored);
    await this.#slot.open();
    await this.settle();
  }

  /** Runs what can run now, unless a caller gathers what sources are given. */
  step(): void {
    if (this.#gathering) return;
    this.#slot.check();
    this.#slot.run();
    this.#slot.check();
  }

  together(feed: () => void): void {
    this.#gathering = true;
    try {
      feed();
    } finally {
      this.#gathering = false;
    }
  }

  async settle(): Promise<void> {
    this.#slot.check();
    await this.#slot.settle();
    this.#slot.check();
  }

  async advance(by: Duration): Promise<void> {
    const { clock } = this.world;
    const until = (clock.now() + by) as Timestamp;
    if (!(by >= 0)) refuse('advance', `time does not go back by ${String(by)}`);
    await this.settle();
    while (clock.fireNext(until)) {
      await this.settle();
    }
    await this.settle();
  }

  async end(): Promise<void> {
    this.together(() => {
      for (const source of this.fed.values()) {
        for (const subtask of source.subtasks) if (!subtask.state.ended) subtask.end();
      }
    });
    await this.settle();
    await this.#slot.commit();
    this.#slot.check();
    if (this.#slot.isFinished) return;
    const open = this.tasks.filter(({ task }) => task.phase !== 'finished');
    const names = [...new Set(open.map((wired) => `"${this.#nameOf(wired)}"`))].join(', ');
    refuse('end', `${names} did not end: a source without end, or work that never settles`);
  }

  check(): void {
    this.#slot.check();
  }

  async snapshot(): Promise<JobState> {
    requireRest(this.tasks, (wired) => this.#nameOf(wired));
    return {
      takenAt: this.world.clock.now(),
      operators: await snapshotOperators(this.tasks),
      fed: new Map([...this.fed].map(([id, source]) => [id, source.snapshot()])),
      driven: new Map([...this.#driven].map(([id, source]) => [id, source.snapshot()])),
    };
  }

  /** The records of a stream that the job's build has collected. */
  recordsOf(stream: CollectedStream<unknown>): readonly unknown[] {
    const { builder, id } = stream.handle;
    const node = builder.node(id);
    assert(node.kind === 'operator', 'U1: a collected stream ends in a sink');
    for (const [operator, sink] of this.captured) {
      if (this.specOf(operator) === node.spec) return sink.records.map(({ value }) => value);
    }
    throw new EngineError('GRAPH_FOREIGN_STREAM', { call: 'results' });
  }

  async close(): Promise<void> {
    this.#alignment.close();
    await Promise.all([...this.#driven.values()].map(({ host }) => host.close()));
    await this.#slot.close();
  }

  // -------------------------------------------------------------------------------------- exchange

  /** U1 */
  #exchanged(options: JobHarnessOptions): ReadonlyMap<OperatorId, CompiledOperator> {
    const operators = new Map(this.#compiled.operators);
    const put = (id: OperatorId, spec: OperatorSpec): void => {
      operators.set(id, { ...operators.get(id)!, spec });
    };
    const sources = operatorsOf(this.graph, ({ kind }) => kind === 'source');
    const byHand = this.#byHand(sources, options.feed);
    for (const { operator, vertex } of sources) {
      const spec = this.specOf(operator.id);
      assert(spec.kind === 'source', 'U1: the graph tells the kinds of operators');
      const source = byHand.has(operator.id)
        ? this.#feed(operator.id, shownName(operator), spec.source, vertex.parallelism)
        : this.#drive(operator.id, spec.source, vertex.parallelism);
      put(operator.id, { ...spec, source });
    }
    const sinks = operatorsOf(this.graph, ({ kind }) => kind === 'sink');
    const real = new Set(
      (options.write ?? []).map((name) => findOperator(sinks, name, 'write').operator.id),
    );
    for (const found of sinks) {
      const { operator } = found;
      const spec = this.specOf(operator.id);
      if (spec.kind !== 'sink' || real.has(operator.id)) continue;
      const sink = new CapturedSink();
      this.captured.set(operator.id, sink);
      put(operator.id, {
        kind: 'sink',
        sink: sink.inPlaceOf(spec.sink, producerOf(found, this.graph)),
      });
    }
    return operators;
  }

  /** Asynchronous functions, enumerators and readers, and sinks that really write. */
  #hasAsyncWork(): boolean {
    if (this.#driven.size > 0) return true;
    const captured = ({ operator }: FoundOperator): boolean => this.captured.has(operator.id);
    return !operatorsOf(this.graph, ({ kind }) => kind === 'sink' || kind === 'async').every(
      captured,
    );
  }

  #byHand(
    sources: readonly FoundOperator[],
    feed: JobHarnessOptions['feed'],
  ): ReadonlySet<OperatorId> {
    const boundedness = ({ operator }: FoundOperator): string => {
      const spec = this.specOf(operator.id);
      return spec.kind === 'source' ? spec.source.boundedness : 'bounded';
    };
    const wanted =
      feed === undefined
        ? sources.filter((source) => boundedness(source) === 'unbounded')
        : feed === 'all'
          ? sources
          : feed.map((name) => findOperator(sources, name, 'feed'));
    return new Set(wanted.map(({ operator }) => operator.id));
  }

  #feed(id: OperatorId, name: string, original: AnySource, parallelism: number): AnySource {
    const source = new FedSource(name, original, parallelism);
    this.fed.set(id, source);
    return source.inPlaceOf(original);
  }

  #drive(id: OperatorId, original: AnySource, parallelism: number): AnySource {
    const driven = new DrivenSource(
      original,
      {
        env: this.world,
        parallelism,
        toReader: (subtask, _generation, event) => this.#slot.toReader(id, subtask, event),
        failed: (error) => this.#slot.fail(error),
      },
      this.#restored?.driven.get(id),
    );
    this.#driven.set(id, driven);
    return driven.source;
  }

  #toEnumerator(operator: OperatorId, subtask: number, event: SourceEventToEnumerator): void {
    if (event.kind === 'watermark') {
      this.#alignment.report(operator, subtask, event.watermark);
      return;
    }
    if (event.kind === 'reader-registered') this.#alignment.register(operator, subtask);
    this.#driven.get(operator)?.host.handle(subtask, event);
  }

  // --------------------------------------------------------------------------------------- restore

  async #restore(state: JobState): Promise<void> {
    this.#requireKnown(state);
    const restoring: Promise<void>[] = [];
    this.#each(state, (operator, snapshot) => restoring.push(restoreState(operator, snapshot)));
    await Promise.all(restoring);
    for (const [id, source] of this.fed) {
      const states = state.fed.get(id);
      if (states !== undefined) source.restore(states);
    }
  }

  /** The operators of all tasks that the state knows. */
  #each(
    state: JobState,
    visit: (operator: WiredOperator, snapshot: OperatorSnapshot, task: WiredTask) => void,
  ): void {
    for (const task of this.tasks) {
      for (const operator of task.operators) {
        const snapshot = state.operators.get(operator.id);
        if (snapshot !== undefined) visit(operator, snapshot, task);
      }
    }
  }

  /** State that no operator of the job takes would be lost without a word. */
  #requireKnown(state: JobState): void {
    for (const [id, { subtasks, name }] of state.operators) {
      const lost = subtasks.some(({ keyed }) => keyed !== undefined);
      if (!lost || this.#compiled.operators.has(id)) continue;
      refuse('restore', `the job has no operator for the state of "${name}"; give it a uid`);
    }
  }

  // ---------------------------------------------------------------------------------------- names

  #nameOf({ deployment }: WiredTask): string {
    return this.graph.vertices.find(({ id }) => id === deployment.vertex)!.name;
  }
}

/** The number of key groups is that of the snapshot for the life of the state. */
function withKeyGroups(graph: JobGraph, { operators }: JobState): JobGraph {
  return {
    ...graph,
    vertices: graph.vertices.map((vertex) => ({
      ...vertex,
      maxParallelism: operators.get(vertex.id)?.maxParallelism ?? vertex.maxParallelism,
    })),
  };
}

function refuse(call: string, reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
}
