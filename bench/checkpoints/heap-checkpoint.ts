/**
 * Snapshots of 1 GB of state on the heap to the local disk while the state goes on changing, whole
 * and of 2 % changed entries, and the restore of both: a process of its own, since it wants much
 * memory. `node bench/checkpoints/heap-checkpoint.ts MEGABYTES RUNS DIRECTORY` prints one line of
 * JSON.
 */
import type { SnapshotMark, SnapshotWriter } from '../../src/state/snapshot.ts';
import { nodeDisk } from '../../src/env/node/disk.ts';
import { nodeRandom } from '../../src/env/node/random.ts';
import type { StateHandle } from '../../src/protocol/checkpoint.ts';
import { CheckpointStreams, type CheckpointOutput } from '../../src/storage/checkpoint-streams.ts';
import { FileSystems } from '../../src/storage/file-systems.ts';
import { discardHandles, openHandle } from '../../src/storage/stored-checkpoint.ts';
import { HeapStateUnderTest } from './heap-state.ts';
import type { FileInput } from '../../src/storage/file-system.ts';
import type { Kind } from './heap-state.ts';

const SLICE_MILLIS = 5;
/** Updates between two slices: few, since they count as changes. */
const BATCH = 20;
const CHANGED = 0.02;
const PARTS: Readonly<Record<Kind, number>> = { numbers: 0.25, texts: 0.75 };

/** All of all runs; rates in MB/s. */
export interface HeapFigures {
  readonly rates: number[];
  /** The same by seconds of CPU of the thread, whatever else the machine does. */
  readonly cpuRates: number[];
  readonly pauses: number[];
  readonly restoreRates: number[];
  readonly restoreCpuRates: number[];
  readonly restorePauses: number[];
  readonly bytesRatios: number[];
  /** Of CPU time. */
  readonly timeRatios: number[];
}

interface Written {
  readonly bytes: number;
  readonly millis: number;
  readonly cpuMillis: number;
  readonly pause: number;
  readonly mark: SnapshotMark;
  readonly handle: StateHandle;
}

/** The storage that slots write to. */
class Storage {
  readonly fileSystems: FileSystems;
  readonly #folder: string;
  readonly #streams: CheckpointStreams;

  constructor(folder: string) {
    this.fileSystems = FileSystems.create({ disk: nodeDisk(), random: nodeRandom() });
    this.#folder = folder;
    this.#streams = new CheckpointStreams(this.fileSystems, { directory: folder, inlineBytes: 0 });
  }

  open(): CheckpointOutput {
    return this.#streams.open(this.#folder, 'exclusive');
  }
}

