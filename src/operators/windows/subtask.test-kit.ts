/**
 * One subtask of a window operator in the hand of a test, without its task: what it emits, what it
 * keeps in its state, and snapshots of it.
 */
import assert from 'node:assert/strict';
import type { Duration, Timestamp } from '../../base/units.ts';
import { count } from '../../functions/aggregates.ts';
import type { WindowAssigner } from '../../functions/window.ts';
import { keyGroupOf } from '../../graph/key-groups.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { HeapKeyedStateBackend } from '../../state/heap/heap-keyed-state-backend.ts';
import { MemorySnapshot } from '../../state/memory-snapshot.ts';
import { OperatorStateBackend } from '../../state/operator-state.ts';
import type { SnapshotInput, SnapshotWriter } from '../../state/snapshot.ts';
import { hashKey } from '../../types/key.ts';
import { MIN_WATERMARK } from '../../network/control-element.ts';
import type { Downstream, KeyedOperator, OperatorContext } from '../operator.ts';
import { createWindowOperator } from './create-window-operator.ts';

export const GROUPS = 128;

interface Emitted {
  readonly key: string;
  readonly window: { readonly start: number; readonly end: number };
  readonly value: number;
}

export class Subtask {
  readonly results: string[] = [];
  readonly operator: KeyedOperator;
  readonly keyed: HeapKeyedStateBackend;
  readonly state: OperatorStateBackend;
  #watermark = MIN_WATERMARK;
  #now = 0;

  constructor(spec: WindowSpec, subtask: number, parallelism: number) {
    this.operator = createWindowOperator(spec) as KeyedOperator;
    const first = (subtask * GROUPS) / parallelism;
    const keyGroups = { first, last: first + GROUPS / parallelism - 1 };
    this.keyed = HeapKeyedStateBackend.open({
      operator: 'windows',
      keyGroups,
      maxParallelism: GROUPS,
      processingTime: () => 0,
    });
    this.state = new OperatorStateBackend({ operator: 'windows', subtask, parallelism });
    const emit = ({ key, window, value }: Emitted): number =>
      this.results.push(`${key} [${window.start}, ${window.end}) = ${value}`);
    const context = {
      open: {
        operatorName: 'windows',
        logger: { warn: () => undefined },
        metrics: { counter: () => ({ increment: () => undefined }) },
      },
      output: { process: (value: unknown) => emit(value as Emitted) } satisfies Downstream,
      keyedState: this.keyed,
      operatorState: this.state,
      isHeld: false,
      isRead: () => false,
      sideOutput: () => ({ process: () => undefined }),
      processingTime: () => this.#now,
      watermark: () => this.#watermark,
      wakeAt: () => undefined,
    } as unknown as OperatorContext;
    assert.equal(this.operator.open(context), undefined, 'opens at once');
  }

  start(): void {
    assert.equal(this.operator.processingTime!(0 as Timestamp), true);
  }

  visit(key: string, timestamp: number, n: number = 1): void {
    this.operator.processKeyed({ key, n }, timestamp, groupOf(key));
  }

  /** Whether records of the key come to it. */
  has(key: string): boolean {
    const { first, last } = this.keyed.keyGroups;
    return first <= groupOf(key) && groupOf(key) <= last;
  }

  /** The clock comes to `now`. */
  pass(now: number): void {
    this.#now = now;
    while (!this.operator.processingTime!(now as Timestamp));
  }

  watermark(timestamp: number): void {
    this.#watermark = timestamp;
    while (!this.operator.watermark!(timestamp));
  }

  get keyedSnapshot(): SnapshotInput {
    return written((out) => this.keyed.beginSnapshot(out));
  }

  get stateSnapshot(): SnapshotInput {
    return written((out) => this.state.beginSnapshot(out));
  }
}

function written(begin: (out: MemorySnapshot) => SnapshotWriter): SnapshotInput {
  const memory = new MemorySnapshot('snapshot');
  const writer = begin(memory);
  while (writer.writeSlice(5, () => 0) !== 'done');
  return memory.input();
}

export function groupOf(key: string): number {
  return keyGroupOf(hashKey(key), GROUPS);
}

export function countSpec(assigner: WindowAssigner<unknown>, allowedLateness = 0): WindowSpec {
  return {
    kind: 'window',
    key: { select: ({ key }: { key: string }) => key, schema: undefined },
    keyed: true,
    assigner,
    trigger: undefined,
    evictor: undefined,
    allowedLateness: allowedLateness as Duration,
    contents: { kind: 'aggregate', aggregate: count() },
    function: undefined,
    value: undefined,
  };
}
