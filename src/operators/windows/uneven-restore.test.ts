/**
 * Subtasks that had come to different watermarks are restored as one: windows that one of them had
 * fired are not fired again for its keys, and are fired for the keys of the other.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { milliseconds } from '../../base/units.ts';
import type { Duration, Timestamp } from '../../base/units.ts';
import { count } from '../../functions/aggregates.ts';
import { session, sliding, tumbling } from '../../functions/window.ts';
import type { WindowAssigner } from '../../functions/window.ts';
import { keyGroupOf } from '../../graph/key-groups.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { HeapKeyedStateBackend } from '../../state/heap/heap-keyed-state-backend.ts';
import { MemorySnapshot } from '../../state/memory-snapshot.ts';
import { OperatorStateBackend } from '../../state/operator-state.ts';
import type { SnapshotInput, SnapshotWriter } from '../../state/snapshot.ts';
import { hashKey } from '../../types/key.ts';
import type { Downstream, KeyedOperator, OperatorContext } from '../operator.ts';
import { createWindowOperator } from './create-window-operator.ts';

const GROUPS = 128;
const ms = milliseconds;

interface Emitted {
  readonly key: string;
  readonly window: { readonly start: number; readonly end: number };
  readonly value: number;
}

class Subtask {
  readonly results: string[] = [];
  readonly operator: KeyedOperator;
  readonly keyed: HeapKeyedStateBackend;
  readonly state: OperatorStateBackend;

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
        metrics: { counter: () => ({ increment: () => undefined }) },
      },
      output: { process: (value: unknown) => emit(value as Emitted) } satisfies Downstream,
      keyedState: this.keyed,
      operatorState: this.state,
      isHeld: false,
      isRead: () => false,
      processingTime: () => 0,
      wakeAt: () => undefined,
    } as unknown as OperatorContext;
    assert.equal(this.operator.open(context), undefined, 'opens at once');
  }

  start(): void {
    assert.equal(this.operator.processingTime!(0 as Timestamp), true);
  }

  visit(key: string, timestamp: number): void {
    this.operator.processKeyed({ key }, timestamp, groupOf(key));
  }

  watermark(timestamp: number): void {
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

function groupOf(key: string): number {
  return keyGroupOf(hashKey(key), GROUPS);
}

/** Keys that belong to the first and to the second of two subtasks. */
function twoKeys(): [string, string] {
  const keys = Array.from({ length: 50 }, (_, n) => `user-${n}`);
  const low = keys.find((key) => groupOf(key) < GROUPS / 2)!;
  return [low, keys.find((key) => groupOf(key) >= GROUPS / 2)!];
}

function spec(assigner: WindowAssigner<unknown>, allowedLateness = 0): WindowSpec {
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

/** `ahead` and `behind` as one subtask. */
async function merged(of: WindowSpec, parts: readonly Subtask[]): Promise<Subtask> {
  const one = new Subtask(of, 0, 1);
  await one.keyed.restore(parts.map(({ keyedSnapshot }) => keyedSnapshot));
  await one.state.restore(parts.map(({ stateSnapshot }) => stateSnapshot));
  one.start();
  return one;
}

async function uneven(of: WindowSpec): Promise<[one: Subtask, ahead: string, behind: string]> {
  const [a, b] = twoKeys();
  const ahead = new Subtask(of, 0, 2);
  const behind = new Subtask(of, 1, 2);
  for (const [subtask, key] of [
    [ahead, a],
    [behind, b],
  ] as const) {
    subtask.start();
    subtask.visit(key, 1);
    subtask.visit(key, 2);
  }
  ahead.watermark(10);
  behind.watermark(5);
  return [await merged(of, [ahead, behind]), a, b];
}

describe('windows of subtasks that were not equally far', () => {
  it('fire once for each key: sliding', async () => {
    const [one, a, b] = await uneven(spec(sliding(ms(20), ms(10))));
    one.watermark(9);
    assert.deepEqual(one.results, [`${b} [-10, 10) = 2`]);
    one.watermark(25);
    assert.deepEqual(
      one.results.slice(1).toSorted(),
      [`${a} [0, 20) = 2`, `${b} [0, 20) = 2`].toSorted(),
    );
  });

  it('fire once for each key: kept for late records', async () => {
    const [one, a, b] = await uneven(spec(tumbling(ms(10)), 100));
    one.visit(a, 3);
    assert.deepEqual(one.results, [`${a} [0, 10) = 3`], 'late for the key that was ahead');
    one.visit(b, 3);
    one.watermark(10);
    assert.deepEqual(one.results.slice(1), [`${b} [0, 10) = 3`]);
    one.visit(b, 4);
    assert.deepEqual(one.results.slice(2), [`${b} [0, 10) = 4`]);
  });

  it('are over for the keys of who was ahead', async () => {
    const [one, a, b] = await uneven(spec(tumbling(ms(10))));
    one.visit(a, 3);
    one.visit(b, 3);
    one.watermark(10);
    assert.deepEqual(one.results, [`${b} [0, 10) = 3`]);
  });

  it('fire once for each key: sessions', async () => {
    const [one, a, b] = await uneven(spec(session(ms(6))));
    one.visit(a, 3);
    one.visit(b, 3);
    one.watermark(20);
    assert.deepEqual(one.results, [`${b} [1, 9) = 3`]);
    assert.equal(one.keyed.usage.entries, 0, a);
  });
});
