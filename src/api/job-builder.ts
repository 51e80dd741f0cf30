/**
 * What a build writes to: the Transformations of one job, in order of declaration. The streams
 * that users hold are shells around a builder and a node's id.
 *
 * Invariants
 * B1. The node with id i lies at index i, and nodes are frozen; a modifier puts a changed copy in
 *     place.
 * B2. Nothing is added or changed after `close`.
 */
import { assert } from '../base/assert.ts';
import { canonicalJson } from '../base/canonical-json.ts';
import { EngineError } from '../base/errors.ts';
import type { SlotResources } from '../graph/job-graph.ts';
import {
  placeOf,
  type OperatorTransformation,
  type PartitionTransformation,
  type SideOutputTransformation,
  type Transformation,
  type TransformationId,
  type UnionTransformation,
} from '../graph/transformation.ts';
import { declaredAt } from './declared-at.ts';
import type { StreamKinds } from './stream-kinds.ts';

type Given = 'id' | 'uid' | 'returns' | 'declaredAt';
type Settings = 'parallelism' | 'maxParallelism' | 'slotSharingGroup' | 'chaining';

/**
 * A node before the builder has given it identity, place and the settings that modifiers change.
 */
export type NewOperator = Omit<OperatorTransformation, Given | Settings> &
  Partial<Pick<OperatorTransformation, 'parallelism' | 'maxParallelism'>>;
type NewWay =
  | Omit<PartitionTransformation, Given>
  | Omit<UnionTransformation, Given>
  | Omit<SideOutputTransformation, Given>;

/** What can be said of a node that is no operator. */
const ON_EVERY_NODE: ReadonlySet<string> = new Set(['name', 'uid', 'returns']);

export class JobBuilder {
  readonly job: string;
  readonly kinds: StreamKinds;
  readonly #nodes: Transformation[] = [];
  readonly #configuration = new Map<string, string>();
  readonly #slotResources = new Map<string, SlotResources>();
  #open = true;

  constructor(job: string, kinds: StreamKinds) {
    this.job = job;
    this.kinds = kinds;
  }

  get transformations(): readonly Transformation[] {
    return this.#nodes;
  }

  /** Options that the build has set. */
  get configuration(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#configuration);
  }

  /** What each slot of a sharing group must have, of those of which that was said. */
  get resources(): ReadonlyMap<string, SlotResources> {
    return this.#slotResources;
  }

  /** @throws EngineError GRAPH_INVALID_SETTING if something else was said of the group before. */
  slotResources(group: string, resources: SlotResources, id: TransformationId): void {
    this.requireOpen('slotSharingGroup');
    const known = this.#slotResources.get(group);
    if (known !== undefined && canonicalJson(known) !== canonicalJson(resources)) {
      const node = this.node(id);
      throw new EngineError('GRAPH_INVALID_SETTING', {
        setting: 'slotSharingGroup',
        operator: node.name,
        value: `other resources for "${group}"`,
        reason: 'a group has the same resources wherever it is named',
        place: placeOf(node),
      });
    }
    this.#slotResources.set(group, resources);
  }

  configure(key: string, value: string): void {
    this.requireOpen('configure');
    this.#configuration.set(key, value);
  }

  operator(node: NewOperator): StreamHandle {
    return this.#add({
      slotSharingGroup: undefined,
      chaining: 'always',
      ...node,
      parallelism: node.parallelism,
      maxParallelism: node.maxParallelism,
    });
  }

  way(node: NewWay): StreamHandle {
    return this.#add(node);
  }

  node(id: TransformationId): Transformation {
    return this.#nodes[id]!;
  }

  /** Replaces a node by a copy with `changes`. */
  change(id: TransformationId, changes: Partial<OperatorTransformation>, call: string): void {
    this.requireOpen(call);
    const node = this.node(id);
    const onEvery = Object.keys(changes).every((name) => ON_EVERY_NODE.has(name));
    if (node.kind !== 'operator' && !onEvery) {
      throw new EngineError('GRAPH_INVALID_SETTING', {
        setting: call,
        operator: node.name,
        value: 'set',
        reason:
          'it is not an operator but a way between operators; set it on the operator after it',
        place: placeOf(node),
      });
    }
    this.#nodes[id] = Object.freeze({ ...node, ...changes } as Transformation);
  }

  /** The build is over. */
  close(): void {
    this.#open = false;
  }

  /** @throws EngineError GRAPH_BUILD_OVER */
  requireOpen(call: string): void {
    if (!this.#open) throw new EngineError('GRAPH_BUILD_OVER', { call, job: this.job });
  }

  #add(node: Omit<OperatorTransformation, Given> | NewWay): StreamHandle {
    this.requireOpen(node.name);
    const id = this.#nodes.length;
    const complete = { ...node, id, uid: undefined, returns: undefined, declaredAt: declaredAt() };
    this.#nodes.push(Object.freeze(complete as Transformation));
    assert(this.#nodes[id]?.id === id, 'B1: nodes lie at their id');
    return { builder: this, id };
  }
}

/** What a stream is underneath. */
export interface StreamHandle {
  readonly builder: JobBuilder;
  readonly id: TransformationId;
}

/**
 * The id of a stream that is given to a call of another one. @throws EngineError
 * GRAPH_FOREIGN_STREAM
 */
export function idOf(
  builder: JobBuilder,
  stream: { readonly handle: StreamHandle },
  call: string,
): TransformationId {
  const other = stream.handle;
  if (other.builder !== builder) throw new EngineError('GRAPH_FOREIGN_STREAM', { call });
  return other.id;
}
