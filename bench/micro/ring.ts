/**
 * What the ring between two slots costs: two threads, a link over two rings with doorbells, looped
 * as a slot loops. Frames of three sizes one way, then round trips of one frame between threads
 * that sleep in between, then both asleep. CPU is that of the whole process, both threads. `node
 * bench/micro/ring.ts [--json]`.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { FrameHandler } from '../../src/network/frame-link.ts';
import { Doorbell, doorbellWord } from '../../src/network/doorbell.ts';
import { RingLink } from '../../src/network/ring-link.ts';
import { formatRing, ringRegionBytes } from '../../src/network/ring-owner.ts';
import { nodeMemory, sharedBuffer, sharedRegion } from '../../src/env/node/memory.ts';
import { report } from '../lib/report.ts';

const RING = { capacityBytes: 1 << 20, controlBytes: 1 << 16 };
const SIZES = [100, 4096, 32_768];
/** Bytes sent in a run, at least. */
const RUN_BYTES = 1 << 29;
const RUN_FRAMES_MAX = 2_000_000;
const ROUND_TRIPS = 5000;
const IDLE_MILLIS = 300;
const WARM_UPS = 2;
const RUNS = 7;
const GENERATION = 1;
const DATA = 1;
const STEP_FRAMES = 64;

interface Setup {
  readonly side: 0 | 1;
  readonly rings: readonly [SharedArrayBuffer, SharedArrayBuffer];
  readonly doorbells: SharedArrayBuffer;
}

type Task =
  | { readonly kind: 'stream'; readonly frames: number; readonly bytes: number }
  | { readonly kind: 'round-trips'; readonly count: number }
  | { readonly kind: 'idle' };

interface Done {
  readonly frames: number;
  readonly checksum: number;
  readonly medianMicros: number;
}

// --------------------------------------------------------------------------------------- a thread

class Side {
  readonly #side: 0 | 1;
  readonly #link: RingLink;
  readonly #doorbell: Doorbell;
  #step: () => boolean = () => false;
  #isScheduled = false;
  readonly #run = (): void => this.#slice();

  constructor({ side, rings, doorbells }: Setup) {
    const peer = side === 0 ? 1 : 0;
    const bells = sharedRegion(doorbells);
    const link = RingLink.open({
      toPeer: sharedRegion(rings[side]),
      fromPeer: sharedRegion(rings[peer]),
      generation: GENERATION,
      owner: side,
      doorbells: bells,
      peerDoorbell: doorbellWord(peer),
    });
    if (link === undefined) throw new Error('the ring is taken');
    this.#side = side;
    this.#link = link;
    this.#doorbell = new Doorbell(bells, doorbellWord(side));
  }

  start(): void {
    parentPort!.on('message', (task: Task) => {
      if (task.kind === 'stream') this.#stream(task.frames, task.bytes);
      else if (task.kind === 'round-trips') this.#roundTrips(task.count);
      else this.#idle();
      this.#doorbell.awake();
      this.#schedule();
    });
    parentPort!.postMessage('ready');
  }

  /**
   * As a slot's loop: slices of at most a millisecond, then the event loop; asleep without work.
   */
  #slice(): void {
    this.#isScheduled = false;
    const until = performance.now() + 1;
    let more = this.#step();
    while (more && performance.now() < until) more = this.#step();
    this.#link.flush();
    if (more || !this.#doorbell.sleep(() => this.#link.hasInput, this.#run)) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#run);
  }

  #done(frames: number, checksum: number, medianMicros: number): void {
    this.#step = () => false;
    parentPort!.postMessage({ frames, checksum, medianMicros } satisfies Done);
  }

  #stream(frames: number, size: number): void {
    const link = this.#link;
    let count = 0;
    let sum = 0;
    if (this.#side === 0) {
      const bytes = new Uint8Array(size).fill(1);
      const nothing: FrameHandler = { frame: () => undefined };
      this.#step = () => {
        link.poll(nothing, 1);
        for (let i = 0; i < STEP_FRAMES && count < frames; i += 1) {
          bytes[0] = count;
          if (!link.send(DATA, count, bytes, 'data')) return false;
          count += 1;
        }
        if (count === frames) this.#done(count, 0, 0);
        return count < frames;
      };
      return;
    }
    const handler: FrameHandler = {
      frame(_kind, channel, bytes, start, end) {
        if (channel !== count || end - start !== size) throw new Error('not the frame sent');
        sum = (sum + bytes[start]! + bytes[end - 1]!) | 0;
        count += 1;
      },
    };
    this.#step = () => {
      const taken = link.poll(handler, STEP_FRAMES);
      if (count === frames) this.#done(count, sum, 0);
      return taken > 0;
    };
  }

  #roundTrips(count: number): void {
    const link = this.#link;
    const bytes = new Uint8Array(100);
    const micros = new Float64Array(count);
    let at = 0;
    let sentAt = 0;
    const send = (): void => {
      sentAt = performance.now();
      link.send(DATA, at, bytes, 'data');
    };
    const handler: FrameHandler = {
      frame: () => {
        micros[at] = (performance.now() - sentAt) * 1000;
        at += 1;
        if (this.#side === 1) link.send(DATA, at, bytes, 'data');
        else if (at < count) send();
        if (at === count) this.#done(at, 0, micros.sort()[count >> 1]!);
      },
    };
    this.#step = () => {
      link.poll(handler, STEP_FRAMES);
      return false;
    };
    if (this.#side === 0) send();
  }

  #idle(): void {
    this.#step = () => false;
    setTimeout(() => this.#done(0, 0, 0), IDLE_MILLIS);
  }
}

