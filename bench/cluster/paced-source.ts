/**
 * A source of records at a fixed rate: record `i` is due at `i` intervals after the start, whether
 * or not anybody was there to take it, and says so itself, so that a stall counts for all records
 * that it delays. Another thread keeps the time and wakes the reader, as a broker would.
 */
import { Worker } from 'node:worker_threads';
import { t, type Schema, type Source, type SourceReader } from 'millrace';

export interface Paced {
  readonly key: number;
  /** In microseconds of `machineMicros`. */
  readonly due: number;
  readonly text: string;
}

export const Paced: Schema<Paced> = t.struct({ key: t.float64, due: t.float64, text: t.string });

export interface Pace {
  readonly records: number;
  readonly perSecond: number;
  readonly keys: number;
  readonly text: string;
}

/** Of a clock that all processes of the machine share. */
export function machineMicros(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Sleeps until the next record is due, and notifies; ends when told by the second word. */
const PACER = `
  const { workerData: { words, interval } } = require('node:worker_threads');
  let next = performance.now();
  while (Atomics.load(words, 1) === 0) {
    next += interval;
    const delay = next - performance.now();
    if (delay > 0) Atomics.wait(words, 1, 0, delay);
    Atomics.add(words, 0, 1);
    Atomics.notify(words, 0);
  }
`;

const NoSplit = t.struct({ id: t.string });
type NoSplit = { readonly id: string };

export function pacedRecords(pace: Pace): Source<Paced, NoSplit, number> {
  return {
    kind: 'source',
    name: `paced(${pace.perSecond}/s)`,
    produces: Paced,
    boundedness: 'bounded',
    parallelism: 1,
    split: NoSplit,
    enumeratorState: t.integer,
    createEnumerator: (context) => ({
      start: () => undefined,
      addReader: (subtask) => {
        context.assign(subtask, [{ id: 'all' }]);
        context.signalNoMoreSplits(subtask);
      },
      handleSplitRequest: () => undefined,
      addSplitsBack: () => undefined,
      snapshot: () => 0,
      close: () => undefined,
    }),
    createReader: (context) => pacedReader(pace, () => context.available()),
  };
}

function pacedReader(pace: Pace, available: () => void): SourceReader<Paced, NoSplit> {
  const { records, perSecond, keys, text } = pace;
  const intervalMicros = 1e6 / perSecond;
  const words = new Int32Array(new SharedArrayBuffer(8));
  let pacer: Worker | undefined;
  let start = -1;
  let next = 0;

  function rest(): 'nothing' {
    const seen = Atomics.load(words, 0);
    if (start + next * intervalMicros <= machineMicros()) {
      setImmediate(available);
      return 'nothing';
    }
    const waiting = Atomics.waitAsync(words, 0, seen);
    if (waiting.async) waiting.value.then(available, fail);
    else setImmediate(available);
    return 'nothing';
  }

  return {
    start() {
      const workerData = { words, interval: intervalMicros / 1000 };
      pacer = new Worker(PACER, { eval: true, workerData });
      pacer.on('error', fail);
    },
    addSplits() {
      start = machineMicros();
      available();
    },
    noMoreSplits: () => undefined,
    poll(output) {
      if (start < 0) return 'nothing';
      const due = Math.min(records, Math.floor((machineMicros() - start) / intervalMicros) + 1);
      while (next < due && !output.full) {
        output.collect({ key: next % keys, due: start + next * intervalMicros, text });
        next += 1;
      }
      if (next === records) return 'end';
      return next < due ? 'more' : rest();
    },
    snapshot: () => [],
    async close() {
      Atomics.store(words, 1, 1);
      Atomics.notify(words, 1);
      await pacer?.terminate();
    },
  };
}

function fail(thrown: unknown): void {
  throw thrown;
}
