/**
 * `npm run bench -- SUITE [NAME...] [--runs N] [--json] [--profile]`: runs the benchmarks of a
 * suite, or some of them by name, and prints a line for each. Ends with 1 if one gave a wrong
 * result. With --profile each slot of their jobs writes a CPU profile into out/profiles. Benchmarks
 * of single parts are programs of their own, in bench/micro. The suite `nexmark`, beside Apache
 * Flink, has options of its own: see bench/beside/command.ts.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nexmarkSuite } from './beside/command.ts';
import { checkpointsBenchmarks } from './checkpoints/checkpoints.ts';
import { clusterBenchmarks } from './cluster/cluster.ts';
import { coreBenchmarks } from './core/core.ts';
import { profileInto } from './lib/profile.ts';
import { report } from './lib/report.ts';
import { windowsBenchmarks } from './windows/windows.ts';
import type { Benchmark } from './lib/benchmark.ts';

const SUITES: Readonly<Record<string, readonly Benchmark[]>> = {
  checkpoints: checkpointsBenchmarks,
  cluster: clusterBenchmarks,
  core: coreBenchmarks,
  windows: windowsBenchmarks,
};
const PROFILES = fileURLToPath(new URL('../out/profiles', import.meta.url));
/** Counted runs unless asked otherwise. */
const RUNS = 5;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      profile: { type: 'boolean' },
      runs: { type: 'string' },
      // Of the suite nexmark.
      events: { type: 'string' },
      queries: { type: 'string' },
      vs: { type: 'string' },
      report: { type: 'boolean' },
    },
  });
  const [suite = '', ...names] = positionals;
  if (values.profile === true) profileInto(PROFILES);
  if (suite === 'nexmark') {
    if (!(await nexmarkSuite(values))) process.exitCode = 1;
    return;
  }
  const benchmarks = SUITES[suite];
  if (benchmarks === undefined) {
    throw new Error(`name a suite: ${Object.keys(SUITES).join(', ')}, nexmark`);
  }
  const runs = Number(values.runs ?? RUNS);
  if (!Number.isInteger(runs) || runs < 1) throw new Error('--runs takes a number of runs');
  for (const benchmark of chosen(benchmarks, names)) {
    report(await benchmark.measure(runs), values.json === true);
  }
}

function chosen(benchmarks: readonly Benchmark[], names: readonly string[]): readonly Benchmark[] {
  if (names.length === 0) return benchmarks;
  return names.map((name) => {
    const found = benchmarks.find((benchmark) => benchmark.name === name);
    if (found !== undefined) return found;
    const known = benchmarks.map((benchmark) => benchmark.name).join(', ');
    throw new Error(`there is no benchmark ${name}; there are ${known}`);
  });
}

try {
  await main();
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
