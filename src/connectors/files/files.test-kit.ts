/**
 * Drives a file source by the Source contract over an environment's disk: an enumerator, its
 * readers in turn, outputs that are full after as many records as the test says. Test code.
 */
import assert from 'node:assert/strict';
import { hours } from '../../base/units.ts';
import type { Env } from '../../env/env.ts';
import type { AnySource, ConnectorEnv, SourceReader, SourceSplit } from '../../functions/source.ts';
import { simulation } from '../../../sim/simulation.ts';
import { ByteReader } from '../../base/byte-reader.ts';
import { ByteWriter } from '../../base/byte-writer.ts';
import type { Schema } from '../../types/schema.ts';
import { SingleOutput } from '../single-output.test-kit.ts';
import { openContext, type SourceSnapshot } from '../source-harness.test-kit.ts';
import { countingMetrics } from '../../testing/counting-metrics.test-kit.ts';

export interface DriveOptions {
  readonly parallelism?: number | undefined;
  /** The output is full after so many records of a poll. */
  readonly perPoll?: number | undefined;
  /** Stops after so many records in all. */
  readonly stopAfter?: number | undefined;
  /** Stops after so many polls in all. */
  readonly stopAfterPolls?: number | undefined;
  readonly restored?: SourceSnapshot | undefined;
  /** Called for each record, while it is collected. */
  readonly onRecord?: ((place: string) => void) | undefined;
}

export interface Driven {
  /** By subtask. */
  readonly collected: readonly (readonly unknown[])[];
  readonly side: readonly unknown[];
  readonly ended: boolean;
  readonly snapshot: SourceSnapshot;
  readonly counters: Readonly<Record<string, number>>;
}

interface Driver {
  readonly reader: SourceReader<unknown, SourceSplit>;
  available: boolean;
  ended: boolean;
}

export async function drive(
  env: ConnectorEnv,
  source: AnySource,
  options: DriveOptions = {},
): Promise<Driven> {
  const { parallelism = 1, perPoll = 1000, stopAfter = Infinity, restored } = options;
  const { stopAfterPolls = Infinity } = options;
  const collected: unknown[][] = Array.from({ length: parallelism }, () => []);
  const side: unknown[] = [];
  const counters: Record<string, number> = {};
  const drivers: Driver[] = [];
  let wake = (): void => {};
  let failure: { readonly error: unknown } | undefined;
  const enumerator = source.createEnumerator(
    {
      env,
      parallelism,
      readers: new Set(collected.keys()),
      assign: (subtask, splits) => {
        const sent = splits.map((split) => encode(source.split, split));
        drivers[subtask]!.reader.addSplits(
          sent.map((bytes) => decode(source.split, bytes) as SourceSplit),
        );
      },
      signalNoMoreSplits: (subtask) => drivers[subtask]!.reader.noMoreSplits(),
      sendToReader: () => assert.fail('no events were expected'),
      fail: (error) => {
        failure = { error };
        wake();
      },
    },
    restored === undefined ? undefined : decode(source.enumeratorState, restored.enumerator),
  );
  await enumerator.start();
  for (let subtask = 0; subtask < parallelism; subtask++) {
    const reader = source.createReader({
      ...openContext({
        subtask,
        parallelism,
        metrics: countingMetrics((name, by) => (counters[name] = (counters[name] ?? 0) + by)),
      }),
      env,
      requestSplit: () => enumerator.handleSplitRequest(subtask),
      sendToEnumerator: () => assert.fail('no events were expected'),
      available: () => {
        const driver = drivers[subtask];
        if (driver !== undefined) driver.available = true;
        wake();
      },
    }) as SourceReader<unknown, SourceSplit>;
    drivers.push({ reader, available: true, ended: false });
  }
  const close = async (): Promise<void> => {
    for (const { reader } of drivers) await reader.close();
    await enumerator.close();
  };
  try {
    for (const [index, split] of (restored?.splits ?? []).entries()) {
      drivers[index % parallelism]!.reader.addSplits([decode(source.split, split) as SourceSplit]);
    }
    for (const { reader } of drivers) await reader.start();
    let total = 0;
    let polls = 0;
    const stopped = (): boolean => total >= stopAfter || polls >= stopAfterPolls;
    while (drivers.some(({ ended }) => !ended) && !stopped()) {
      if (failure !== undefined) throw failure.error;
      const subtask = drivers.findIndex(({ available, ended }) => available && !ended);
      if (subtask === -1) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      polls += 1;
      const driver = drivers[subtask]!;
      driver.available = false;
      const limit = Math.min(perPoll, stopAfter - total);
      let count = 0;
      let place = (): string => 'nowhere';
      const output = new SingleOutput<unknown>({
        collect: (value) => {
          assert.ok(count < limit, 'a record was collected while the output was full');
          count += 1;
          collected[subtask]!.push(value);
          options.onRecord?.(place());
        },
        collectTo: (output, value) => {
          assert.equal(output, 'malformed');
          assert.ok(count < limit, 'a record was collected while the output was full');
          count += 1;
          side.push(value);
        },
        locate: (given) => void (place = given),
        get full() {
          return count >= limit;
        },
      });
      const result = driver.reader.poll(output);
      total += count;
      if (result === 'more') driver.available = true;
      if (result === 'end') driver.ended = true;
    }
    const snapshot = {
      enumerator: encode(source.enumeratorState, enumerator.snapshot(1)),
      splits: drivers.flatMap(({ reader }) =>
        reader.snapshot(1).map((split) => encode(source.split, split)),
      ),
    };
    const ended = drivers.every((driver) => driver.ended);
    return { collected, side, ended, snapshot, counters };
  } finally {
    await close();
  }
}

/** Runs on a simulated machine. */
export function onDisk<T>(seed: number, body: (env: Env) => Promise<T>): Promise<T> {
  const world = simulation({ seed, buggify: false });
  return world.runProcess(world.host('host'), body, hours(24 * 100));
}

/** Paths of all files below a folder, as `list` of the disk has them; none if it is not there. */
export async function filesBelow(
  env: Pick<ConnectorEnv, 'disk'>,
  folder: string,
): Promise<string[]> {
  if ((await env.disk.stat(folder)) === undefined) return [];
  const paths: string[] = [];
  for (const { name, kind } of await env.disk.list(folder)) {
    const path = `${folder}/${name}`;
    if (kind === 'directory') paths.push(...(await filesBelow(env, path)));
    else paths.push(path);
  }
  return paths;
}

export async function writeFile(
  env: ConnectorEnv,
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  const slash = path.lastIndexOf('/');
  if (slash > 0) await env.disk.makeDirectory(path.slice(0, slash));
  const file = await env.disk.open(path, 'write');
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  await file.write(bytes, 0);
  await file.close();
}

export async function readFile(env: ConnectorEnv, path: string): Promise<string> {
  const file = await env.disk.open(path, 'read');
  const bytes = new Uint8Array(await file.size());
  await file.read(bytes, 0);
  await file.close();
  return new TextDecoder().decode(bytes);
}

function encode(schema: Schema<unknown>, value: unknown): Uint8Array {
  const out = new ByteWriter();
  schema.codec.encode(value, out);
  return out.copy();
}

function decode(schema: Schema<unknown>, bytes: Uint8Array): unknown {
  return schema.codec.decode(new ByteReader(bytes));
}
