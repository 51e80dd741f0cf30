/**
 * What a keyed record costs between two chains: within a slot, by reference, and to another slot,
 * encoded into a ring and decoded out of it. One thread is both slots in turn, so that nothing is
 * measured but the work; pin it to a core. `local` is a record that stays, `half-remote` one of an
 * edge to two slots, `remote` what a record costs more that goes to the other slot, by the fastest
 * runs. `node bench/micro/exchange.ts [--json]`.
 */
import { sharedRegion } from '../../src/env/node/memory.ts';
import type { Batch } from '../../src/network/batch.ts';
import { NO_TIMESTAMP } from '../../src/network/batch.ts';
import { doorbellWord } from '../../src/network/doorbell.ts';
import { FLUSH_WHEN_FULL } from '../../src/network/flush-round.ts';
import { FramePool } from '../../src/network/frame-pool.ts';
import type { InputChannel } from '../../src/network/input-channel.ts';
import { LocalQueue } from '../../src/network/local-queue.ts';
import { NetworkMemory } from '../../src/network/network-memory.ts';
import type { OutputChannel } from '../../src/network/output-channel.ts';
import { Pressure } from '../../src/network/pressure.ts';
import type { RecordWriter } from '../../src/network/record-writer.ts';
import { createRecordWriter } from '../../src/network/record-writer.ts';
import { RemoteInputChannel } from '../../src/network/remote-input-channel.ts';
import { RemoteOutputChannel } from '../../src/network/remote-output-channel.ts';
import { RingLink } from '../../src/network/ring-link.ts';
import { formatRing, ringRegionBytes } from '../../src/network/ring-owner.ts';
import { Spill } from '../../src/network/spill.ts';
import { PeerLink } from '../../src/taskexecutor/slot/peer-link.ts';
import type { Schema } from '../../src/types/schema.ts';
import { t } from '../../src/types/t.ts';
import { report } from '../lib/report.ts';

const RECORDS = 1_000_000;
const WARM_UPS = 4;
const RUNS = 24;
const KEYS = 100_000;
const MAX_PARALLELISM = 128;
/** Emitted between two turns of the consumer. */
const TURN_RECORDS = 1024;
const RING = { capacityBytes: 1 << 20, controlBytes: 1 << 16 };
const GENERATION = 1;
const CHANNEL = 1;
const TEXTS = Array.from({ length: 1024 }, (_, i) => `payment ${i} `.padEnd(74, '.'));

interface Work<T> {
  readonly name: string;
  readonly schema: Schema<T>;
  readonly make: (n: number) => T;
  readonly key: (record: T) => number;
  /** 1 in the sum of all records. */
  readonly value: (record: T) => number;
}

const sales: Work<{ key: number; amount: number }> = {
  name: 'two-numbers',
  schema: t.struct({ key: t.float64, amount: t.float64 }),
  make: (n) => ({ key: ((n % KEYS) * 7919) % KEYS, amount: 1 }),
  key: ({ key }) => key,
  value: ({ amount }) => amount,
};

const payments: Work<{ account: number; amount: number; time: number; text: string }> = {
  name: 'payment-100B',
  schema: t.struct({ account: t.float64, amount: t.float64, time: t.float64, text: t.string }),
  make: (n) => ({ account: (n * 7919) % KEYS, amount: 1, time: n, text: TEXTS[n % 1024]! }),
  key: ({ account }) => account,
  value: ({ amount, text }) => amount + text.length - 74,
};

