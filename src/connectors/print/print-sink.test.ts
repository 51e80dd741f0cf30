// What print and collect send, message by message, and what discard counts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../base/byte-reader.ts';
import { decodeClientMessage, type ClientMessage } from '../../functions/client-message.ts';
import type {
  Sink,
  SinkWriter,
  SinkWriterContext,
  RestoredWriterState,
} from '../../functions/sink.ts';
import type { ConnectorEnv } from '../../functions/source.ts';
import { t } from '../../types/index.ts';
import { collectSink } from '../collect/collect-sink.ts';
import { discard } from '../discard/discard.ts';
import { ManualClock, openContext } from '../source-harness.test-kit.ts';
import { formatValue } from './format-value.ts';
import { printSink } from './print-sink.ts';
import { NO_WRITER_STATE } from '../../testing/commit-requests.ts';
import { countingMetrics } from '../../testing/counting-metrics.test-kit.ts';

const at = { timestamp: undefined, watermark: 0 as never };

class Client {
  readonly clock = new ManualClock();
  readonly messages: ClientMessage[] = [];
  readonly counters = new Map<string, number>();
  /** What `sendToClient` answers. */
  answer: Promise<void> | undefined = undefined;

  writer<T, S = never>(
    sink: Sink<T, never, S>,
    parts: Partial<SinkWriterContext> = {},
    restored: RestoredWriterState<S> = NO_WRITER_STATE,
  ): SinkWriter<unknown, never, S> {
    const context: SinkWriterContext = {
      ...openContext(parts),
      env: { clock: this.clock } as unknown as ConnectorEnv,
      jobId: 'id',
      operatorId: 'sink',
      fileSystem: () => assert.fail('no file is written'),
      metrics: countingMetrics((name, by) =>
        this.counters.set(name, (this.counters.get(name) ?? 0) + by),
      ),
      sendToClient: (bytes) => {
        this.messages.push(decodeClientMessage(bytes));
        return this.answer;
      },
    };
    return sink.createWriter(context, restored);
  }

  get text(): string {
    return this.messages.map(({ body }) => new TextDecoder().decode(body)).join('');
  }
}

test('lines begin with label and subtask where there are any', async () => {
  const cases = [
    [undefined, 0, 1, 'x\n'],
    ['label', 0, 1, 'label> x\n'],
    [undefined, 1, 4, '2> x\n'],
    ['label', 3, 4, 'label:4> x\n'],
  ] as const;
  for (const [label, subtask, parallelism, line] of cases) {
    const client = new Client();
    const writer = client.writer(printSink(label), { subtask, parallelism });
    writer.write('x', at);
    await writer.flush(true);
    assert.equal(client.text, line);
  }
});

test('P1, P2: lines go a moment after the first, or when there are many, numbered without gaps', async () => {
  const client = new Client();
  const writer = client.writer(printSink());
  writer.write('a', at);
  writer.write('b', at);
  assert.equal(client.messages.length, 0);
  client.clock.advance(50);
  assert.equal(client.text, 'a\nb\n');
  assert.equal(client.clock.pending, 0);
  for (let i = 0; i < 40; i++) writer.write('x'.repeat(1023), at);
  assert.equal(client.messages.length, 2);
  await writer.flush(true);
  await writer.close();
  assert.deepEqual(
    client.messages.map(({ sequence }) => sequence),
    [0, 1, 2],
  );
  assert.equal(client.text.length, 4 + 40 * 1024);
  assert.equal(client.clock.pending, 0);
});

test('the writer is busy while the client has not taken what was sent', async () => {
  const client = new Client();
  const writer = client.writer(printSink());
  const { promise, resolve } = Promise.withResolvers<void>();
  client.answer = promise;
  writer.write('x', at);
  const flushed = writer.flush(true);
  assert.ok(writer.busy !== undefined);
  resolve();
  await flushed;
  assert.equal(writer.busy, undefined);
});

test('collected records can be read back, and each subtask says when it has ended', async () => {
  const client = new Client();
  const schema = t.struct({ word: t.string, n: t.int32 });
  const writer = client.writer(collectSink('rows', schema), { subtask: 2, attempt: 3 });
  const rows = [
    { word: 'to', n: 1 },
    { word: 'be', n: 2 },
  ];
  for (const row of rows) writer.write(row, at);
  client.clock.advance(50);
  await writer.flush(true);
  const [first, last] = client.messages;
  assert.ok(first?.kind === 'collect' && last?.kind === 'collect');
  assert.deepEqual([first.subtask, first.attempt, first.count, first.last], [2, 3, 2, false]);
  const reader = new ByteReader(first.body);
  assert.deepEqual([schema.codec.decode(reader), schema.codec.decode(reader)], rows);
  assert.deepEqual([last.sequence, last.count, last.last, last.body.length], [1, 0, true, 0]);
});

test('a restored subtask says behind how many records it goes on', async () => {
  const client = new Client();
  const sink = collectSink('rows', t.int32);
  const writer = client.writer(sink, { parallelism: 1 }, { own: [5], all: [5] });
  for (const value of [1, 2]) writer.write(value, at);
  await writer.flush(false);
  assert.deepEqual(await writer.snapshotState!(1), [7]);
  writer.write(3, at);
  await writer.flush(true);
  const ends = client.messages.map((each) => each.kind === 'collect' && [each.from, each.count]);
  assert.deepEqual(ends, [
    [5, 2],
    [7, 1],
  ]);
});

test('values are printed as they are written in a program', () => {
  const cases: readonly (readonly [unknown, string])[] = [
    ['text "as is"', 'text "as is"'],
    [1.5, '1.5'],
    [-0, '-0'],
    [5n, '5n'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{ word: 'a"b', n: 1, 'a-b': [true] }, '{ word: "a\\"b", n: 1, "a-b": [true] }'],
    [['a', 1], '["a", 1]'],
    [new Map([['a', { b: 1 }]]), 'Map("a" => { b: 1 })'],
    [new Set([1]), 'Set(1)'],
    [new Uint8Array([0, 255]), 'bytes(00ff)'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [{}, '{}'],
  ];
  for (const [value, text] of cases) assert.equal(formatValue(value), text);
  const endless: { self?: unknown } = {};
  endless.self = endless;
  assert.match(formatValue(endless), /\.\.\./);
});

test('discard counts, and sums modulo 2^32 whatever the order', async () => {
  const client = new Client();
  const writers = [client.writer(discard()), client.writer(discard())];
  const values = [2 ** 40 + 5, -1, 2 ** 31, 7, 2 ** 32 - 1];
  for (const [index, value] of values.entries()) writers[index % 2]!.write(value, at);
  for (const writer of writers) await writer.flush(true);
  assert.equal(client.counters.get('records'), 5);
  const expected = values.reduce((sum, value) => sum + BigInt(value), 0n) % 2n ** 32n;
  assert.equal(BigInt(client.counters.get('checksum')!) % 2n ** 32n, expected);

  const mine = new Client();
  const writer = mine.writer(discard<{ n: number }>({ checksum: (row) => row.n }));
  writer.write({ n: 5 }, at);
  await writer.flush(true);
  await writer.flush(true);
  assert.deepEqual(
    [...mine.counters],
    [
      ['records', 1],
      ['checksum', 5],
    ],
  );
});
