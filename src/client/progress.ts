/**
 * Shows how a running job gets on: on a terminal a table that is redrawn in place, elsewhere a
 * plain line per vertex now and then; and above them why it was restarted.
 *
 * Invariants
 * G2. What restart-reasons.ts says of the failures that the job goes on after stays on the
 * terminal.
 */
import { EngineError } from '../base/errors.ts';
import type { TerminalStream } from '../env/env.ts';
import type { JobDetails, VertexDetails } from '../protocol/job-report.ts';
import { eventTimeLines, eventTimeOf, eventTimeText, timeText } from './event-time.ts';
import { CheckpointFailures } from './checkpoint-failures.ts';
import { clip, fitLines, LiveText } from './live-text.ts';
import { RestartReasons } from './restart-reasons.ts';
import { renderTable, shortCount } from './table.ts';

export class Progress {
  readonly #stream: TerminalStream;
  readonly #live: LiveText;
  readonly #reasons = new RestartReasons();
  readonly #checkpoints = new CheckpointFailures();

  constructor(stream: TerminalStream) {
    this.#stream = stream;
    this.#live = new LiveText(stream);
  }

  /** Whether the stream can be redrawn. */
  get isLive(): boolean {
    return this.#live.isLive;
  }

  show(details: JobDetails): void {
    const { columns } = this.#stream;
    this.#tellReasons(details);
    this.#live.show(
      columns === undefined ? plainLines(details) : fitLines(liveTable(details, columns), columns),
    );
  }

  /** Before anything else is written to the terminal. */
  erase(): void {
    this.#live.erase();
  }

  /** G2 */
  #tellReasons({ failures, status, failingCheckpoints }: JobDetails): void {
    const texts = failures.map(({ error }) => EngineError.fromData(error).message);
    for (const reason of this.#reasons.fresh(status, texts)) {
      this.erase();
      this.#stream.write(`The job failed and is tried again: ${reason}\n`);
    }
    for (const text of this.#checkpoints.fresh(failingCheckpoints)) {
      this.erase();
      this.#stream.write(`${text}\n`);
    }
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

function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

function seconds(millis: number): string {
  return `${(millis / 1000).toFixed(1)} s`;
}
