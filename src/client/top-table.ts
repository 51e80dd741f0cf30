/** The figures of `millrace top`: computed from two looks at a job, and drawn. */
import type { Duration } from '../base/units.ts';
import { timeText } from './event-time.ts';
import type { JobDetailsAnswer, VertexAnswer, WatermarkAnswer } from './rest-answers.ts';
import { clip, fitLines } from './live-text.ts';
import { renderTable, shortCount } from './table.ts';

export interface Look {
  readonly at: Duration;
  readonly job: JobDetailsAnswer;
  /** By vertex, in the order of the job's. */
  readonly watermarks: readonly (readonly WatermarkAnswer[])[];
}

export interface Top {
  readonly jobId: string;
  readonly name: string;
  readonly status: string;
  readonly durationMillis: number;
  readonly vertices: readonly VertexTop[];
}

export interface VertexTop {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly parallelism: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly recordsInPerSecond: number;
  readonly recordsOutPerSecond: number;
  /** Shares of the time between the looks, of all subtasks together; null where unknown. */
  readonly busy: number | null;
  readonly backPressured: number | null;
  /** The least of the subtasks, epoch milliseconds; null where event time has not begun. */
  readonly watermark: number | 'end' | null;
}

export function topOf(earlier: Look, later: Look): Top {
  const { jid, name, state, duration, vertices } = later.job;
  const elapsed = Math.max(later.at - earlier.at, 0);
  const before = new Map(earlier.job.vertices.map((vertex) => [vertex.id, vertex]));
  return {
    ...{ jobId: jid, name, status: state, durationMillis: duration },
    vertices: vertices.map((vertex, index) => ({
      ...vertexTop(before.get(vertex.id), vertex, elapsed),
      watermark: leastWatermark(later.watermarks[index] ?? []),
    })),
  };
}

function vertexTop(
  before: VertexAnswer | undefined,
  { id, name, status, parallelism, metrics }: VertexAnswer,
  elapsedMillis: number,
): Omit<VertexTop, 'watermark'> {
  const perSecond = (key: keyof VertexAnswer['metrics']): number => {
    const grown = numberOf(metrics[key]) - numberOf(before?.metrics[key]);
    // After a restart the counters begin anew.
    return elapsedMillis <= 0 || grown < 0 ? 0 : (grown * 1000) / elapsedMillis;
  };
  const share = (key: keyof VertexAnswer['metrics']): number | null => {
    if (typeof metrics[key] !== 'number' || elapsedMillis <= 0) return null;
    return Math.min(perSecond(key) / 1000 / parallelism, 1);
  };
  return {
    ...{ id, name, status, parallelism },
    recordsIn: numberOf(metrics['read-records']),
    recordsOut: numberOf(metrics['write-records']),
    recordsInPerSecond: perSecond('read-records'),
    recordsOutPerSecond: perSecond('write-records'),
    busy: share('accumulated-busy-time'),
    backPressured: share('accumulated-backpressured-time'),
  };
}

/** Flink writes what it does not know as "NaN". */
function numberOf(value: number | string | undefined): number {
  return typeof value === 'number' ? value : 0;
}

/** Java's least and greatest numbers stand for "not yet" and "at the end". */
function leastWatermark(answers: readonly WatermarkAnswer[]): VertexTop['watermark'] {
  const values = answers.map(({ value }) => Number(value));
  if (values.length === 0 || values.some((value) => !(value > -9.2e18))) return null;
  const least = Math.min(...values);
  return least >= 9.2e18 ? 'end' : least;
}

/** What the figures of a vertex take, beside its name. */
const FIGURES_COLUMNS = 100;
const NAME_COLUMNS_MIN = 24;

/** @param columns of the terminal; undefined: as wide as it comes */
export function topTable(top: Top, columns: number | undefined): string {
  const nameColumns =
    columns === undefined ? Infinity : Math.max(columns - FIGURES_COLUMNS, NAME_COLUMNS_MIN);
  const rows = top.vertices.map((vertex) => [
    clip(vertex.name, nameColumns),
    String(vertex.parallelism),
    vertex.status,
    shortCount(vertex.recordsIn),
    shortCount(vertex.recordsOut),
    `${shortCount(vertex.recordsInPerSecond)}/s`,
    `${shortCount(vertex.recordsOutPerSecond)}/s`,
    percent(vertex.busy),
    percent(vertex.backPressured),
    watermarkText(vertex.watermark),
  ]);
  const header = ['vertex', 'par', 'status', 'in', 'out', 'in rate', 'out rate'];
  const table = renderTable([...header, 'busy', 'back-pr.', 'watermark'], rows);
  const since = `${(top.durationMillis / 1000).toFixed(1)} s`;
  const title = `${top.name} (${top.jobId}) ${top.status}, ${since}`;
  const text = `${title}\n${table}`;
  return columns === undefined ? text : fitLines(text, columns);
}

function percent(share: number | null): string {
  return share === null ? '-' : `${Math.round(share * 100)}%`;
}

function watermarkText(watermark: VertexTop['watermark']): string {
  if (watermark === null) return '-';
  return watermark === 'end' ? 'end' : timeText(watermark);
}

/** A plain line for each vertex, for logs. */
export function topLines(top: Top): string {
  const begin = `[${(top.durationMillis / 1000).toFixed(1)} s] ${top.status}`;
  const lines = top.vertices.map(
    (vertex) =>
      `${begin} ${vertex.name}: in ${vertex.recordsIn}, out ${vertex.recordsOut}, ` +
      `${Math.round(vertex.recordsInPerSecond)} records/s, busy ${percent(vertex.busy)}, ` +
      `back-pressured ${percent(vertex.backPressured)}\n`,
  );
  return lines.join('');
}
