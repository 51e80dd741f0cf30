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
  /** Of the events that the input was made of. */
  readonly events: number;
  readonly ratio: Spread | undefined;
  readonly equal: boolean | undefined;
  readonly comparison: Comparison | undefined;
  readonly ours: Side;
  readonly flink: Side | undefined;
}

/** What is no query: see measure-figures.ts. */
export const FIGURES = 'figures';
/** Of a run that is not counted: code is compiled, memory is taken. */
const WARM_UP_EVENTS = 200_000;
const MEMORY = { 'taskmanager.memory.process.size': '4 gb' };

export async function beside(
  options: BesideOptions,
  found: (result: BesideResult) => Promise<void>,
  log: (line: string) => void,
): Promise<void> {
  const pairs = chosen(options.queries);
  if (pairs.length === 0) return;
  const home = options.vs === 'flink' ? await flinkHome() : undefined;
  const inputs = await inputsFor(pairs, options.events, log);
  const warmUp = await inputsFor(pairs, Math.min(options.events, WARM_UP_EVENTS), () => undefined);
  const folder = join(CACHE, 'run');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await using systems = await start(folder, home);
  for (const pair of pairs) {
    await found(await measure(pair, systems, { inputs, warmUp, folder, options }));
  }
}

function chosen(names: readonly string[]): readonly Pair[] {
  if (names.includes('all')) return PAIRS;
  return names
    .filter((name) => name !== FIGURES)
    .map((name) => {
      const pair = PAIRS.find((each) => each.name === name);
      if (pair !== undefined) return pair;
      const known = PAIRS.map((each) => each.name).join(', ');
      throw new Error(`there is no query ${name}; there are ${known}, ${FIGURES} and all`);
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
    ours: new MillraceSystem(ours, folder),
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
  given: {
    readonly inputs: Inputs;
    readonly warmUp: Inputs;
    readonly folder: string;
    readonly options: BesideOptions;
  },
): Promise<BesideResult> {
  const { folder, options } = given;
  const runs: Record<'ours' | 'flink', Run[]> = { ours: [], flink: [] };
  const outcomes: Partial<Record<'ours' | 'flink', Outcome>> = {};
  for (let run = 0; run <= options.runs; run += 1) {
    const isCounted = run > 0;
    const events = isCounted ? options.events : Math.min(options.events, WARM_UP_EVENTS);
    const input = (isCounted ? given.inputs : given.warmUp)[pair.input];
    for (const [side, system] of [
      ['ours', ours],
      ['flink', flink],
    ] as const) {
      if (system === undefined) continue;
      const output = join(folder, 'out', side);
      await rm(output, { recursive: true, force: true });
      const measured = await system.run(pair, { input, output }, events);
      if (isCounted) runs[side].push(measured.run);
      outcomes[side] = { output, accumulators: measured.accumulators };
    }
  }
  const { events } = options;
  const records = pair.records(events);
  const comparison = outcomes.flink && pair.compare(outcomes.ours!, outcomes.flink, events);
  return {
    name: pair.name,
    about: pair.about,
    records,
    events,
    ratio: flink && ratioOf(runs.ours, runs.flink),
    equal: comparison?.equal,
    comparison,
    ours: sideOf(records, runs.ours),
    flink: flink && sideOf(records, runs.flink),
  };
}
