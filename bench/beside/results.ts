/**
 * What has been measured, in bench/results: the figures, and a page and a chart made of them. A run
 * of some queries takes the place of those alone.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { BesideResult } from './beside.ts';
import { chart } from './chart.ts';
import type { Figure } from './figures.ts';
import { resultsPage } from './results-page.ts';

const FOLDER = join(import.meta.dirname, '..', 'results');
const DATA = join(FOLDER, 'nexmark.json');

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGigabytes: number;
  readonly node: string;
  readonly java: string;
}

/** A result with where it is from. */
export interface Kept extends BesideResult {
  readonly machine: Machine;
  readonly commit: string;
}

export interface KeptFigure extends Figure {
  readonly machine: Machine;
  readonly commit: string;
}

export interface Results {
  /** In the order in which they were first measured. */
  readonly queries: readonly Kept[];
  readonly figures: readonly KeptFigure[];
}

export async function keep(
  { queries, figures }: { queries: readonly BesideResult[]; figures: readonly Figure[] },
  java: string,
): Promise<void> {
  const before: Results = existsSync(DATA)
    ? (JSON.parse(await readFile(DATA, 'utf8')) as Results)
    : { queries: [], figures: [] };
  const from = { machine: machine(java), commit: commit() };
  const results: Results = {
    queries: merged(
      before.queries,
      queries.map((each) => ({ ...each, ...from })),
    ),
    figures: merged(
      before.figures,
      figures.map((each) => ({ ...each, ...from })),
    ),
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(DATA, `${JSON.stringify(results, undefined, 2)}\n`);
  await writeFile(join(FOLDER, 'nexmark.md'), resultsPage(results));
  await writeFile(join(FOLDER, 'nexmark.svg'), chart(results.queries));
}

/** New ones take the place of those of their names, or come at the end. */
export function merged<T extends { readonly name: string }>(
  before: readonly T[],
  now: readonly T[],
): readonly T[] {
  const all = new Map(before.map((each) => [each.name, each]));
  for (const each of now) all.set(each.name, each);
  return [...all.values()];
}

function machine(java: string): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    java,
  };
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}
