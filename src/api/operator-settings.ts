/**
 * The settings of an operator, shared by streams and sinks. Each returns the object it was called
 * on.
 */
import { MAX_PARALLELISM_LIMIT } from '../config/options/pipeline-options.ts';
import type { OperatorTransformation } from '../graph/transformation.ts';
import { requireCount, requireText } from './callbacks.ts';
import type { StreamHandle } from './job-builder.ts';
import { readSlotSharingGroup, type SlotSharingGroup } from './slot-sharing-group.ts';

export abstract class OperatorSettings {
  /** What it is underneath; for those who build on the API. */
  readonly handle: StreamHandle;

  constructor(stream: StreamHandle) {
    this.handle = stream;
  }

  /** The name in plans, metrics and logs. */
  name(name: string): this {
    requireText(name, 'name');
    return this.#change({ name }, 'name');
  }

  /**
   * The identity of the operator over versions of the program: its state is found again by it.
   * Without one, the path of names from the source is the identity.
   */
  uid(uid: string): this {
    requireText(uid, 'uid');
    return this.#change({ uid }, 'uid');
  }

  /** How many subtasks run it side by side. */
  setParallelism(parallelism: number): this {
    requireCount(parallelism, 'setParallelism', MAX_PARALLELISM_LIMIT);
    return this.#change({ parallelism }, 'setParallelism');
  }

  /** The number of key groups, and so the bound of its parallelism for the life of its state. */
  setMaxParallelism(maxParallelism: number): this {
    requireCount(maxParallelism, 'setMaxParallelism', MAX_PARALLELISM_LIMIT);
    return this.#change({ maxParallelism }, 'setMaxParallelism');
  }

  /**
   * Tasks of different groups never share a slot; those that say nothing take the group of their
   * inputs. Subtask i of every operator of a group runs in slot i of that group. A group may say
   * what each of its slots must have.
   * @example stream.slotSharingGroup({ name: 'model', cpu: 2, taskHeapMemory: '2 gb' })
   */
  slotSharingGroup(group: string | SlotSharingGroup): this {
    const { name, resources } = readSlotSharingGroup(group);
    const { builder, id } = this.handle;
    if (resources !== undefined) builder.slotResources(name, resources, id);
    return this.#change({ slotSharingGroup: name }, 'slotSharingGroup');
  }

  /**
   * Subtask i of this operator runs in the same slot as subtask i of all others with the same key,
   * also after every restart: for those that share something in the process. They must be of one
   * slot sharing group and have equal parallelism. Flink's `setCoLocationGroupKey`.
   */
  coLocationGroup(key: string): this {
    requireText(key, 'coLocationGroup');
    return this.#change({ coLocationGroup: key }, 'coLocationGroup');
  }

  /** Begins a task of its own, to which later operators may be chained. */
  startNewChain(): this {
    return this.#change({ chaining: 'head' }, 'startNewChain');
  }

  /** Runs as a task of its own. */
  disableChaining(): this {
    return this.#change({ chaining: 'never' }, 'disableChaining');
  }

  #change(changes: Partial<OperatorTransformation>, call: string): this {
    const { builder, id } = this.handle;
    builder.change(id, changes, call);
    return this;
  }
}
