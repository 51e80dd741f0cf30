/**
 * Rows travel through tasks, edges and links as values do: in order, with kinds, times and key
 * groups.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Duration, Timestamp } from '../../base/units.ts';
import { murmur3 } from '../../base/murmur.ts';
import type { RowBatch } from '../../network/batch.ts';
import { RowKind } from '../../network/batch.ts';
import type { FrameSender } from '../../network/channel-frames.ts';
import { ChannelFrame } from '../../network/channel-frames.ts';
import { END } from '../../network/control-element.ts';
import { FLUSH_AT_ONCE } from '../../network/flush-round.ts';
import { FramePool } from '../../network/frame-pool.ts';
import { InputGate } from '../../network/input-gate.ts';
import { STILL } from '../../network/input-gate.test-kit.ts';
import type { InputChannel } from '../../network/input-channel.ts';
import { LocalQueue } from '../../network/local-queue.ts';
import { NetworkMemory } from '../../network/network-memory.ts';
import type { OutputChannel } from '../../network/output-channel.ts';
import { Pressure } from '../../network/pressure.ts';
import { createRecordWriter } from '../../network/record-writer.ts';
import { RemoteInputChannel } from '../../network/remote-input-channel.ts';
import { RemoteOutputChannel } from '../../network/remote-output-channel.ts';
import { Spill } from '../../network/spill.ts';
import { OperatorChain } from '../../operators/operator-chain.ts';
import type { OneInputOperator, OperatorContext, RowDownstream } from '../../operators/operator.ts';
import type { PartitionerSpec } from '../../graph/operator-spec.ts';
import { dynamic } from '../../types/index.ts';
import { Task } from './task.ts';

const MAX_PARALLELISM = 128;

/** Copies the rows whose first byte is even, as a filter of the SQL engine would. */
class EvenRows implements OneInputOperator {
  #output!: RowDownstream;

  open(context: OperatorContext): void {
    this.#output = context.rowOutput(groupOfRow);
  }

  processRows(batch: RowBatch): void {
    for (let row = batch.cursor; row < batch.size; row += 1) {
      if (batch.bytes[batch.offsets[row]!]! % 2 !== 0) continue;
      this.#output.batch.copyRow(batch, row, -1);
      this.#output.committed();
    }
  }

  process(): void {
    assert.fail('a row operator got a value');
  }

  close(): void {}
}

function groupOfRow(batch: RowBatch, row: number): number {
  const bytes = batch.bytes.subarray(batch.offsets[row], batch.offsets[row + 1]);
  return (murmur3(bytes) >>> 0) % MAX_PARALLELISM;
}

interface Row {
  readonly bytes: string;
  readonly kind: number;
  readonly rowtime: number;
}

function rowsOf(channel: InputChannel): {
  readonly rows: Row[];
  readonly groups: number[];
  readonly ended: boolean;
} {
  const rows: Row[] = [];
  const groups: number[] = [];
  let ended = false;
  for (let element = channel.poll(); element !== undefined; element = channel.poll()) {
    assert.ok(!ended, 'nothing follows the end');
    if (element.kind === 'end') ended = true;
    if (element.kind !== 'rows') continue;
    for (let row = element.cursor; row < element.size; row += 1) {
      const bytes = element.bytes.subarray(element.offsets[row], element.offsets[row + 1]);
      rows.push({
        bytes: Buffer.from(bytes).toString('hex'),
        kind: element.kinds[row]!,
        rowtime: element.rowtimes![row]!,
      });
      groups.push(element.keyGroups?.[row] ?? -1);
    }
  }
  return { rows, groups, ended };
}

function localQueue(): LocalQueue {
  const spill = new Spill(() => assert.fail('nothing spills here'), dynamic.codec);
  return new LocalQueue(new Pressure(() => undefined), spill, FLUSH_AT_ONCE);
}

/** A channel to another slot, whose frames are carried over at once. */
function remoteChannel(): { readonly output: OutputChannel; readonly input: InputChannel } {
  const frames: [kind: number, bytes: Uint8Array][] = [];
  const forth: FrameSender = {
    send: (kind, _channel, bytes) => (frames.push([kind, new Uint8Array(bytes)]), true),
    sendControl: (kind, _channel, bytes) => void frames.push([kind, new Uint8Array(bytes)]),
  };
  const back: FrameSender = {
    send: () => true,
    sendControl: (kind, _channel, bytes) => {
      assert.equal(kind, ChannelFrame.credit);
      output.credited(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true));
    },
  };
  const memory = new NetworkMemory({ capacityBytes: 1e6, segmentBytes: 32_768, where: 'a test' });
  memory.reserve({ inputs: 1, outputs: 1 });
  const output = new RemoteOutputChannel({
    ...{ channel: 1, codec: dynamic.codec, sender: forth, memory },
    pressure: new Pressure(() => undefined),
    flushTimeout: FLUSH_AT_ONCE,
    scratch: () => assert.fail('nothing spills here'),
  });
  const input = new RemoteInputChannel({
    ...{ channel: 1, codec: dynamic.codec, sender: back, frames: new FramePool() },
    memory,
  });
  input.start();
  return {
    output,
    input: {
      get hasData() {
        return true;
      },
      poll: () => {
        for (const [kind, bytes] of frames.splice(0)) input.receive(kind, bytes, 0, bytes.length);
        return input.poll();
      },
      recycle: (batch) => input.recycle(batch),
      close: () => input.close(),
      onBarrier: undefined,
      capture: () => assert.fail('nothing overtakes here'),
      stopCapture: () => undefined,
    },
  };
}