function cpuMillis(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

async function write(
  state: HeapStateUnderTest,
  output: CheckpointOutput,
  base: SnapshotMark | undefined,
): Promise<Written> {
  const start = performance.now();
  const cpu = cpuMillis();
  let pause = 0;
  let last = start;
  const paused = (): void => {
    const now = performance.now();
    pause = Math.max(pause, now - last);
    last = now;
  };
  const writer: SnapshotWriter = state.backend.beginSnapshot(output, { base, marked: true });
  paused();
  for (let result = 'more'; result !== 'done';) {
    await new Promise((done) => void setImmediate(done));
    result = writer.writeSlice(SLICE_MILLIS, () => performance.now());
    paused();
    if (result === 'blocked') await output.drained();
    // What is done in between is no pause, but takes its time.
    state.update(BATCH);
    last = performance.now();
  }
  const handle = await output.finish();
  const millis = performance.now() - start;
  const spent = cpuMillis() - cpu;
  return {
    bytes: writer.bytesWritten,
    millis,
    cpuMillis: spent,
    pause,
    mark: writer.mark!,
    handle,
  };
}

async function restore(
  kind: Kind,
  bytes: number,
  inputs: readonly FileInput[],
): Promise<Omit<Written, 'mark' | 'handle'>> {
  const again = new HeapStateUnderTest(kind, bytes);
  let pause = 0;
  let last = performance.now();
  let running = true;
  const tick = (): void => {
    const now = performance.now();
    pause = Math.max(pause, now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  const start = performance.now();
  const cpu = cpuMillis();
  setImmediate(tick);
  await again.backend.restore([inputs]);
  running = false;
  const millis = performance.now() - start;
  const spent = cpuMillis() - cpu;
  if (again.backend.usage.entries !== again.keys) throw new Error('entries were lost');
  again.backend.close();
  const read = inputs.reduce((sum, { size }) => sum + size, 0);
  return { millis, cpuMillis: spent, pause, bytes: read };
}

/** The sum over both kinds is what counts. */
interface Sums {
  bytes: number;
  millis: number;
  cpuMillis: number;
  changedBytes: number;
  changedMillis: number;
  restoreBytes: number;
  restoreMillis: number;
  restoreCpuMillis: number;
  pause: number;
  restorePause: number;
}

async function measureKind(
  kind: Kind,
  megabytes: number,
  storage: Storage,
  sums: readonly Sums[],
): Promise<void> {
  const bytes = megabytes * 1e6 * PARTS[kind];
  const state = new HeapStateUnderTest(kind, bytes);
  state.fill();
  state.check();
  let before: SnapshotMark | undefined;
  let handles: readonly StateHandle[] = [];
  for (const [run, sum] of sums.entries()) {
    await discardHandles(storage.fileSystems, handles);
    const whole = await write(state, storage.open(), undefined);
    state.update(Math.ceil(state.keys * CHANGED));
    const changes = await write(state, storage.open(), whole.mark);
    handles = [whole.handle, changes.handle];
    if (before !== undefined) state.backend.releaseMark(before);
    state.backend.releaseMark(whole.mark);
    before = changes.mark;
    sum.bytes += whole.bytes;
    sum.millis += whole.millis;
    sum.cpuMillis += whole.cpuMillis;
    sum.changedBytes += changes.bytes;
    sum.changedMillis += changes.cpuMillis;
    sum.pause = Math.max(sum.pause, whole.pause, changes.pause);
    if (run === sums.length - 1) state.backend.close();
  }
  for (const sum of sums) {
    const inputs = await Promise.all(handles.map((each) => openHandle(storage.fileSystems, each)));
    const restored = await restore(kind, bytes, inputs);
    for (const input of inputs) await input.close();
    sum.restoreBytes += restored.bytes;
    sum.restoreMillis += restored.millis;
    sum.restoreCpuMillis += restored.cpuMillis;
    sum.restorePause = Math.max(sum.restorePause, restored.pause);
  }
  await discardHandles(storage.fileSystems, handles);
}

async function main(): Promise<void> {
  const [megabytes, runs, directory] = process.argv.slice(2);
  const sums = Array.from({ length: Number(runs) }, () => ({
    bytes: 0,
    millis: 0,
    cpuMillis: 0,
    changedBytes: 0,
    changedMillis: 0,
    restoreBytes: 0,
    restoreMillis: 0,
    restoreCpuMillis: 0,
    pause: 0,
    restorePause: 0,
  }));
  for (const kind of ['numbers', 'texts'] as const) {
    await measureKind(kind, Number(megabytes), new Storage(directory!), sums);
  }
  const figures: HeapFigures = {
    rates: sums.map(({ bytes, millis }) => bytes / 1000 / millis),
    cpuRates: sums.map((sum) => sum.bytes / 1000 / sum.cpuMillis),
    pauses: sums.map(({ pause }) => pause),
    restoreRates: sums.map(
      ({ restoreBytes, restoreMillis }) => restoreBytes / 1000 / restoreMillis,
    ),
    restoreCpuRates: sums.map((sum) => sum.restoreBytes / 1000 / sum.restoreCpuMillis),
    restorePauses: sums.map(({ restorePause }) => restorePause),
    bytesRatios: sums.map(({ bytes, changedBytes }) => changedBytes / bytes),
    timeRatios: sums.map((sum) => sum.changedMillis / sum.cpuMillis),
  };
  console.log(JSON.stringify(figures));
}

await main();
