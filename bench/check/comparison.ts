/**
 * What of the measured speed has fallen behind the baseline. Figures are ratios: the rate of a
 * benchmark to that of a loop that was timed beside it, so that they can be compared between
 * machines, roughly, and between hours of a machine.
 */

/** Greater is faster. By the name of the benchmark. */
export type Ratios = Readonly<Record<string, number>>;

/** A benchmark that is slower by more than this part is named. */
export const TOLERANCE = 0.2;

export interface Compared {
  readonly name: string;
  /** Undefined: the baseline does not have it. */
  readonly before: number | undefined;
  /** Undefined: it was not measured. */
  readonly now: number | undefined;
  readonly verdict: 'fell' | 'holds' | 'rose' | 'new' | 'missing';
}

export function compare(baseline: Ratios, measured: Ratios): readonly Compared[] {
  const names = [...new Set([...Object.keys(baseline), ...Object.keys(measured)])];
  return names.map((name) => {
    const before = baseline[name];
    const now = measured[name];
    return { name, before, now, verdict: verdictOf(before, now) };
  });
}

/** A baseline that is not measured any more guards nothing: that fails, too. */
export function hasFailed(compared: readonly Compared[]): boolean {
  return compared.some(({ verdict }) => verdict === 'fell' || verdict === 'missing');
}

/** A line for each, those that matter told from the others at their beginning. */
export function comparisonText(compared: readonly Compared[]): string {
  return compared.map((each) => `${lineOf(each)}\n`).join('');
}

/** The one in the middle; of an even number the lower of the two: no speed is made up. */
export function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1]!;
}

function verdictOf(before: number | undefined, now: number | undefined): Compared['verdict'] {
  if (before === undefined) return 'new';
  if (now === undefined) return 'missing';
  // Rounded as the baseline is: at the very limit it holds.
  const change = Number((now / before - 1).toFixed(6));
  if (change < -TOLERANCE) return 'fell';
  return change > TOLERANCE ? 'rose' : 'holds';
}

function lineOf({ name, before, now, verdict }: Compared): string {
  const mark = verdict === 'fell' || verdict === 'missing' ? 'SLOWER' : 'ok    ';
  const title = `${mark} ${name.padEnd(20)}`;
  if (verdict === 'missing') return `${title} is in the baseline and was not measured`;
  if (verdict === 'new') return `${title} ${shown(now!)}, not in the baseline`;
  const percent = Math.round((now! / before! - 1) * 100);
  const change = percent > 0 ? `+${percent} %` : `${percent} %`;
  return `${title} ${shown(now!)} of ${shown(before!)} (${change})`;
}

function shown(ratio: number): string {
  return ratio.toPrecision(3);
}
