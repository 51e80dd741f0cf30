/**
 * The suite `nexmark`: every query in Millrace and in Apache Flink, on the same input, the process
 * that executes it on the same core, in turns; with the results compared row by row.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { flinkHome, type FlinkHome } from '../flink/flink-home.ts';
import { FlinkCluster } from '../flink/flink-cluster.ts';
import { CACHE } from './cache.ts';
import type { Comparison } from './compare-rows.ts';
import { inputsFor, type Inputs } from './inputs.ts';
import { MillraceCluster } from './millrace-cluster.ts';
import { FlinkSystem, MillraceSystem, type System } from './systems.ts';
import { PAIRS, type Outcome, type Pair } from './pairs.ts';
import { ratioOf, sideOf, type Run, type Side, type Spread } from './ratio.ts';

export interface BesideOptions {
  readonly events: number;
  /** Names, or `all`. */
  readonly queries: readonly string[];
  readonly vs: 'flink' | 'none';
  readonly runs: number;
}

/** Of one query. */
export interface BesideResult {
  readonly name: string;
  readonly about: string;
  readonly records: number;
  readonly ratio: Spread | undefined;
  readonly equal: boolean | undefined;
  readonly comparison: Comparison | undefined;
  readonly ours: Side;
  readonly flink: Side | undefined;
}

const MEMORY = { 'taskmanager.memory.process.size': '4 gb' };

export async function beside(
  options: BesideOptions,
  found: (result: BesideResult) => void,
  log: (line: string) => void,
): Promise<void> {
  const pairs = chosen(options.queries);
  const home = options.vs === 'flink' ? await flinkHome() : undefined;
  const inputs = await inputsFor(pairs, options.events, log);
  const folder = join(CACHE, 'run');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await using systems = await start(folder, home);
  for (const pair of pairs) found(await measure(pair, systems, { inputs, folder, options }));
}

function chosen(names: readonly string[]): readonly Pair[] {
  if (names.includes('all')) return PAIRS;
  return names.map((name) => {
    const pair = PAIRS.find((each) => each.name === name);
    if (pair !== undefined) return pair;
    const known = PAIRS.map((each) => each.name).join(', ');
    throw new Error(`there is no query ${name}; there are ${known}, and all`);
  });
}

interface Systems extends AsyncDisposable {
  readonly ours: System;
  readonly flink: System | undefined;
}

async function start(folder: string, home: FlinkHome | undefined): Promise<Systems> {
  const ours = await MillraceCluster.start({
    folder: join(folder, 'millrace'),
    taskManagers: 1,
    options: MEMORY,
  });
  const flink =
    home &&
    (await FlinkCluster.start({
      home,
      folder: join(folder, 'flink'),
      taskManagers: 1,
      options: { ...MEMORY, ...FLINK_OPTIONS },
    }).catch(async (thrown: unknown) => {
      await ours.close();
      throw thrown;
    }));
  return {
    ours: new MillraceSystem(ours),
    flink: flink && new FlinkSystem(flink, folder),
    async [Symbol.asyncDispose]() {
      await ours.close();
      await flink?.close();
    },
  };
}

/** What makes Flink faster. */
const FLINK_OPTIONS = {
  'taskmanager.memory.managed.size': '256 mb',
  'pipeline.object-reuse': 'true',
  'table.exec.mini-batch.enabled': 'true',
  'table.exec.mini-batch.allow-latency': '2 s',
  'table.exec.mini-batch.size': '50000',
};

async function measure(
  pair: Pair,
  { ours, flink }: Systems,
  given: { readonly inputs: Inputs; readonly folder: string; readonly options: BesideOptions },
): Promise<BesideResult> {
  const { inputs, folder, options } = given;
  const { events } = options;
  const input = inputs[pair.input];
  const filesOf = (system: System) => ({ input, output: join(folder, 'out', system.name) });
  const runs: Record<'ours' | 'flink', Run[]> = { ours: [], flink: [] };
  const outcomes: Partial<Record<'ours' | 'flink', Outcome>> = {};
  // The first run of each is not counted.
  for (let run = 0; run <= options.runs; run += 1) {
    for (const [side, system] of [
      ['ours', ours],
      ['flink', flink],
    ] as const) {
      if (system === undefined) continue;
      const files = filesOf(system);
      await rm(files.output, { recursive: true, force: true });
      const measured = await system.run(pair, files, events);
      if (run > 0) runs[side].push(measured.run);
      outcomes[side] = { output: files.output, accumulators: measured.accumulators };
    }
  }
  const records = pair.records(events);
  const comparison = outcomes.flink && pair.compare(outcomes.ours!, outcomes.flink, events);
  return {
    name: pair.name,
    about: pair.about,
    records,
    ratio: flink && ratioOf(runs.ours, runs.flink),
    equal: comparison?.equal,
    comparison,
    ours: sideOf(records, runs.ours),
    flink: flink && sideOf(records, runs.flink),
  };
}