// -------------------------------------------------------------------------------- the main thread

async function main(): Promise<void> {
  const memory = nodeMemory();
  const rings = [0, 1].map(() => {
    const region = memory.allocate(ringRegionBytes(RING));
    formatRing(region, RING, GENERATION);
    return sharedBuffer(region);
  }) as [SharedArrayBuffer, SharedArrayBuffer];
  const doorbells = sharedBuffer(memory.allocate(1024));
  const workers = ([0, 1] as const).map(
    (side) =>
      new Worker(new URL(import.meta.url), {
        workerData: { side, rings, doorbells } satisfies Setup,
      }),
  );
  await Promise.all(workers.map((worker) => nextMessage(worker)));
  for (const size of SIZES) await measureStream(workers, size);
  await measureRoundTrips(workers);
  await measureIdle(workers);
  await Promise.all(workers.map((worker) => worker.terminate()));
}

interface Measurement {
  readonly done: readonly [Done, Done];
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

async function run(workers: readonly Worker[], task: Task): Promise<Measurement> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const results = workers.map((worker) => nextMessage(worker));
  for (const worker of workers) worker.postMessage(task);
  const done = (await Promise.all(results)) as [Done, Done];
  const wallSeconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { done, cpuSeconds: (user + system) / 1e6, wallSeconds };
}

async function repeat(workers: readonly Worker[], task: Task): Promise<Measurement[]> {
  const all: Measurement[] = [];
  for (let i = 0; i < WARM_UPS + RUNS; i += 1) all.push(await run(workers, task));
  return all.slice(WARM_UPS);
}

async function measureStream(workers: readonly Worker[], size: number): Promise<void> {
  const frames = Math.min(RUN_FRAMES_MAX, RUN_BYTES / size);
  const all = await repeat(workers, { kind: 'stream', frames, bytes: size });
  let checksum = 0;
  for (let i = 0; i < frames; i += 1) checksum = (checksum + (i & 255) + 1) | 0;
  for (const { done } of all) {
    if (done[1].frames !== frames || done[1].checksum !== checksum) {
      throw new Error(`${done[1].frames} of ${frames} frames came, or not as they were sent`);
    }
  }
  const rates = (seconds: (each: Measurement) => number, amount: number): number[] =>
    all.map((each) => amount / seconds(each));
  const cpu = (each: Measurement): number => each.cpuSeconds;
  const wall = (each: Measurement): number => each.wallSeconds;
  const name = `ring-${size}B`;
  const better = 'higher';
  report({
    name: `${name}-frames`,
    unit: 'records/s',
    better,
    values: rates(cpu, frames),
    wall: rates(wall, frames),
  });
  const megabytes = (frames * size) / 1e6;
  report({
    name: `${name}-bytes`,
    unit: 'MB/s',
    better,
    values: rates(cpu, megabytes),
    wall: rates(wall, megabytes),
  });
  const micros = all.map((each) => (each.cpuSeconds / frames) * 1e6);
  report({ name: `${name}-cpu-per-frame`, unit: 'us', better: 'lower', values: micros });
}

async function measureRoundTrips(workers: readonly Worker[]): Promise<void> {
  const all = await repeat(workers, { kind: 'round-trips', count: ROUND_TRIPS });
  const values = all.map(({ done }) => done[0].medianMicros);
  report({ name: 'ring-round-trip-p50', unit: 'us', better: 'lower', values });
}

/** CPU seconds per second while both threads sleep: nothing is burnt. */
async function measureIdle(workers: readonly Worker[]): Promise<void> {
  const all = await repeat(workers, { kind: 'idle' });
  const values = all.map(({ cpuSeconds, wallSeconds }) => cpuSeconds / wallSeconds);
  report({ name: 'ring-idle-cpu', unit: 'ratio', better: 'lower', values });
}

function nextMessage(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: unknown) => {
      worker.off('error', reject);
      resolve(message);
    });
  });
}

if (isMainThread) await main();
else new Side(workerData as Setup).start();
