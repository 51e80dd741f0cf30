/**
 * Runs a SourceOperator by hand: a reader that does what the test says in each poll, time that
 * moves when it is told to, and a story of all that comes out. Test code.
 */
import { milliseconds, type Duration, type Timestamp } from '../base/units.ts';
import type { AnySource, SourceOutput, SourceReader, SourceSplit } from '../functions/source.ts';
import type { WatermarkStrategy } from '../functions/watermark-strategy.ts';
import type { Pressure } from '../network/pressure.ts';
import { t } from '../types/t.ts';
import type { OperatorContext } from './operator.ts';
import { MemorySnapshot } from '../state/memory-snapshot.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import { SourceOperator } from './source-operator.ts';

type Poll = (output: SourceOutput<unknown>) => void;

const SplitSchema = t.struct({ id: t.string });

/** A reader without records of its own. */
class ScriptedReader implements SourceReader<unknown, SourceSplit> {
  readonly splits: SourceSplit[] = [];
  next: Poll = () => undefined;
  started = false;
  /** `+split` for one that is paused, `-split` for one that may go on. */
  readonly pauses: string[] = [];
  pauseOrResumeSplits?: (pause: readonly string[], resume: readonly string[]) => void;

  start(): void {
    this.started = true;
  }

  addSplits(splits: readonly SourceSplit[]): void {
    this.splits.push(...splits);
  }

  noMoreSplits(): void {}

  poll(output: SourceOutput<unknown>): 'nothing' {
    this.next(output);
    return 'nothing';
  }

  snapshot(): readonly SourceSplit[] {
    return this.splits;
  }

  close(): void {}
}

export class SourceRun {
  /** Records as `value@timestamp`, watermarks as `w timestamp`, and `active` and `idle`. */
  readonly story: string[] = [];
  readonly reader: ScriptedReader = new ScriptedReader();
  readonly reported: number[] = [];
  readonly operator: SourceOperator;
  readonly state: OperatorStateBackend;
  readonly pressure = { holds: 0 };
  #now = 0;
  readonly #timers = new Map<object, { readonly due: number; readonly callback: () => void }>();

  constructor(
    strategy: WatermarkStrategy<unknown> | undefined,
    options: { readonly pausesSplits?: boolean; readonly state?: OperatorStateBackend } = {},
  ) {
    this.state = options.state ?? emptyState(0, 1);
    const { reader } = this;
    if (options.pausesSplits === true) {
      reader.pauseOrResumeSplits = (pause, resume) => {
        reader.pauses.push(...pause.map((id) => `+${id}`), ...resume.map((id) => `-${id}`));
      };
    }
    const source = { split: SplitSchema, createReader: () => reader } as unknown as AnySource;
    this.operator = new SourceOperator(
      { source, strategy, autoWatermarkInterval: milliseconds(200) },
      {
        env: undefined as never,
        pressure: this.pressure as Pressure,
        requestSplit: () => undefined,
        sendToEnumerator: () => undefined,
        reportWatermark: (watermark) => void this.reported.push(watermark),
        available: () => void this.story.push('available'),
      },
    );
    const opened = this.operator.open(this.#context());
    if (opened !== undefined) throw new TypeError('the scripted reader starts at once');
    this.operator.processingTime();
  }

  /** What has come out since the last call. */
  take(): string[] {
    return this.story.splice(0);
  }

  /** Lets the reader do something. @returns what comes out */
  poll(next: Poll): string[] {
    this.reader.next = next;
    this.operator.poll();
    return this.take();
  }

  /** @returns what comes out */
  advance(millis: number): string[] {
    const until = this.#now + millis;
    for (;;) {
      const next = [...this.#timers].sort(([, a], [, b]) => a.due - b.due)[0];
      if (next === undefined || next[1].due > until) break;
      this.#timers.delete(next[0]);
      this.#now = next[1].due;
      next[1].callback();
    }
    this.#now = until;
    return this.take();
  }

  #context(): OperatorContext {
    const parts: Partial<OperatorContext> = {
      open: { operatorName: 'Source: test' } as OperatorContext['open'],
      output: {
        process: (value, timestamp) => void this.story.push(`${String(value)}@${timestamp}`),
      },
      processingTime: () => this.#now as Timestamp,
      activeTime: () => this.#now as Duration,
      isHeld: false,
      operatorState: this.state,
      emitWatermark: (timestamp) => void this.story.push(`w ${timestamp}`),
      emitStatus: (status) => void this.story.push(status),
      after: (delay, callback) => {
        const timer = {};
        this.#timers.set(timer, { due: this.#now + delay, callback });
        return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
      },
    };
    return parts as OperatorContext;
  }
}

function emptyState(subtask: number, parallelism: number): OperatorStateBackend {
  return new OperatorStateBackend({ operator: 'Source: test', subtask, parallelism });
}

/** What a subtask finds that goes on from a snapshot of all of these, in the order of subtasks. */
export async function stateAfter(
  former: readonly SourceRun[],
  { subtask, parallelism } = { subtask: 0, parallelism: 1 },
): Promise<OperatorStateBackend> {
  const inputs = former.map(({ operator, state }, index) => {
    operator.prepareSnapshot(1);
    const memory = new MemorySnapshot(`of subtask ${index}`);
    const writer = state.beginSnapshot(memory);
    while (writer.writeSlice(Infinity, () => 0) !== 'done');
    return memory.input();
  });
  const state = emptyState(subtask, parallelism);
  await state.restore(inputs);
  return state;
}

/** One of several subtasks. */
export function runOf(
  strategy: WatermarkStrategy<unknown> | undefined,
  subtask: number,
  parallelism: number,
): SourceRun {
  return new SourceRun(strategy, { state: emptyState(subtask, parallelism) });
}
