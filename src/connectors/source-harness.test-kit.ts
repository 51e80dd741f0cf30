/**
 * Drives a Source by its contract, in one thread and by hand: an enumerator, its readers, a clock
 * that moves when it is told to, and outputs that are full after as many records as the test says.
 */
import assert from 'node:assert/strict';
import { ByteReader } from '../base/byte-reader.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { milliseconds, type Duration, type Timestamp } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import type { OpenContext } from '../functions/function-context.ts';
import type {
  AnySource,
  ConnectorEnv,
  PollResult,
  SourceReader,
  SourceSplit,
  SplitEnumerator,
} from '../functions/source.ts';
import type { Schema } from '../types/schema.ts';
import { SingleOutput } from './single-output.test-kit.ts';
import { countingMetrics } from '../testing/counting-metrics.test-kit.ts';

export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Map<{ readonly due: number }, () => void>();

  now(): Timestamp {
    return this.#now as Timestamp;
  }

  monotonic(): Duration {
    return milliseconds(this.#now);
  }

  cpuTime(): Duration {
    return milliseconds(this.#now);
  }

  after(delay: Duration, callback: () => void): Disposable {
    const timer = { due: this.#now + delay };
    this.#timers.set(timer, callback);
    return { [Symbol.dispose]: () => void this.#timers.delete(timer) };
  }

  soon(callback: () => void): void {
    this.after(milliseconds(0), callback);
  }

  /** Timers that have neither fired nor been disposed. */
  get pending(): number {
    return this.#timers.size;
  }

  advance(by: number): void {
    const until = this.#now + by;
    for (;;) {
      const due = [...this.#timers].sort(([left], [right]) => left.due - right.due)[0];
      if (due === undefined || due[0].due > until) break;
      const [timer, callback] = due;
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      callback();
    }
    this.#now = until;
  }
}

export function openContext(parts: Partial<OpenContext> = {}): OpenContext {
  const silent = (): void => {};
  return {
    jobName: 'job',
    operatorName: 'operator',
    subtask: 0,
    parallelism: 1,
    maxParallelism: 128,
    attempt: 1,
    logger: { debug: silent, info: silent, warn: silent, error: silent },
    metrics: countingMetrics(),
    ...parts,
  };
}

/** What a snapshot of a running source holds, encoded as it would be stored. */
export interface SourceSnapshot {
  readonly enumerator: Uint8Array;
  readonly splits: readonly Uint8Array[];
}

interface ReaderState {
  readonly reader: SourceReader<unknown, SourceSplit>;
  available: boolean;
  ended: boolean;
}

export class SourceHarness {
  readonly clock: ManualClock = new ManualClock();
  readonly collected: unknown[][];
  readonly #source: AnySource;
  readonly #enumerator: SplitEnumerator<SourceSplit, unknown>;
  readonly #readers: ReaderState[] = [];

  constructor(source: AnySource, parallelism: number, restored?: SourceSnapshot) {
    this.#source = source;
    this.collected = Array.from({ length: parallelism }, () => []);
    const env = { clock: this.clock } as unknown as ConnectorEnv;
    const state =
      restored === undefined ? undefined : decode(source.enumeratorState, restored.enumerator);
    this.#enumerator = source.createEnumerator(
      {
        env,
        parallelism,
        readers: new Set(this.collected.keys()),
        assign: (subtask, splits) => {
          const sent = (splits as readonly SourceSplit[]).map((split) =>
            recode(source.split, split),
          );
          this.#readers[subtask]!.reader.addSplits(sent);
          this.#readers[subtask]!.available = true;
        },
        signalNoMoreSplits: (subtask) => {
          this.#readers[subtask]!.reader.noMoreSplits();
          this.#readers[subtask]!.available = true;
        },
        sendToReader: () => assert.fail('no events were expected'),
        fail: (error) => {
          throw error;
        },
      },
      state,
    ) as SplitEnumerator<SourceSplit, unknown>;
    atOnce(this.#enumerator.start());
    for (let subtask = 0; subtask < parallelism; subtask++) {
      const reader = source.createReader({
        ...openContext({ subtask, parallelism }),
        env,
        requestSplit: () => this.#enumerator.handleSplitRequest(subtask),
        sendToEnumerator: () => assert.fail('no events were expected'),
        available: () => {
          const state_ = this.#readers[subtask];
          if (state_ !== undefined) state_.available = true;
        },
      }) as SourceReader<unknown, SourceSplit>;
      this.#readers.push({ reader, available: true, ended: false });
    }
    for (const [index, split] of (restored?.splits ?? []).entries()) {
      const { reader } = this.#readers[index % parallelism]!;
      reader.addSplits([decode(source.split, split) as SourceSplit]);
    }
    for (const { reader } of this.#readers) atOnce(reader.start());
  }

  /**
   * Polls a reader that says it has something, for at most `records`; undefined if it says it has
   * not.
   */
  poll(subtask: number, records: number): PollResult | undefined {
    const state = this.#readers[subtask]!;
    if (state.ended || !state.available) return undefined;
    state.available = false;
    const into = this.collected[subtask]!;
    const limit = into.length + records;
    const output = new SingleOutput<unknown>({
      collect: (value) => {
        assert.ok(into.length < limit, 'a record was collected while the output was full');
        into.push(value);
      },
      get full() {
        return into.length >= limit;
      },
    });
    const result = state.reader.poll(output);
    if (result === 'more') state.available = true;
    if (result === 'end') state.ended = true;
    return result;
  }

  get ended(): boolean {
    return this.#readers.every((state) => state.ended);
  }

  /** Polls all readers in turn until they have ended, or none has anything. */
  drain(records: number = 1000): void {
    for (let idle = false; !idle && !this.ended;) {
      idle = true;
      for (const subtask of this.collected.keys()) {
        if (this.poll(subtask, records) !== undefined) idle = false;
      }
    }
  }

  snapshot(): SourceSnapshot {
    return {
      enumerator: encode(this.#source.enumeratorState, this.#enumerator.snapshot(1)),
      splits: this.#readers.flatMap(({ reader }) =>
        reader.snapshot(1).map((split) => encode(this.#source.split, split)),
      ),
    };
  }

  close(): void {
    for (const { reader } of this.#readers) atOnce(reader.close());
    atOnce(this.#enumerator.close());
  }
}

function encode(schema: Schema<unknown>, value: unknown): Uint8Array {
  const out = new ByteWriter();
  schema.codec.encode(value, out);
  return out.copy();
}

function decode(schema: Schema<unknown>, bytes: Uint8Array): unknown {
  return schema.codec.decode(new ByteReader(bytes));
}

function recode<T>(schema: Schema<T>, value: T): T {
  return decode(schema, encode(schema, value)) as T;
}

/** The sources driven here have nothing to wait for. */
function atOnce(done: void | Promise<void>): void {
  assert.equal(done, undefined);
}
