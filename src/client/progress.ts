/**
 * Shows how a running job gets on: on a terminal a table that is redrawn in place, elsewhere a
 * plain line per vertex now and then.
 *
 * Invariants
 * G1. What is drawn is erased before anything else is written, so that output and progress never
 * mix.
 */
import type { TerminalStream } from '../env/env.ts';
import type { JobDetails, VertexDetails } from '../protocol/job-report.ts';
import { eventTimeLines, eventTimeOf, eventTimeText, timeText } from './event-time.ts';
import { renderTable, shortCount } from './table.ts';

export class Progress {
  readonly #stream: TerminalStream;
  #drawnLines = 0;

  constructor(stream: TerminalStream) {
    this.#stream = stream;
  }

  /** Whether the stream can be redrawn. */
  get isLive(): boolean {
    return this.#stream.columns !== undefined;
  }

  show(details: JobDetails): void {
    this.erase();
    const { columns } = this.#stream;
    const text = columns === undefined ? plainLines(details) : liveTable(details, columns);
    this.#stream.write(columns === undefined ? text : fit(text, columns));
    this.#drawnLines = columns === undefined ? 0 : text.split('\n').length - 1;
  }

  /** G1 */
  erase(): void {
    if (this.#drawnLines === 0) return;
    this.#stream.write(`\u001B[${this.#drawnLines}A\u001B[0J`);
    this.#drawnLines = 0;
  }
}

/** What the figures of a vertex take, beside its name. */
const FIGURES_COLUMNS = 62;
const NAME_COLUMNS_MIN = 16;

function liveTable(details: JobDetails, columns: number): string {
  const nameColumns = Math.max(columns - FIGURES_COLUMNS, NAME_COLUMNS_MIN);
  const state =
    details.waitingFor === undefined ? details.status : `${details.status}: ${details.waitingFor}`;
  const rows = details.vertices.map((vertex) => [
    clip(vertex.name, nameColumns),
    String(vertex.parallelism),
    shortCount(vertex.recordsIn),
    shortCount(vertex.recordsOut),
    `${shortCount(vertex.recordsInPerSecond)}/s`,
    percent(vertex.busy),
    percent(vertex.backPressured),
  ]);
  const header = ['vertex', 'parallelism', 'in', 'out', 'rate', 'busy', 'back-pressured'];
  const title = `${details.name} ${state}, ${seconds(details.runtimeMillis)}`;
  const time = eventTimeOf(details);
  const below = time === undefined ? '' : `${eventTimeLines(time).join('\n  ')}\n`;
  return `${title}\n${renderTable(header, rows)}${below}`;
}

function plainLines(details: JobDetails): string {
  const begin = `[${seconds(details.runtimeMillis)}] ${details.status}`;
  const lines = details.vertices.map((vertex) => `${begin} ${plainVertex(vertex)}\n`);
  const time = eventTimeOf(details);
  if (time !== undefined) lines.push(`${begin} ${eventTimeText(time)}\n`);
  return lines.join('');
}

function plainVertex(vertex: VertexDetails): string {
  return (
    `${vertex.name}: in ${Math.round(vertex.recordsIn)}, out ${Math.round(vertex.recordsOut)}, ` +
    `${Math.round(vertex.recordsInPerSecond)} records/s, busy ${percent(vertex.busy)}, ` +
    `back-pressured ${percent(vertex.backPressured)}` +
    watermarkOf(vertex)
  );
}

function watermarkOf({ watermark, subtasks }: VertexDetails): string {
  // What the end of event time fires may take long, and only then goes on to who reads it.
  const hasEnded =
    (watermark !== undefined || subtasks.some(({ needsEventTime }) => needsEventTime)) &&
    subtasks.every(({ waitsFor }) => waitsFor === undefined);
  if (hasEnded) return ', watermark end of event time';
  return watermark === undefined ? '' : `, watermark ${timeText(watermark)}`;
}

/** Lines that are wider than the terminal would wrap and spoil the redrawing. */
function fit(text: string, columns: number): string {
  return text
    .split('\n')
    .map((line) => clip(line, columns))
    .join('\n');
}

function clip(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, Math.max(columns - 1, 0))}…` : text;
}

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}
