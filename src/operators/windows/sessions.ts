/**
 * The sessions of one key, as they are kept in its state. They are values: a change makes new ones.
 *
 * Invariants
 * S1. Sessions ascend, and neither overlap nor touch: those that would are one.
 */
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

/** How it is kept in snapshots. */
export function keySessionsSchema(accumulator: Schema<unknown>): Schema<KeySessions> {
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
  let to = sessions.length;
  // Most records belong to the last session.
  while (to > 0 && sessions[to - 1]!.start > end) to -= 1;
  let from = to;
  while (from > 0 && sessions[from - 1]!.end >= start) from -= 1;
  if (from === to) return { from, to, start, end };
  return {
    from,
    to,
    start: Math.min(start, sessions[from]!.start),
    end: Math.max(end, sessions[to - 1]!.end),
  };
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
  return [...sessions.slice(0, from), joined, ...sessions.slice(to)];
}
