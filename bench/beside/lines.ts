/** A result as a line: for people, or for programs. */
import type { BesideResult } from './beside.ts';
import type { Figure } from './figures.ts';
import type { Side, Spread } from './ratio.ts';

/** What `--json` prints. */
export function resultLine({ comparison, ...result }: BesideResult): object {
  const { how, onlyOurs = [], onlyFlink = [], rows } = comparison ?? {};
  return { ...result, rows, compared: how, onlyOurs, onlyFlink };
}

export function textLine(result: BesideResult): string {
  const { name, ratio, ours, flink, comparison } = result;
  const start = `${name.padEnd(12)} ours ${sideText(ours)}`;
  if (flink === undefined || ratio === undefined || comparison === undefined) return start;
  const spread = [ratio.min, ratio.median, ratio.max].map((each) => each.toFixed(2)).join(' | ');
  const lines = [
    `${start}; Flink ${sideText(flink)}; ratio ${spread} (min | median | max); ` +
      (comparison.equal ? `${comparison.rows} rows are equal` : 'THE OUTPUTS DIFFER'),
    ...(comparison.how === undefined ? [] : [`  compared: ${comparison.how}`]),
    ...comparison.onlyOurs.map((row) => `  only ours: ${row}`),
    ...comparison.onlyFlink.map((row) => `  only Flink: ${row}`),
  ];
  return lines.join('\n');
}

export function figureLine({ name, about, unit, ours, flink }: Figure): string {
  const text = ({ min, median, max }: Spread): string =>
    `${median.toPrecision(3)} ${unit} (${min.toPrecision(3)}-${max.toPrecision(3)})`;
  return `${name} (${about}): ours ${text(ours)}; Flink ${text(flink)}`;
}

function sideText({ wallSeconds, cpuSeconds, perCpuSecond, peakMegabytes }: Side): string {
  return (
    `${wallSeconds.toFixed(2)} s wall, ${cpuSeconds.toFixed(2)} s CPU, ` +
    `${(perCpuSecond / 1000).toFixed(0)} k/s of CPU, ${peakMegabytes.toFixed(0)} MB`
  );
}
