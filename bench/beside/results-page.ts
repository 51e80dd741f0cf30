/** The page of results: what was measured, on which machine, and which targets are missed. */
import type { Kept, KeptFigure, Machine, Results } from './results.ts';
import type { Side, Spread } from './ratio.ts';
import { targetOf } from './targets.ts';

export function resultsPage({ queries, figures }: Results): string {
  return [
    '# Millrace beside Apache Flink 2.3.0',
    '',
    'Written by `npm run bench -- nexmark`; [docs/benchmarks.md](../../docs/benchmarks.md) says how',
    'it is measured and how to read it. Absolute figures hold for this machine on its day, ratios',
    'are what is claimed: **events per second of CPU of the TaskManager process**, ours by Flink’s.',
    '',
    '![Ratios](nexmark.svg)',
    '',
    ...machines([...queries, ...figures]),
    '## Queries',
    '',
    ...(queries.length === 0 ? ['None were measured.'] : queryTable(queries)),
    '',
    ...missed(queries),
    '## What was compared',
    '',
    ...queries.map(comparison),
    '',
    ...(figures.length === 0 ? [] : ['## Other figures', '', ...figureTable(figures), '']),
  ].join('\n');
}

function machines(from: readonly { machine: Machine; commit: string }[]): readonly string[] {
  const lines = from.map(
    ({ machine: { cpu, cores, memoryGigabytes, node, java }, commit }) =>
      `- ${cpu}, ${cores} cores, ${memoryGigabytes} GB; Node ${node}; ${java}; commit ${commit}`,
  );
  return ['Measured on:', '', ...new Set(lines), ''];
}

function queryTable(queries: readonly Kept[]): readonly string[] {
  return [
    '| | events | ratio: median (min-max) | outputs | ours, k/s of CPU | Flink | ours, k/s of wall ' +
      '| Flink | ours, CPU s | Flink | ours, peak MB | Flink | checkpoints |',
    '|---|---|---|---|---|---|---|---|---|---|---|---|---|',
    ...queries.map(queryRow),
  ];
}

function queryRow({ name, records, ratio, equal, ours, flink }: Kept): string {
  const pair = (of: (side: Side) => string): readonly string[] => [
    of(ours),
    flink === undefined ? '' : of(flink),
  ];
  const cells = [
    name,
    records.toLocaleString('en'),
    ratio === undefined ? '' : `**${spreadText(ratio)}**`,
    equal === undefined ? 'not compared' : equal ? 'equal' : '**DIFFER**',
    ...pair((side) => thousands(side.perCpuSecond)),
    ...pair((side) => thousands(side.perWallSecond)),
    ...pair((side) => side.cpuSeconds.toFixed(2)),
    ...pair((side) => side.peakMegabytes.toFixed(0)),
    pair((side) => String(side.checkpoints)).join(' / '),
  ];
  return `| ${cells.join(' | ')} |`;
}

function missed(queries: readonly Kept[]): readonly string[] {
  const below = queries.filter(
    ({ name, ratio }) => ratio !== undefined && ratio.median < targetOf(name),
  );
  if (below.length === 0) return ['Every target of these is met.', ''];
  return [
    'Below their targets (why: see the page on benchmarks):',
    '',
    ...below.map(
      ({ name, ratio }) => `- ${name}: ${ratio!.median.toFixed(2)}, target ${targetOf(name)}`,
    ),
    '',
  ];
}

function comparison({ name, about, comparison: compared }: Kept): string {
  if (compared === undefined) return `- ${name} (${about}): nothing`;
  const { equal, rows, how = 'all rows', onlyOurs, onlyFlink } = compared;
  const verdict = equal
    ? `${rows.toLocaleString('en')} rows are equal`
    : `THEY DIFFER: only ours: ${onlyOurs.join(', ')}; only Flink: ${onlyFlink.join(', ')}`;
  return `- ${name} (${about}): ${how}; ${verdict}`;
}

function figureTable(figures: readonly KeptFigure[]): readonly string[] {
  return [
    '| | | ours: median (min-max) | Flink |',
    '|---|---|---|---|',
    ...figures.map(
      ({ name, about, unit, ours, flink }) =>
        `| ${name} | ${about} | ${spreadText(ours)} ${unit} | ${spreadText(flink)} ${unit} |`,
    ),
  ];
}

function spreadText({ min, median, max }: Spread): string {
  const text = (value: number): string => value.toFixed(value < 0.1 ? 3 : 2);
  return min === max ? text(median) : `${text(median)} (${text(min)}-${text(max)})`;
}

function thousands(perSecond: number): string {
  return (perSecond / 1000).toFixed(0);
}