/** Runs EvenRows over `count` rows of growing length into the given channels. */
async function filterRows(
  count: number,
  partitioner: PartitionerSpec,
  channels: OutputChannel[],
): Promise<Row[]> {
  const source = localQueue();
  const feeder = createRecordWriter({
    ...writerOptions,
    partitioner: { kind: 'forward' },
    channels: [source],
  });
  const rows = feeder.rowOutput(undefined);
  const expected: Row[] = [];
  for (let i = 0; i < count; i += 1) {
    const length = 1 + (i % 300);
    const start = rows.batch.begin(length);
    rows.batch.bytes.fill(i & 255, start, start + length);
    const kind = i % 3 === 0 ? RowKind.delete : RowKind.insert;
    rows.batch.commit(length, kind, 1000 + i, -1);
    rows.committed();
    if (i % 2 === 0) {
      expected.push({
        bytes: Buffer.alloc(length, i & 255).toString('hex'),
        kind,
        rowtime: 1000 + i,
      });
    }
  }
  feeder.control(END);
  const writer = createRecordWriter({ ...writerOptions, partitioner, channels });
  const ended = Promise.withResolvers<string>();
  const operator = new EvenRows();
  const task: Task = new Task({
    chain: new OperatorChain([
      { id: 'even', name: 'even', operator, outputs: [{ tag: undefined, writer }] },
    ]),
    gate: new InputGate([{ channel: source, input: 0, edge: 0 }], STILL),
    producers: [],
    flushTimeout: FLUSH_AT_ONCE,
    pressure: new Pressure(() => undefined),
    clock: {
      now: () => 0 as Timestamp,
      monotonic: () => 0 as Duration,
      after: () => ({ [Symbol.dispose]: () => undefined }),
    },
    commit: undefined,
    locate: (error) => error,
    listener: {
      running: () => undefined,
      readyToCommit: () => undefined,
      wake: () => undefined,
      ended: (state, error) => (error === undefined ? ended.resolve(state) : ended.reject(error)),
    },
    contextOf: (_member, outputs) =>
      ({ rowOutput: (route?: never) => outputs.rows(route) }) as unknown as OperatorContext,
  });
  await task.start();
  while (task.runnable) task.step();
  assert.equal(await ended.promise, 'FINISHED');
  assert.equal(task.recordsIn, count);
  assert.equal(task.recordsOut, expected.length);
  return expected;
}

const writerOptions = {
  subtask: 0,
  maxParallelism: MAX_PARALLELISM,
  parallelism: 2,
  operator: 'even',
  random: () => 0,
  verifier: undefined,
};

describe('rows', () => {
  it('pass a task and a queue of the slot in order', async () => {
    const queue = localQueue();
    const expected = await filterRows(1000, { kind: 'forward' }, [queue]);
    assert.deepEqual(rowsOf(queue), {
      rows: expected,
      groups: expected.map(() => -1),
      ended: true,
    });
  });

  it('are split by key group over channels to other slots, and keep their group', async () => {
    const remote = [remoteChannel(), remoteChannel()];
    const key = { select: () => 0, schema: undefined };
    const expected = await filterRows(
      1000,
      { kind: 'hash', key },
      remote.map(({ output }) => output),
    );
    const got = remote.map(({ input }) => rowsOf(input));
    for (const [index, { groups, ended }] of got.entries()) {
      assert.ok(ended);
      assert.ok(groups.length > 100);
      assert.ok(
        groups.every((group) => group >= 0 && Math.floor((group * 2) / MAX_PARALLELISM) === index),
      );
    }
    const byTime = got.flatMap(({ rows }) => rows).toSorted((a, b) => a.rowtime - b.rowtime);
    assert.deepEqual(byTime, expected);
  });

  it('are copied to every channel of a broadcast edge', async () => {
    const queues = [localQueue(), localQueue()];
    const expected = await filterRows(100, { kind: 'broadcast' }, queues);
    for (const queue of queues) assert.deepEqual(rowsOf(queue).rows, expected);
  });
});
