/**
 * Which states of a checkpoint go to which subtask of the job as it is now, at any parallelism.
 *
 * A1. Every key group, list, committable and record in flight of the checkpoint goes to whom it
 *     belongs now, and to nobody twice: key groups by their range, committables and what is in
 *     flight to the former subtask's successor; lists are given to all, who deal them out alike.
 * A2. A job that cannot go on from the checkpoint is refused before anything of it runs: what has
 *     state and is not there any more, more subtasks than key groups, other key groups, an edge
 *     with records in flight that has become another.
 * A3. At the same parallelism every subtask gets exactly what it had.
 * A4. What the operator cannot take as it is now goes to nobody: where it holds anything, it was
 *     refused or allowed before (unclaimed-state.ts).
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type {
  ChainedOperator,
  JobEdge,
  JobGraph,
  JobVertex,
  TakenStates,
} from '../graph/job-graph.ts';
import { keyGroupRange } from '../graph/key-groups.ts';
import type { ChannelState, OperatorRestore, StateRestore } from '../protocol/checkpoint.ts';
import type { RestoredSource } from '../protocol/coordinator-messages.ts';
import type {
  CheckpointMetadata,
  OperatorMetadata,
  VertexMetadata,
} from '../storage/checkpoint-metadata.ts';
import { lostEdges } from './in-flight-edges.ts';
import type { LostEdge } from './in-flight-edges.ts';

/** Of the same program as before. */
const ALL: TakenStates = { keyed: true, lists: true, committables: true, enumerator: true };

export class StateAssignment {
  readonly #metadata: CheckpointMetadata;
  readonly #graph: JobGraph;
  readonly #operators: ReadonlyMap<string, OperatorMetadata>;
  readonly #vertices: ReadonlyMap<string, VertexMetadata>;

  /** On which records were that no edge takes now. */
  readonly lostEdges: readonly LostEdge[];
  /** The edges over which records in flight go on. */
  readonly #edges: ReadonlyMap<string, JobEdge>;

