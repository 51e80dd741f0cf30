/**
 * What a source's subtask keeps in its operator state: its splits, each with how far event time was
 * in it, so that both go together to whichever subtask gets the split at another parallelism; and
 * the event time of the subtask as a whole.
 *
 * Invariants
 * P1. Every split of the reader is in the list once, with its time if it counts already.
 * P2. After a restore at the same parallelism a subtask's time is its own; else it is the least of
 *     all, since it may have got splits of any of them.
 */
import type { AnySource, SourceSplit } from '../functions/source.ts';
import type { OperatorStateBackend, SplitState, UnionState } from '../state/operator-state.ts';
import type { Schema } from '../types/schema.ts';
import { t } from '../types/t.ts';
import type { SourceTimeSnapshot, TimeSnapshot } from './source-time.ts';

/** What a subtask has found. */
export interface RestoredSource {
  readonly splits: readonly SourceSplit[];
  /** To be restored one after another; P2. */
  readonly times: readonly SourceTimeSnapshot[];
}

interface SplitEntry {
  readonly id: string;
  /** Undefined for what holds event time without being a split of the reader. */
  readonly split?: SourceSplit | undefined;
  readonly time?: TimeSnapshot | undefined;
}

interface SubtaskTime extends TimeSnapshot {
  /** Of what the reader emitted itself, if it did. */
  readonly own?: TimeSnapshot | undefined;
}

const TimeFields = { watermark: t.float64, idle: t.boolean };

const SubtaskTimeSchema = t.struct({
  ...TimeFields,
  own: t.optional(t.struct(TimeFields)),
}) as unknown as Schema<SubtaskTime>;

export class SourceState {
  readonly #splits: SplitState<SplitEntry>;
  readonly #time: UnionState<SubtaskTime>;

  constructor(state: OperatorStateBackend, { split, migrations }: AnySource) {
    const entries = migrations?.split?.map(({ from, migrate }) => ({
      from: entryOf(from),
      migrate: ({ split: old, ...entry }: SplitEntry): SplitEntry => ({
        ...entry,
        split: old === undefined ? undefined : (migrate(old as never) as SourceSplit),
      }),
    }));
    this.#splits = state.split('splits', entryOf(split), entries);
    this.#time = state.union('time', SubtaskTimeSchema);
  }

  restored(): RestoredSource {
    const entries = this.#splits.values();
    const { own, all } = this.#time.restored();
    const splits = entries.flatMap(({ split }) => (split === undefined ? [] : [split]));
    const timed = entries.flatMap(({ id, time }) => (time === undefined ? [] : [{ id, ...time }]));
    const times = (own ?? all).map((time, index) => ({
      watermark: time.watermark,
      idle: time.idle,
      own: time.own,
      splits: index === 0 ? timed : [],
    }));
    return { splits, times };
  }

  /** P1 */
  update(splits: readonly SourceSplit[], time: SourceTimeSnapshot): void {
    const times = new Map(time.splits.map(({ id, watermark, idle }) => [id, { watermark, idle }]));
    const entries: SplitEntry[] = [];
    for (const split of splits) {
      entries.push({ id: split.id, split, ...timeOf(times.get(split.id)) });
      times.delete(split.id);
    }
    for (const [id, each] of times) entries.push({ id, time: each });
    this.#splits.update(entries);
    const { watermark, idle, own } = time;
    this.#time.update([own === undefined ? { watermark, idle } : { watermark, idle, own }]);
  }
}

function entryOf(split: Schema<unknown>): Schema<SplitEntry> {
  return t.struct({
    id: t.string,
    split: t.optional(split),
    time: t.optional(t.struct(TimeFields)),
  }) as unknown as Schema<SplitEntry>;
}

function timeOf(time: TimeSnapshot | undefined): { readonly time?: TimeSnapshot } {
  return time === undefined ? {} : { time };
}
