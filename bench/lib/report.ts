/**
 * How benchmarks report: a line for people, or with `--json` one JSON object a line with name,
 * unit, direction, minimum, median, maximum and number of runs, and the machine and commit they ran
 * on.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';

export type Unit = 'records/s' | 's' | 'ms' | 'us' | 'MB' | 'MB/s' | 'B' | 'ratio';

export interface Measured {
  readonly name: string;
  readonly unit: Unit;
  readonly better: 'higher' | 'lower';
  /** One a counted run; rates are per second of CPU. */
  readonly values: readonly number[];
  /** The same rates per second of wall time, where both exist. */
  readonly wall?: readonly number[] | undefined;
  /** Where the values are per second of wall time: the same per second of CPU. */
  readonly cpu?: readonly number[] | undefined;
  /** What the machine allowed in the same runs, whatever the engine does. */
  readonly bound?: readonly number[] | undefined;
}

/** Prints one result; call it for each as soon as it is there. */
export function report(measured: Measured, json: boolean = jsonAsked()): void {
  const line = {
    name: measured.name,
    unit: measured.unit,
    better: measured.better,
    ...spread(measured.values),
    ...medianOf('wall', measured.wall),
    ...medianOf('cpuRate', measured.cpu),
    ...medianOf('bound', measured.bound),
  };
  console.log(json ? JSON.stringify({ ...line, ...machine() }) : textOf(line));
}

export function jsonAsked(): boolean {
  const { values } = parseArgs({ options: { json: { type: 'boolean' } }, strict: false });
  return values['json'] === true;
}

function medianOf(name: string, values: readonly number[] | undefined): Record<string, number> {
  return values === undefined || values.length === 0 ? {} : { [name]: spread(values).median };
}

interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly runs: number;
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median =
    sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { min: sorted[0]!, median, max: sorted.at(-1)!, runs: sorted.length };
}

function machine(): { readonly node: string; readonly cpu: string; readonly commit: string } {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return { node: process.versions.node, cpu: cpus()[0]?.model ?? '?', commit: commit.trim() };
}

function textOf(
  line: Spread & { readonly name: string; readonly unit: Unit; readonly bound?: number },
): string {
  const bound = line.bound === undefined ? '' : `, of ${line.bound.toPrecision(3)} at most`;
  const shown = [line.min, line.median, line.max].map((value) =>
    value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : value.toPrecision(4),
  );
  return `${line.name.padEnd(28)} ${shown.join(' | ')} ${line.unit} (min | median | max)${bound}`;
}