/** Both ends of one link, as two slots see it. */
class TwoSlots {
  readonly #links: readonly [PeerLink, PeerLink];
  readonly #memory = new NetworkMemory({
    ...{ capacityBytes: 64 << 20, segmentBytes: 32 * 1024, where: 'the benchmark' },
  });
  readonly #frames = new FramePool();

  constructor() {
    this.#memory.reserve({ inputs: 1, outputs: 1 });
    const rings = [0, 1].map(() => {
      const region = sharedRegion(new SharedArrayBuffer(ringRegionBytes(RING)));
      formatRing(region, RING, GENERATION);
      return region;
    });
    const doorbells = sharedRegion(new SharedArrayBuffer(1024));
    this.#links = [0, 1].map((side) => {
      const link = RingLink.open({
        ...{ toPeer: rings[side]!, fromPeer: rings[1 - side]!, generation: GENERATION },
        ...{ owner: side, doorbells, peerDoorbell: doorbellWord(1 - side) },
      });
      const peer = new PeerLink(`slot ${1 - side}`, (reason) => {
        throw new Error(reason);
      });
      peer.attach(link!);
      return peer;
    }) as [PeerLink, PeerLink];
  }

  channel(schema: Schema<any>, pressure: Pressure): readonly [OutputChannel, InputChannel] {
    const [left, right] = this.#links;
    const codec = schema.codec;
    const output = new RemoteOutputChannel({
      ...{ channel: CHANNEL, codec, sender: left, pressure, memory: this.#memory },
      ...{ flushTimeout: FLUSH_WHEN_FULL, scratch },
    });
    const input = new RemoteInputChannel({
      ...{ channel: CHANNEL, codec, sender: right, memory: this.#memory, frames: this.#frames },
    });
    left.addOutput(CHANNEL, output);
    right.addInput(CHANNEL, input);
    input.start();
    this.move();
    return [output, input];
  }

  /** As the loops of the slots do. */
  move(): void {
    for (const link of this.#links) link.flush();
    for (const link of this.#links) link.poll();
  }
}

type Kind = 'local' | 'remote';

class Exchange<T> {
  readonly #work: Work<T>;
  readonly #slots = new TwoSlots();
  readonly #pressure = new Pressure(() => undefined);
  readonly #inputs: readonly InputChannel[];
  readonly #writer: RecordWriter;
  #count = 0;
  #sum = 0;

  constructor(work: Work<T>, kinds: readonly Kind[]) {
    this.#work = work;
    const channels = kinds.map((kind) => {
      if (kind === 'remote') return this.#slots.channel(work.schema, this.#pressure);
      const queue = new LocalQueue(
        this.#pressure,
        new Spill(scratch, work.schema.codec),
        FLUSH_WHEN_FULL,
      );
      return [queue, queue] as const;
    });
    this.#inputs = channels.map(([, input]) => input);
    this.#writer = createRecordWriter({
      channels: channels.map(([output]) => output),
      partitioner: {
        kind: 'hash',
        key: { select: work.key, schema: t.float64 },
      },
      ...{ subtask: 0, maxParallelism: MAX_PARALLELISM, parallelism: kinds.length },
      ...{ operator: 'make', random: () => 0, verifier: undefined },
    });
  }

  /** @returns nanoseconds of CPU a record. */
  run(): number {
    this.#count = 0;
    this.#sum = 0;
    const cpu = process.cpuUsage();
    for (let n = 0; n < RECORDS;) {
      n = this.#emit(n, n + TURN_RECORDS);
      this.#slots.move();
      this.#consume();
    }
    this.#writer.flush();
    this.#slots.move();
    this.#consume();
    const { user, system } = process.cpuUsage(cpu);
    if (this.#count !== RECORDS || this.#sum !== RECORDS) {
      throw new Error(`${this.#count} of ${RECORDS} records came, with a sum of ${this.#sum}`);
    }
    return ((user + system) * 1000) / RECORDS;
  }

  #emit(from: number, until: number): number {
    const work = this.#work;
    const writer = this.#writer;
    let n = from;
    for (; n < until && n < RECORDS && this.#pressure.holds === 0; n += 1) {
      writer.process(work.make(n), NO_TIMESTAMP);
    }
    return n;
  }

  #consume(): void {
    for (const input of this.#inputs) {
      for (let batch = input.poll(); batch !== undefined; batch = input.poll()) {
        if (batch.kind !== 'objects') throw new Error('not a batch of records');
        this.#take(batch);
        input.recycle(batch);
      }
    }
  }

  #take({ values, keyGroups, size }: Extract<Batch, { kind: 'objects' }>): void {
    const work = this.#work;
    for (let i = 0; i < size; i += 1) {
      const record = values[i] as T;
      if (work.key(record) < 0 || keyGroups![i]! >= MAX_PARALLELISM) throw new Error('no record');
      this.#sum += work.value(record);
    }
    this.#count += size;
  }
}

function scratch(): never {
  throw new Error('nothing spills');
}

function measure<T>(work: Work<T>): void {
  const local = new Exchange(work, ['local']);
  const half = new Exchange(work, ['local', 'remote']);
  const locals: number[] = [];
  const halves: number[] = [];
  for (let run = 0; run < WARM_UPS + RUNS; run += 1) {
    const nanos = [local.run(), half.run()] as const;
    if (run < WARM_UPS) continue;
    locals.push(nanos[0] / 1000);
    halves.push(nanos[1] / 1000);
  }
  const name = `exchange-${work.name}`;
  report({ name: `${name}-local`, unit: 'us', better: 'lower', values: locals });
  report({ name: `${name}-half-remote`, unit: 'us', better: 'lower', values: halves });
  const more = 2 * (Math.min(...halves) - Math.min(...locals));
  report({ name: `${name}-remote`, unit: 'us', better: 'lower', values: [more] });
}

measure(sales);
measure(payments);
