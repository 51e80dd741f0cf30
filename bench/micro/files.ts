/**
 * What reading files costs: the reader of the file connector with a format that looks for line ends
 * only, with text(), and with json() of two fields, beside the same parser on one block in memory
 * (the difference is the reader); and writing lines. `node bench/micro/files.ts [--json]`.
 */
import { commitRequests, NO_WRITER_STATE } from '../../src/testing/commit-requests.ts';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { fileSink } from '../../src/connectors/files/file-sink.ts';
import { fileSource } from '../../src/connectors/files/file-source.ts';
import { nodeClock } from '../../src/env/node/clock.ts';
import { nodeCompression } from '../../src/env/node/compression.ts';
import { nodeDisk } from '../../src/env/node/disk.ts';
import { nodeRandom } from '../../src/env/node/random.ts';
import type { LineDecoder, LineFormat, LineHandler } from '../../src/formats/format.ts';
import { json, text } from '../../src/formats/index.ts';
import type {
  ConnectorEnv,
  OpenContext,
  SourceOutput,
  SourceReaderContext,
  WriteContext,
} from '../../src/index.ts';
import { FileSystems } from '../../src/storage/file-systems.ts';
import { t } from '../../src/types/t.ts';
import { bidsFile } from '../core/bids.ts';
import { report } from '../lib/report.ts';
import { MetricRegistry } from '../../src/metrics/metric-registry.ts';

const RECORDS = 500_000;
const RUNS = 5;
const POLL_RECORDS = 1024;

const env = {
  clock: nodeClock(),
  disk: nodeDisk(),
  compression: nodeCompression(),
  random: nodeRandom(),
} as unknown as ConnectorEnv;

const silent = (): void => undefined;
const open: OpenContext = {
  jobName: 'bench',
  operatorName: 'bench',
  subtask: 0,
  parallelism: 1,
  maxParallelism: 128,
  attempt: 1,
  logger: { debug: silent, info: silent, warn: silent, error: silent },
  metrics: new MetricRegistry(() => undefined).root,
};

/** Reads all of a file as a slot does. @returns how many records came */
async function readAll<T>(path: string, format: LineFormat<T>): Promise<number> {
  const source = fileSource({ path, format });
  let wake: (() => void) | undefined;
  let isAvailable = true;
  const enumerator = source.createEnumerator(
    {
      env,
      parallelism: 1,
      readers: new Set([0]),
      assign: (_subtask, splits) => reader.addSplits(splits),
      signalNoMoreSplits: () => reader.noMoreSplits(),
      sendToReader: silent,
      fail: (error) => {
        throw error;
      },
    },
    undefined,
  );
  const context: SourceReaderContext = {
    ...open,
    env,
    requestSplit: () => enumerator.handleSplitRequest(0),
    sendToEnumerator: silent,
    available: () => {
      isAvailable = true;
      wake?.();
    },
  };
  const reader = source.createReader(context);
  await enumerator.start();
  await reader.start();
  const output = new CountingOutput();
  for (;;) {
    output.begin();
    isAvailable = false;
    const result = reader.poll(output);
    if (result === 'end') break;
    if (result === 'nothing' && !isAvailable)
      await new Promise<void>((resolve) => (wake = resolve));
  }
  await reader.close();
  return output.total;
}

class CountingOutput implements SourceOutput<unknown> {
  total = 0;
  #count = 0;

  begin(): void {
    this.#count = 0;
  }

  get full(): boolean {
    return this.#count >= POLL_RECORDS;
  }

  collect(_value: unknown): void {
    this.#count += 1;
    this.total += 1;
  }

  forSplit(): this {
    return this;
  }

  releaseSplit(): void {}
  emitWatermark(): void {}
  markIdle(): void {}
  markActive(): void {}
}

/** Finds the lines and makes nothing of them. */
const ends: LineFormat<undefined> = {
  ...(text() as unknown as LineFormat<undefined>),
  createDecoder: () => new EndsDecoder(),
};

class EndsDecoder implements LineDecoder<undefined> {
  lines = 0;
  lineStart = 0;

  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    _last: boolean,
    handler: LineHandler<undefined>,
  ): number {
    let at = start;
    while (at < end) {
      const found = bytes.indexOf(10, at);
      if (found === -1 || found >= end) break;
      this.lineStart = at;
      at = found + 1;
      this.lines += 1;
      if (!handler.record(undefined)) break;
    }
    return at;
  }
}

interface Rates {
  readonly bytes: number[];
  readonly records: number[];
  readonly wall: number[];
}

async function measure(bytes: number, run: () => Promise<number> | number): Promise<Rates> {
  const rates: Rates = { bytes: [], records: [], wall: [] };
  for (let i = -1; i < RUNS; i++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const count = await run();
    const wall = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    if (count !== RECORDS) throw new Error(`${count} records instead of ${RECORDS}`);
    if (i < 0) continue;
    const seconds = (user + system) / 1e6;
    rates.bytes.push(bytes / 1e6 / seconds);
    rates.records.push(count / seconds);
    rates.wall.push(count / wall);
  }
  return rates;
}

const path = await bidsFile(RECORDS);
const content = readFileSync(path);
const bid = json(t.struct({ auction: t.integer, price: t.integer }));

const endsOnly = await measure(content.length, () => readAll(path, ends));
report({ name: 'files-line-ends', unit: 'MB/s', better: 'higher', values: endsOnly.bytes });

const asText = await measure(content.length, () => readAll(path, text()));
report({ name: 'files-text', unit: 'MB/s', better: 'higher', values: asText.bytes });

const asJson = await measure(content.length, () => readAll(path, bid));
report({
  name: 'files-json-two-fields',
  unit: 'records/s',
  better: 'higher',
  values: asJson.records,
  wall: asJson.wall,
});

const parser = await measure(content.length, () => {
  let count = 0;
  const handler = {
    record: () => {
      count += 1;
      return true;
    },
    malformed: () => true,
  };
  bid.createDecoder().decode(content, 0, content.length, true, handler);
  return count;
});
report({
  name: 'files-json-two-fields-parser-alone',
  unit: 'records/s',
  better: 'higher',
  values: parser.records,
  wall: parser.wall,
});

const lines = content.toString('latin1').split('\n').slice(0, -1);
const folder = join(tmpdir(), `millrace-bench-files-${process.pid}`);
const at = {} as WriteContext;
const written = await measure(content.length, async () => {
  const sink = fileSink({ path: folder, format: text(), onExisting: 'replace' });
  const context = {
    ...{ ...open, env, jobId: 'bench', operatorId: 'sink', sendToClient: () => undefined },
    fileSystem: (uri: string) => FileSystems.create(env).of(uri),
  };
  const writer = sink.createWriter(context, NO_WRITER_STATE);
  await writer.start!();
  for (const line of lines) {
    writer.write(line, at);
    if (writer.busy !== undefined) await writer.busy;
  }
  await writer.flush(true);
  await sink.createCommitter!(context).commit(
    commitRequests(await writer.prepareCommit!(undefined)),
  );
  await writer.close();
  return lines.length;
});
report({ name: 'files-write-text', unit: 'MB/s', better: 'higher', values: written.bytes });
await rm(folder, { recursive: true, force: true });
