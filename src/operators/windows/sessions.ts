/**
 * The sessions of one key, as they are kept in its state. They are values: a change makes new ones.
 *
 * Invariants
 * S1. Sessions ascend, and neither overlap nor touch: those that would are one.
 */
import { state } from '../../functions/state.ts';
import type { ValueState, ValueStateDescriptor } from '../../functions/state.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { Incremental } from './incremental.ts';

export interface Session {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Whether its result has been emitted since it got its end. */
  readonly fired: boolean;
  /** Records since it was fired last. */
  readonly records: number;
  readonly accumulator: unknown;
}

export interface KeySessions {
  /** The earliest timer that the key has, and needs. */
  readonly timer: number;
  readonly sessions: readonly Session[];
}

/** How it is kept. */
export function sessionsState({
  accumulator,
  migrations,
}: Incremental): ValueStateDescriptor<ValueState<KeySessions | undefined>> {
  return state.value(keySessionsSchema(accumulator), {
    migrations: migrations.map(({ from, migrate }) =>
      state.migration(keySessionsSchema(from), ({ timer, sessions }) => ({
        timer,
        sessions: sessions.map((each) => ({
          ...each,
          accumulator: migrate(each.accumulator as never),
        })),
      })),
    ),
  });
}

function keySessionsSchema(accumulator: Schema<unknown>): Schema<KeySessions> {
  return t.struct({
    timer: t.float64,
    sessions: t.array(
      t.struct({
        start: t.float64,
        end: t.float64,
        fired: t.boolean,
        records: t.integer,
        accumulator,
      }),
    ),
  });
}

/**
 * The place of a new session among the others: those from `from` to before `to` become part of it.
 */
export interface Overlap {
  readonly from: number;
  readonly to: number;
  readonly start: number;
  readonly end: number;
}

export function overlapOf(sessions: readonly Session[], start: number, end: number): Overlap {
  const { from, to } = touchedBy(sessions, start, end);
  if (from === to) return { from, to, start, end };
  return {
    from,
    to,
    start: Math.min(start, sessions[from]!.start),
    end: Math.max(end, sessions[to - 1]!.end),
  };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Which of spans that ascend, and neither overlap nor touch, overlap with one or touch it: those
 * from `from` to before `to`. Most records belong to the last span, or to a new one behind it.
 */
export function touchedBy(
  spans: readonly Span[],
  start: number,
  end: number,
): { readonly from: number; readonly to: number } {
  const { length } = spans;
  if (length === 0 || spans[length - 1]!.end < start) return { from: length, to: length };
  const isLast = spans[length - 1]!.start <= end;
  const to = isLast ? length : firstOf(length - 1, (at) => spans[at]!.start > end);
  return { from: firstOf(to, (at) => spans[at]!.end >= start), to };
}

/** How many of such spans end at or before `time`. */
export function endedBy(spans: readonly Span[], time: number): number {
  return firstOf(spans.length, (at) => spans[at]!.end > time);
}

/** The first place below `length` for which `holds`, as it does for all behind; or `length`. */
function firstOf(length: number, holds: (at: number) => boolean): number {
  // From the end on in steps that double: mostly it is near.
  let high = length;
  let step = 1;
  while (high > 0 && holds(Math.max(high - step, 0))) {
    high = Math.max(high - step, 0);
    step *= 2;
  }
  let low = Math.max(high - step, -1) + 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

/** The session that a value and all that it overlaps with come to. */
export function joinedSession(
  sessions: readonly Session[],
  overlap: Overlap,
  value: unknown,
  incremental: Incremental,
): Session {
  let accumulator: unknown = undefined;
  let records = 1;
  for (let at = overlap.from; at < overlap.to; at++) {
    const session = sessions[at]!;
    records += session.records;
    accumulator =
      accumulator === undefined
        ? session.accumulator
        : incremental.merge(accumulator, session.accumulator);
  }
  const { start, end } = overlap;
  return { start, end, fired: false, records, accumulator: incremental.add(accumulator, value) };
}

/** S1: `sessions` with one in the place of those that it overlaps with. */
export function withSession(
  sessions: readonly Session[],
  { from, to }: Overlap,
  joined: Session,
): readonly Session[] {
  if (sessions.length === to - from) return [joined];
  // Copied as memory, not one by one.
  if (from === sessions.length) return sessions.concat(joined);
  const copy = sessions.slice();
  if (to === from + 1) copy[from] = joined;
  else copy.splice(from, to - from, joined);
  return copy;
}
