/** A job that sums numbers by key, whose sums tell whether any number was lost or came twice. */
import assert from 'node:assert/strict';
import { defineJob } from '../src/api/define-job.ts';
import { ByteWriter } from '../src/base/byte-writer.ts';
import type { SinkWriter } from '../src/functions/sink.ts';
import type { PollResult, Source, SourceOutput, SourceReader } from '../src/functions/source.ts';
import type { CompiledJob } from '../src/graph/job-graph.ts';
import { state, t } from '../src/index.ts';
import type { CheckpointedSlot } from './slot-checkpoints.test-kit.ts';

const KEYS = 13;
const Split = t.struct({ id: t.string, next: t.float64, end: t.float64 });
type Split = { readonly id: string; readonly next: number; readonly end: number };

/** Counts, for each split; what it has read of them is in its snapshot. */
class Numbers implements SourceReader<number, Split> {
  readonly #splits: { id: string; next: number; end: number }[] = [];
  readonly #available: () => void;

  constructor(available: () => void) {
    this.#available = available;
  }

  start(): void {}
  close(): void {}
  noMoreSplits(): void {}

  addSplits(splits: readonly Split[]): void {
    for (const each of splits) this.#splits.push({ ...each });
    this.#available();
  }

  poll(output: SourceOutput<number>): PollResult {
    for (const split of this.#splits) {
      while (split.next < split.end) {
        output.collect(split.next);
        split.next += 1;
        if (output.full) return 'more';
      }
    }
    return 'nothing';
  }

  snapshot(): readonly Split[] {
    return this.#splits.map((split) => ({ ...split }));
  }
}

function numbers(): Source<number, Split, undefined> {
  return {
    kind: 'source',
    name: 'numbers',
    produces: t.float64,
    boundedness: 'unbounded',
    split: Split,
    enumeratorState: t.struct({}) as never,
    createEnumerator: () => assert.fail('the test assigns splits'),
    createReader: (context) => new Numbers(() => context.available()),
  };
}

export interface Outcome {
  /** The last sum of each key. */
  readonly sums: Map<number, number>;
  /** While it is set, the sink holds its input. */
  busy: PromiseWithResolvers<void> | undefined;
  /** Calls of `onEnd`. */
  ends: number;
}

/**
 * Sums by key behind a rebalance and a keyBy; some keys are large, so that sums tell lost records.
 */
export function summing(parallelism: number, outcome: Outcome): CompiledJob {
  const job = defineJob({
    name: 'summing',
    build(env) {
      env.setParallelism(parallelism).setMaxParallelism(32);
      env
        .from(numbers())
        .uid('numbers')
        .rebalance()
        .map((n) => n * 2 + 1)
        .uid('odd')
        .keyBy((n) => n % KEYS)
        .process({
          emits: t.struct({ key: t.float64, sum: t.float64 }),
          state: { sum: state.value(t.float64, { initial: 0 }) },
          onElement(n, ctx) {
            ctx.state.sum.set(ctx.state.sum.get() + n);
            ctx.emit({ key: ctx.key, sum: ctx.state.sum.get() });
          },
          onEnd: () => void (outcome.ends += 1),
        })
        .uid('sums')
        .keyBy(({ key }) => key)
        .map((each) => each)
        .uid('same')
        .sinkTo({
          kind: 'sink',
          name: 'last',
          createWriter: (): SinkWriter<{ key: number; sum: number }, never> => ({
            write: ({ key, sum }) => void outcome.sums.set(key, sum),
            get busy() {
              return outcome.busy?.promise;
            },
            flush: () => outcome.busy?.promise,
            close: () => undefined,
          }),
        } as never)
        .uid('last');
    },
  });
  return job.compile({ parameters: {}, configuration: {} });
}

/** The sums of an undisturbed job over splits of so many numbers each. */
export function expected(splits: number, each: number): Map<number, number> {
  const sums = new Map<number, number>();
  for (let i = 0; i < splits * each; i += 1) {
    const n = i * 2 + 1;
    sums.set(n % KEYS, (sums.get(n % KEYS) ?? 0) + n);
  }
  return sums;
}

export function assign(slot: CheckpointedSlot, each: number): void {
  for (const { task, deployment } of slot.tasks) {
    if (task.source === undefined) continue;
    const { subtask } = deployment;
    const { codec } = Split;
    const split = { id: `${subtask}`, next: subtask * each, end: (subtask + 1) * each };
    task.sourceMail(() => task.source!.addSplits([encoded(codec, split)]));
  }
}

function encoded(codec: typeof Split.codec, split: Split): Uint8Array {
  const out = new ByteWriter();
  codec.encode(split, out);
  return out.copy();
}

/** Of all subtasks that sum up, by key. */
export function sumsIn(slot: CheckpointedSlot): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { operators } of slot.tasks) {
    const summed = operators.find(({ name }) => name.startsWith('process') || name === 'sums');
    if (summed?.keyedState === undefined) continue;
    const backend = summed.keyedState;
    const handle = backend.register('sum', state.value(t.float64, { initial: 0 })) as {
      get(): number;
    };
    backend.forEachKey('sum', (key) => void sums.set(key as number, handle.get()));
  }
  return sums;
}
