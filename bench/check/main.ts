/**
 * `npm run bench:check [-- NAME...]`: measures a few short benchmarks beside a loop, compares the
 * ratios with bench/baseline.json, names what fell by more than 20 %, and ends with 1 if anything
 * did. Takes two minutes on a quiet machine. What seems to have fallen is measured once more, and
 * the better of both counts.
 *
 * `npm run bench:check -- --renew` writes the baseline anew: for a change that is worth it, on a
 * quiet machine, in the commit that says why.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { chain, jsonFields, keyedSum } from '../core/core.ts';
import { runJob } from '../core/run-job.ts';
import type { Benchmark } from '../lib/benchmark.ts';
import { timers, tumblingCount } from '../windows/windows.ts';
import { calibrate } from './calibration.ts';
import { compare, comparisonText, hasFailed, middleOf } from './comparison.ts';
import type { Ratios } from './comparison.ts';

/** Long enough that the start does not hide the rest. */
const BENCHMARKS: readonly Benchmark[] = [
  chain(100_000_000),
  keyedSum(6_000_000, 100_000),
  jsonFields('json-two-fields', 500_000, 3),
  jsonFields('json-all-fields', 500_000, 2),
  tumblingCount(5_000_000),
  timers(2_000_000, 200_000),
  tinyJob(),
];
const RUNS = 3;
const BASELINE = new URL('../baseline.json', import.meta.url);

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { renew: { type: 'boolean' } },
  });
  const unknown = positionals.find((each) => !BENCHMARKS.some(({ name }) => name === each));
  if (unknown !== undefined) {
    const known = BENCHMARKS.map(({ name }) => name).join(', ');
    throw new Error(`there is no benchmark ${unknown}; there are ${known}`);
  }
  const isChosen = (name: string): boolean =>
    positionals.length === 0 || positionals.includes(name);
  const baseline = readBaseline(values.renew === true);
  const before = Object.fromEntries(Object.entries(baseline).filter(([name]) => isChosen(name)));
  const measured: Record<string, number> = {};
  for (const benchmark of BENCHMARKS.filter(({ name }) => isChosen(name))) {
    const { name } = benchmark;
    measured[name] = await ratioOf(benchmark);
    const known = name in before ? { [name]: before[name]! } : {};
    if (values.renew !== true && hasFailed(compare(known, { [name]: measured[name] }))) {
      measured[name] = Math.max(measured[name], await ratioOf(benchmark));
    }
  }
  process.stdout.write(comparisonText(compare(before, measured)));
  if (values.renew !== true) return !hasFailed(compare(before, measured));
  const rounded = Object.entries({ ...baseline, ...measured }).map(
    ([name, ratio]) => [name, Number(ratio.toPrecision(4))] as const,
  );
  writeFileSync(BASELINE, `${JSON.stringify(Object.fromEntries(rounded), undefined, 2)}\n`);
  console.log('bench/baseline.json is renewed.');
  return true;
}

function readBaseline(renew: boolean): Ratios {
  if (existsSync(BASELINE)) return JSON.parse(readFileSync(BASELINE, 'utf8')) as Ratios;
  if (renew) return {};
  throw new Error(
    'There is no bench/baseline.json to compare with. On a quiet machine, `npm run bench:check -- --renew` makes it.',
  );
}

/** CPU from the start to the end of the process of a job that does next to nothing. */
function tinyJob(): Benchmark {
  const name = 'tiny-job';
  return {
    name,
    async measure() {
      const { cpuSeconds } = await runJob('bench/jobs/tiny.ts', {});
      return { name, unit: 's', better: 'lower', values: [cpuSeconds] };
    },
  };
}

/**
 * Each run beside a calibration of its own: the speed of a shared machine changes by the minute.
 */
async function ratioOf(benchmark: Benchmark): Promise<number> {
  const ratios: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const before = calibrate();
    const { values, better } = await benchmark.measure(1);
    const loop = (before + calibrate()) / 2;
    const value = values[0]!;
    // Of a time, how often it fits into a second; a million rounds keep the figures readable.
    ratios.push(better === 'higher' ? value / loop : 1e6 / value / loop);
  }
  return middleOf(ratios);
}

try {
  if (!(await main())) process.exitCode = 1;
} catch (thrown) {
  console.error(thrown instanceof Error ? thrown.message : thrown);
  process.exitCode = 1;
}
