// The five worst days of a stream, as a table. Notice: a part of a job is a function from stream to
// stream, used by `days.through(worstFive)`. There is one ranking, hence one key and one subtask.
import { dateText, state, t } from 'millrace';
import type { DataStream, Infer } from 'millrace';

export const DayOfDelays = t.struct({
  origin: t.string,
  airport: t.string,
  day: t.date,
  flights: t.int32,
  meanDelay: t.decimal(12, 2),
  worstDelay: t.int32,
});
type DayOfDelays = Infer<typeof DayOfDelays>;

export function worstFive(days: DataStream<DayOfDelays>): DataStream<string> {
  return days
    .keyBy(() => 'all')
    .process({
      emits: t.string,
      state: { worst: state.list(DayOfDelays) },
      onElement(day, { state: { worst } }) {
        worst.update([...worst.values(), day].sort(byRank).slice(0, 5));
      },
      onEnd(ctx) {
        ctx.forEachKey('worst', () => {
          const rows = [...ctx.state.worst.values()].map(cellsOf);
          for (const line of tableOf([Object.keys(DayOfDelays.fields), ...rows])) ctx.emit(line);
        });
      },
    })
    .setParallelism(1);
}

export function byOriginAndDay(a: DayOfDelays, b: DayOfDelays): number {
  return a.origin === b.origin ? a.day - b.day : a.origin < b.origin ? -1 : 1;
}

function byRank(a: DayOfDelays, b: DayOfDelays): number {
  return b.worstDelay - a.worstDelay || byOriginAndDay(a, b);
}

function cellsOf({ origin, airport, day, flights, meanDelay, worstDelay }: DayOfDelays) {
  return [origin, airport, dateText(day), String(flights), meanDelay, String(worstDelay)];
}

function tableOf(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
