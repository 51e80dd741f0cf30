/**
 * Why the event time of a job is where it is, for people: how far it has come, and which input of
 * which operator it waits for, back to the source that would have to go on.
 */
import type { JobDetails, SubtaskTime, VertexDetails } from '../protocol/job-report.ts';
import type { WatermarkHold } from '../protocol/slot-messages.ts';

/** Shorter stands are the rhythm of watermarks. */
const STANDS_MILLIS = 3000;

export interface EventTimeReport {
  /** Where event time is furthest behind. */
  readonly vertex: string;
  readonly subtask: number;
  /** Undefined: none has come yet. */
  readonly watermark: number | undefined;
  readonly standsMillis: number;
  /** Where it comes from: itself, or a source before it. */
  readonly origin: { readonly vertex: string; readonly subtask: number };
  readonly waitsFor: WatermarkHold;
  readonly lateRecordsDropped: number;
}

interface Place {
  readonly vertex: VertexDetails;
  readonly time: SubtaskTime;
}

/** Undefined where event time plays no part, or has ended. */
export function eventTimeOf({ vertices }: JobDetails): EventTimeReport | undefined {
  const places = vertices.flatMap((vertex) =>
    vertex.subtasks.map((time): Place => ({ vertex, time })),
  );
  const matters = places.some(({ time }) => time.needsEventTime || time.watermark !== undefined);
  if (!matters) return undefined;
  let last: Place | undefined;
  for (const place of tellingOf(places)) {
    // Of equal ones the most downstream, which comes last.
    if (last === undefined || orderOf(place) <= orderOf(last)) last = place;
  }
  if (last === undefined) return undefined;
  const origin = originOf(last, places);
  return {
    vertex: last.vertex.name,
    subtask: last.time.subtask,
    watermark: last.time.watermark,
    standsMillis: last.time.standsMillis,
    origin: { vertex: origin.vertex.name, subtask: origin.time.subtask },
    waitsFor: named(origin.time.waitsFor!, vertices),
    lateRecordsDropped: places.reduce((sum, { time }) => sum + time.lateRecordsDropped, 0),
  };
}

/** Where all are idle, what reads subtasks that have ended tells the most. */
function tellingOf(places: readonly Place[]): readonly Place[] {
  const open = places.filter(({ time }) => time.waitsFor !== undefined);
  if (open.some(({ time }) => time.waitsFor!.kind !== 'idle')) return open;
  const besideEnded = open.filter(({ time }) => endedOf(time.waitsFor!).length > 0);
  return besideEnded.length > 0 ? besideEnded : open;
}

function endedOf(hold: WatermarkHold): readonly string[] {
  return hold.kind === 'idle' ? (hold.ended ?? []) : [];
}

/** With the names of vertices in place of their ids. */
function named(hold: WatermarkHold, vertices: readonly VertexDetails[]): WatermarkHold {
  if (hold.kind !== 'idle' || hold.idle === undefined) return hold;
  const names = (ids: readonly string[] = []): typeof hold.idle =>
    ids.map((id) => (vertices.find((vertex) => vertex.id === id)?.name ?? id) as never);
  return { kind: 'idle', idle: names(hold.idle), ended: names(hold.ended) };
}

function orderOf({ time }: Place): number {
  return time.watermark ?? Number.NEGATIVE_INFINITY;
}

/** Follows the inputs that hold event time up, as far as it is known. */
function originOf(from: Place, places: readonly Place[]): Place {
  let place = from;
  for (let steps = 0; steps < places.length; steps += 1) {
    const hold = place.time.waitsFor;
    if (hold?.kind !== 'input') break;
    const next = places.find(
      ({ vertex, time }) => vertex.id === hold.vertex && time.subtask === hold.subtask,
    );
    if (next?.time.waitsFor === undefined) break;
    place = next;
  }
  return place;
}

/** In a line. */
export function eventTimeText(report: EventTimeReport): string {
  return eventTimeLines(report).join(': ');
}

/** How far event time is, and if it stands, why. */
export function eventTimeLines(report: EventTimeReport): readonly string[] {
  const { watermark, standsMillis, lateRecordsDropped } = report;
  const late = lateRecordsDropped === 0 ? '' : `; ${lateRecordsDropped} late records dropped`;
  const stands = standsMillis >= STANDS_MILLIS;
  if (watermark !== undefined && !stands) return [`event time ${timeText(watermark)}${late}`];
  const where =
    watermark === undefined
      ? `event time has not begun in ${placeText(report.vertex, report.subtask)}`
      : `event time stands at ${timeText(watermark)} for ${Math.round(standsMillis / 1000)} s in ` +
        placeText(report.vertex, report.subtask);
  return [where, `${reasonText(report)}${late}`];
}

function reasonText({ vertex, subtask, origin, waitsFor }: EventTimeReport): string {
  const itself = origin.vertex === vertex && origin.subtask === subtask;
  const whom = itself ? 'it' : placeText(origin.vertex, origin.subtask);
  switch (waitsFor.kind) {
    case 'input':
      return itself
        ? 'what it waits for is not known'
        : `it waits for ${whom}, and what that waits for is not known`;
    case 'records': {
      const split = waitsFor.split === undefined ? '' : ` of split ${waitsFor.split}`;
      return itself
        ? `it waits for later records${split}`
        : `it waits for ${whom}, and that for later records${split}`;
    }
    case 'alignment':
      return itself
        ? `it waits for other sources of group ${waitsFor.group}`
        : `it waits for ${whom}, and that for other sources of group ${waitsFor.group}`;
    case 'no-watermarks':
      return `${whom} has no watermark strategy`;
    case 'idle':
      if (endedOf(waitsFor).length > 0) {
        const idle = (waitsFor.idle ?? []).map((name) => `"${name}"`).join(', ');
        return `input from ${idle} is idle where it has not ended`;
      }
      return itself ? 'all its input is idle' : `${whom} is idle`;
  }
}

function placeText(vertex: string, subtask: number): string {
  return `"${vertex}" (subtask ${subtask + 1})`;
}

/** As a date where it is one. */
export function timeText(watermark: number): string {
  const date = new Date(watermark);
  return Number.isNaN(date.getTime()) ? String(watermark) : date.toISOString();
}
