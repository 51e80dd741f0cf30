/** The ratios of all queries as bars, in SVG; a line at 1 says where Flink is. */
import type { BesideResult } from './beside.ts';
import { targetOf } from './targets.ts';

const LABELS = 150;
const PLOT = 520;
const RIGHT = 70;
const TOP = 34;
const ROW = 22;
const BAR = 14;
const BOTTOM = 12;

export function chart(results: readonly Pick<BesideResult, 'name' | 'ratio'>[]): string {
  const rows = results.flatMap(({ name, ratio }) => (ratio === undefined ? [] : [{ name, ratio }]));
  const greatest = Math.ceil(Math.max(2, ...rows.map(({ ratio }) => ratio.max)));
  const x = (value: number): number => LABELS + (value / greatest) * PLOT;
  const height = TOP + rows.length * ROW + BOTTOM;
  const width = LABELS + PLOT + RIGHT;
  const bars = rows.map(({ name, ratio }, i) => {
    const y = TOP + i * ROW;
    const middle = y + BAR / 2;
    const fill = ratio.median >= targetOf(name) ? '#2b6cb0' : '#c05621';
    const [from, to] = [round(x(ratio.min)), round(x(ratio.max))];
    const length = round(x(ratio.median) - LABELS);
    return [
      `<text x="${LABELS - 8}" y="${middle + 4}" text-anchor="end">${name}</text>`,
      `<rect x="${LABELS}" y="${y}" width="${length}" height="${BAR}" fill="${fill}"/>`,
      `<line x1="${from}" x2="${to}" y1="${middle}" y2="${middle}" stroke="#1a202c"/>`,
      `<text x="${to + 6}" y="${middle + 4}">${ratio.median.toFixed(2)}</text>`,
    ].join('\n');
  });
  const ticks = Array.from({ length: greatest + 1 }, (_, value) => {
    const at = round(x(value));
    const stroke = value === 1 ? '#1a202c' : '#cbd5e0';
    return (
      `<line x1="${at}" x2="${at}" y1="${TOP - 8}" y2="${height - BOTTOM}" stroke="${stroke}"/>\n` +
      `<text x="${at}" y="${TOP - 12}" text-anchor="middle">${value}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    '<title>Events per CPU-second, Millrace by Flink; orange bars miss their target</title>',
    `<rect width="${width}" height="${height}" fill="white"/>`,
    ...ticks,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
