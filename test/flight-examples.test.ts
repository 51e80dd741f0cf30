// examples/flight-delays.ts, run as a user runs it with several subtasks and again, and its whole
// output held against a computation of its own.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { linesOf, millrace } from './command.test-kit.ts';
import { cellsOf, dataFile, filesOf, run, sorted } from './examples.test-kit.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
after(() => rmSync(scratch, { recursive: true }));

interface Day {
  readonly origin: string;
  readonly day: string;
  readonly airport: string;
  flights: number;
  sum: number;
  worst: number;
}

function daysOfDelays(flights: readonly string[], airports: readonly string[]): readonly Day[] {
  const names = new Map(airports.map(cellsOf).map(([iata, name]) => [iata!, name!]));
  const days: Record<string, Day> = {};
  for (const line of flights) {
    const { date, delay, origin } = JSON.parse(line) as Record<'date' | 'origin', string> & {
      delay: number;
    };
    const at = new Date(`${date.replaceAll('/', '-').replace(' ', 'T')}:00Z`);
    const day = at.toISOString().slice(0, 10);
    const airport = names.get(origin)!;
    const of = (days[`${origin} ${day}`] ??= {
      ...{ origin, day, airport, flights: 0, sum: 0, worst: -Infinity },
    });
    of.flights += 1;
    of.sum += delay;
    of.worst = Math.max(of.worst, delay);
  }
  return Object.keys(days)
    .sort()
    .map((key) => days[key]!);
}

/** Long division, digit by digit: two decimals, halves away from zero. */
function meanText({ sum, flights }: Day): string {
  let rest = Math.abs(sum);
  const whole = Math.floor(rest / flights);
  rest = (rest - whole * flights) * 10;
  const tenths = Math.floor(rest / flights);
  rest = (rest - tenths * flights) * 10;
  const hundredths = Math.floor(rest / flights);
  rest -= hundredths * flights;
  const rounded = whole * 100 + tenths * 10 + hundredths + (rest * 2 >= flights ? 1 : 0);
  const digits = String(rounded).padStart(3, '0');
  const sign = sum < 0 && rounded > 0 ? '-' : '';
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

const quoted = (cell: string): string =>
  /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

describe('flight-delays', () => {
  const days = daysOfDelays(dataFile('flights.jsonl'), dataFile('airports.csv').slice(1));
  const header = 'origin,airport,day,flights,meanDelay,worstDelay';
  const rows = days.map((day) =>
    [day.origin, quoted(day.airport), day.day, day.flights, meanText(day), day.worst].join(','),
  );
  const worst = [...days]
    .sort((a, b) => b.worst - a.worst || `${a.origin}${a.day}`.localeCompare(`${b.origin}${b.day}`))
    .slice(0, 5)
    .map((day) => [
      day.origin,
      day.airport,
      day.day,
      `${day.flights}`,
      meanText(day),
      `${day.worst}`,
    ]);

  function checkTable(printed: readonly string[]): void {
    const cells = printed.map((line) => line.split(/ {2,}/));
    assert.deepEqual(cells, [header.split(','), ...worst]);
    const columns = cells[0]!.map((title) => printed[0]!.indexOf(title));
    for (const [i, line] of printed.entries()) {
      assert.deepEqual(
        cells[i]!.map((cell, column) => line.indexOf(cell, columns[column])),
        columns,
      );
    }
  }

  for (const parallelism of [1, 2, 3]) {
    test(`parallelism ${parallelism}: all rows once, twice the same files`, async () => {
      assert.ok(rows.length > 6000, 'the data is there');
      const out = join(scratch, `delays-${parallelism}`);
      const args = ['-p', String(parallelism), '--param', `out=${out}`];
      checkTable(await run('flight-delays', ...args));
      const first = bySubtask(filesOf(out));
      const found = [...first.values()].flatMap((content) => {
        const [top, ...more] = linesOf(content);
        assert.equal(top, header);
        assert.ok(content.endsWith('\n'));
        return more;
      });
      assert.deepEqual(sorted(found), sorted(rows));
      checkTable(await run('flight-delays', ...args));
      assert.deepEqual(bySubtask(filesOf(out)), first);
    });
  }

  /** Names say in which run a file was written. */
  function bySubtask(files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
    const short = /^part-\w{16}-(\d+)-\d+-\w{8}-(\d+)/;
    return new Map([...files].map(([name, text]) => [name.replace(short, 'part-$1-$2'), text]));
  }

  test('fewer subtasks leave no file of the run before', async () => {
    const out = join(scratch, 'delays-fewer');
    await run('flight-delays', '-p', '3', '--param', `out=${out}`);
    await run('flight-delays', '--param', `out=${out}`);
    const files = filesOf(out);
    assert.equal(files.size, 1);
    assert.deepEqual([...files.values()][0], `${[header, ...rows].join('\n')}\n`);
  });

  test('info shows the plan without running anything', async () => {
    const out = join(scratch, 'nothing');
    const args = ['info', 'examples/flight-delays.ts', '-p', '2', '--param', `out=${out}`];
    const { stdout, code } = await millrace(args);
    assert.equal(code, 0);
    assert.match(stdout, /^flight-delays: 4 tasks, 2 slots\n/);
    assert.match(stdout, /--BROADCAST--> \[3\]/);
    assert.match(stdout, /days of delays -> Sink: files/);
    const { stdout: json } = await millrace([...args, '--json']);
    const plan = JSON.parse(json) as { readonly vertices: readonly unknown[] };
    assert.equal(plan.vertices.length, 4);
    assert.match((await millrace([...args, '--mermaid'])).stdout, /^flowchart /);
    assert.throws(() => readdirSync(out));
  });
});