  /** A2. @throws EngineError RESTORE_* */
  constructor(metadata: CheckpointMetadata, graph: JobGraph, allowNonRestored: boolean) {
    this.#metadata = metadata;
    this.#graph = graph;
    this.#operators = new Map(metadata.operators.map((each) => [each.operator, each]));
    this.#vertices = new Map(metadata.vertices.map((each) => [each.vertex, each]));
    this.lostEdges = lostEdges(metadata, graph);
    const isLost = new Set(this.lostEdges.map(({ edge }) => edge));
    this.#edges = new Map(
      graph.edges.filter(({ id }) => !isLost.has(id)).map((edge) => [edge.id, edge]),
    );
    for (const vertex of graph.vertices) this.#requireKeyGroups(vertex);
    this.#requireInFlightKeyGroups();
    if (!allowNonRestored) {
      this.#requireOperators();
      this.#requireEdges();
    }
  }

  /** With state, and not there any more. */
  get lost(): readonly OperatorMetadata[] {
    const ids = new Set(this.#graph.vertices.flatMap(({ operators }) => operators.map(idOf)));
    return this.#metadata.operators.filter(
      (former) => !ids.has(former.operator) && hasState(former),
    );
  }

  get checkpointId(): number {
    return this.#metadata.checkpointId;
  }

  get metadata(): CheckpointMetadata {
    return this.#metadata;
  }

  /** Of the enumerators of sources that are still there. */
  sources(): readonly RestoredSource[] {
    const ids = new Set(
      this.#graph.vertices.flatMap(({ operators }) =>
        operators.filter(({ states }) => states?.takes.enumerator !== false).map(idOf),
      ),
    );
    return this.#metadata.operators.flatMap(({ operator, enumerator: state, ...stored }) => {
      if (state === undefined || !ids.has(operator)) return [];
      const { enumeratorSchema: schema } = stored;
      assert(schema !== undefined, 'M3: what an enumerator keeps has a schema');
      return [{ operator, state, schema }];
    });
  }

  restoreOf(vertex: JobVertex, subtask: number): Omit<StateRestore, 'isClaimed'> {
    return {
      kind: 'state',
      checkpointId: this.checkpointId,
      operators: vertex.operators.flatMap((each) => this.#operator(each, vertex, subtask)),
      inputs: this.#inputs(vertex, subtask),
      outputs: this.#outputs(vertex, subtask),
      finished: this.#hasFinished(vertex, subtask),
    };
  }

  #operator(
    { id, states }: ChainedOperator,
    vertex: JobVertex,
    subtask: number,
  ): readonly OperatorRestore[] {
    const former = this.#operators.get(id);
    if (former === undefined) return [];
    const { parallelism, maxParallelism } = vertex;
    const range = keyGroupRange(subtask, maxParallelism, parallelism);
    const known = former.subtasks.flatMap((snapshot, of) =>
      snapshot === undefined ? [] : [{ snapshot, of }],
    );
    const takes = states?.takes ?? ALL;
    return [
      {
        operator: id,
        keyed: known.flatMap(({ snapshot: { keyed } }) =>
          takes.keyed &&
          keyed !== undefined &&
          keyed.firstKeyGroup <= range.last &&
          range.first <= keyed.lastKeyGroup
            ? [keyed]
            : [],
        ),
        operatorState: known.flatMap(({ snapshot: { operatorState: handle }, of }) =>
          handle === undefined || !takes.lists ? [] : [{ subtask: of, handle }],
        ),
        formerParallelism: former.parallelism,
        committables: known.flatMap(({ snapshot: { committables }, of }) =>
          takes.committables && of % parallelism === subtask ? committables : [],
        ),
        committable: former.committable,
      },
    ];
  }

  /** A3; at another parallelism a task has finished if all have. */
  #hasFinished({ id, parallelism }: JobVertex, subtask: number): boolean {
    const former = this.#vertices.get(id);
    if (former === undefined) return false;
    if (former.parallelism === parallelism) return former.subtasks[subtask]!.finished;
    return former.subtasks.every(({ finished }) => finished);
  }

  #inputs(vertex: JobVertex, subtask: number): readonly ChannelState[] {
    const former = this.#vertices.get(vertex.id);
    if (former === undefined) return [];
    const { parallelism, maxParallelism } = vertex;
    const range = keyGroupRange(subtask, maxParallelism, parallelism);
    return former.subtasks.flatMap(({ inputs }, of) => {
      const had = keyGroupRange(of, former.maxParallelism, former.parallelism);
      const overlaps = had.first <= range.last && range.first <= had.last;
      return inputs.filter((channel) => {
        const edge = this.#edges.get(channel.edge);
        if (edge?.target !== vertex.id) return false;
        if (former.parallelism === parallelism) return of === subtask;
        // Whose key it is takes a record; the others leave it out.
        return isKeyed(edge) ? overlaps : of % parallelism === subtask;
      });
    });
  }

  #outputs({ id, parallelism }: JobVertex, subtask: number): readonly ChannelState[] {
    const states = this.#vertices.get(id)?.subtasks ?? [];
    const isOwn = ({ edge }: ChannelState): boolean => this.#edges.get(edge)?.source === id;
    return states.flatMap(({ outputs }, of) =>
      of % parallelism === subtask ? outputs.filter(isOwn) : [],
    );
  }

  #requireKeyGroups({ operators, parallelism, maxParallelism }: JobVertex): void {
    for (const { id, name, states } of operators) {
      const former = this.#operators.get(id);
      if (states?.takes.keyed === false) continue;
      if (former === undefined || !hasKeyedState(former)) continue;
      const parameters = { operator: name, parallelism, maxParallelism: former.maxParallelism };
      if (parallelism > former.maxParallelism) {
        throw new EngineError('RESTORE_TOO_FEW_KEY_GROUPS', parameters);
      }
      if (maxParallelism !== former.maxParallelism) {
        throw new EngineError('RESTORE_OTHER_KEY_GROUPS', {
          ...parameters,
          actual: maxParallelism,
        });
      }
    }
  }

  /** Records in flight carry their key groups, whether or not their consumer keeps anything. */
  #requireInFlightKeyGroups(): void {
    const targets = new Set(
      this.#metadata.edges.flatMap(({ edge: id }) => {
        const edge = this.#edges.get(id);
        return edge !== undefined && isKeyed(edge) ? [edge.target] : [];
      }),
    );
    for (const { id, name, maxParallelism: actual } of this.#graph.vertices) {
      const former = this.#vertices.get(id);
      if (!targets.has(id) || former === undefined || former.maxParallelism === actual) continue;
      throw new EngineError('RESTORE_IN_FLIGHT_KEY_GROUPS', {
        ...{ vertex: name, checkpointId: this.checkpointId },
        ...{ maxParallelism: former.maxParallelism, actual },
      });
    }
  }

  #requireOperators(): void {
    const { lost, checkpointId } = this;
    if (lost.length === 0) return;
    const operators = lost.map(labelOf).join(', ');
    throw new EngineError('RESTORE_STATE_UNCLAIMED', { checkpointId, operators });
  }

  /** What was in flight can only go where it went, as it went. */
  #requireEdges(): void {
    const [lost] = this.lostEdges;
    if (lost === undefined) return;
    const { checkpointId } = this;
    const { source, target, change } = lost;
    if (change === undefined) {
      throw new EngineError('RESTORE_IN_FLIGHT_LOST', { checkpointId, vertex: source });
    }
    const parameters = { checkpointId, source, target, change };
    throw new EngineError('RESTORE_IN_FLIGHT_CHANGED', parameters);
  }
}

/** For messages. */
export function labelOf({ name, uid, operator }: OperatorMetadata): string {
  return `"${name}" (${uid === undefined ? operator : `uid ${uid}`})`;
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

function isKeyed({ partitioner }: JobEdge): boolean {
  return partitioner === 'hash';
}

function hasKeyedState({ subtasks }: OperatorMetadata): boolean {
  return subtasks.some((snapshot) => snapshot?.keyed !== undefined);
}

function hasState({ subtasks, enumerator }: OperatorMetadata): boolean {
  return (
    enumerator !== undefined ||
    subtasks.some(
      (snapshot) =>
        snapshot !== undefined &&
        (snapshot.keyed !== undefined ||
          snapshot.operatorState !== undefined ||
          snapshot.committables.length > 0),
    )
  );
}
