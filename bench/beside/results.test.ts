// The page, the chart and the lines that are made of results.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BesideResult } from './beside.ts';
import { chart } from './chart.ts';
import { resultLine, textLine } from './lines.ts';
import type { Side } from './ratio.ts';
import { resultsPage } from './results-page.ts';
import { merged, type Kept } from './results.ts';

const SIDE: Side = {
  wallSeconds: 2,
  cpuSeconds: 1.5,
  perCpuSecond: 1_000_000,
  perWallSecond: 750_000,
  peakMegabytes: 150,
  checkpoints: 0,
};

function result(name: string, median: number, more: Partial<BesideResult> = {}): BesideResult {
  return {
    ...{ name, about: 'what it does', records: 1_500_000, events: 1_500_000 },
    ratio: { min: median - 0.25, median, max: median + 0.25 },
    equal: true,
    comparison: { equal: true, rows: 12_345, onlyOurs: [], onlyFlink: [] },
    ours: SIDE,
    flink: { ...SIDE, perCpuSecond: 400_000 },
    ...more,
  };
}

const DIFFERENT = {
  equal: false,
  comparison: { equal: false, rows: 2, onlyOurs: ['1 x [1]'], onlyFlink: ['1 x [2]'] },
};

function kept(each: BesideResult): Kept {
  const machine = { cpu: 'A CPU', cores: 2, memoryGigabytes: 24, node: '26.1.0', java: 'Java 17' };
  return { ...each, machine, commit: 'abc1234' };
}

test('the page names the machine, the ratios, what is equal and what misses its target', () => {
  const queries = [kept(result('q0', 2.5)), kept(result('json-pass', 3))];
  const page = resultsPage({ queries, figures: [] });
  assert.match(page, /A CPU, 2 cores, 24 GB; Node 26\.1\.0; Java 17; commit abc1234/);
  assert.match(
    page,
    /\| q0 \| 1,500,000 \| \*\*2\.50 \(2\.25-2\.75\)\*\* \| equal \| 1000 \| 400 /,
  );
  assert.match(page, /- json-pass: 3\.00, target 4/);
  assert.doesNotMatch(page, /- q0: 2\.50/);
  assert.match(page, /- q0 \(what it does\): all rows; 12,345 rows are equal/);
});

test('outputs that differ cannot be overlooked', () => {
  const page = resultsPage({ queries: [kept(result('q1', 9, DIFFERENT))], figures: [] });
  assert.match(page, /\*\*DIFFER\*\*/);
  assert.match(page, /THEY DIFFER: only ours: 1 x \[1\]; only Flink: 1 x \[2\]/);
  assert.match(
    textLine(result('q1', 9, DIFFERENT)),
    /THE OUTPUTS DIFFER\n {2}only ours: 1 x \[1\]/,
  );
});

test('figures have a table of their own', () => {
  const { machine, commit } = kept(result('q0', 1));
  const one = { min: 1, median: 1, max: 1 };
  const figure = { name: 'p99', about: 'of latency', unit: 'ms' as const, ours: one, flink: one };
  const page = resultsPage({ queries: [], figures: [{ ...figure, machine, commit }] });
  assert.match(page, /\| p99 \| of latency \| 1\.00 ms \| 1\.00 ms \|/);
});

test('a line for programs has name, ratio, equal and both sides', () => {
  const line = JSON.parse(JSON.stringify(resultLine(result('q5', 3)))) as Record<string, unknown>;
  assert.equal(line['name'], 'q5');
  assert.deepEqual(line['ratio'], { min: 2.75, median: 3, max: 3.25 });
  assert.equal(line['equal'], true);
  assert.equal((line['ours'] as Side).perCpuSecond, 1_000_000);
  assert.equal((line['flink'] as Side).perCpuSecond, 400_000);
  const none = { flink: undefined, ratio: undefined, equal: undefined, comparison: undefined };
  assert.match(textLine(result('q5', 3, none)), /^q5 +ours 2\.00 s wall, 1\.50 s CPU, 1000 k\/s/);
});

test('the chart has a bar for each ratio, in proportion', () => {
  const svg = chart([result('q0', 2), result('q1', 4, { ratio: undefined }), result('q2', 1)]);
  const widths = [...svg.matchAll(/<rect x="150" y="\d+" width="([\d.]+)"/g)].map((m) =>
    Number(m[1]),
  );
  assert.equal(widths.length, 2);
  assert.ok(Math.abs(widths[0]! - 2 * widths[1]!) < 0.2, `${widths[0]} and ${widths[1]}`);
  assert.match(svg, /^<svg [^>]*>[\s\S]*<\/svg>\n$/);
});

test('new results take the place of those of their names', () => {
  const before = [
    { name: 'a', n: 1 },
    { name: 'b', n: 1 },
  ];
  assert.deepEqual(
    merged(before, [
      { name: 'b', n: 2 },
      { name: 'c', n: 2 },
    ]),
    [
      { name: 'a', n: 1 },
      { name: 'b', n: 2 },
      { name: 'c', n: 2 },
    ],
  );
});
