// The examples of event time on the flights, run as a user runs them, and their whole output held
// against a computation of its own.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { linesOf, millrace } from './command.test-kit.ts';
import {
  cellsOf,
  dataFile,
  filesOf,
  labelled,
  run,
  sorted,
  withoutSubtask,
} from './examples.test-kit.ts';

const scratch = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
after(() => rmSync(scratch, { recursive: true }));

describe('flights in time', () => {
  const HOUR = 3_600_000;

  interface Flight {
    readonly origin: string;
    readonly destination: string;
    readonly delay: number;
    readonly distance: number;
    /** When it is to depart. */
    readonly at: number;
  }

  const flights = dataFile('flights.jsonl').map((line): Flight => {
    const { date, ...flight } = JSON.parse(line) as Flight & { readonly date: string };
    const [year, month, day, hour, minute] = date.split(/\D/).map(Number);
    return { ...flight, at: Date.UTC(year!, month! - 1, day, hour, minute) };
  });

  function shown(at: number): string {
    return `${new Date(at).toISOString().slice(0, 10)} ${new Date(at).toISOString().slice(11, 16)}`;
  }

  /** The airport and the start of each window of an hour that has so many departures at least. */
  function busyHours(of: readonly Flight[], step: number, least: number): readonly string[] {
    const counts = new Map<string, number>();
    for (const { origin, at } of of) {
      for (let start = Math.ceil((at + 1 - HOUR) / step) * step; start <= at; start += step) {
        const hour = `${origin} ${shown(start)}`;
        counts.set(hour, (counts.get(hour) ?? 0) + 1);
      }
    }
    return [...counts]
      .filter(([, count]) => count >= least)
      .map(([hour, count]) => `${hour}: ${count} departures`);
  }

  function byOrigin(): ReadonlyMap<string, readonly Flight[]> {
    return Map.groupBy(flights, ({ origin }) => origin);
  }

  async function expectLines(
    expected: readonly string[],
    name: string,
    ...args: readonly string[]
  ): Promise<void> {
    assert.ok(expected.length > 5, `${expected.length} lines`);
    for (const parallelism of ['1', '2']) {
      const lines = withoutSubtask(await run(name, '-p', parallelism, ...args));
      assert.deepEqual(sorted(lines), sorted(expected), `parallelism ${parallelism}`);
    }
  }

  test('tumbling-windows: every busy hour', async () => {
    await expectLines(busyHours(flights, HOUR, 4), 'tumbling-windows');
    await expectLines(busyHours(flights, HOUR, 1), 'tumbling-windows', '--param', 'least=1');
  });

  test('sliding-windows: every busy hour that begins at a quarter', async () => {
    await expectLines(busyHours(flights, HOUR / 4, 5), 'sliding-windows');
    await expectLines(busyHours(flights, HOUR / 4, 1), 'sliding-windows', '--param', 'least=1');
  });

  test('session-windows: every wave', async () => {
    const waves: (readonly [string, number])[] = [];
    for (const [origin, all] of byOrigin()) {
      let start = 0;
      for (let i = 1; i <= all.length; i += 1) {
        if (i < all.length && all[i]!.at - all[i - 1]!.at <= HOUR) continue;
        const [from, to] = [shown(all[start]!.at), shown(all[i - 1]!.at + HOUR)];
        waves.push([`${origin} ${from} to ${to}: ${i - start} departures`, i - start]);
        start = i;
      }
    }
    const of = (least: number): readonly string[] =>
      waves.filter(([, count]) => count >= least).map(([line]) => line);
    await expectLines(of(7), 'session-windows');
    await expectLines(of(1), 'session-windows', '--param', 'least=1');
  });

  test('count-windows: every hundred flights; what is left over is told', async () => {
    const expected: string[] = [];
    let left = 0;
    for (const [origin, all] of byOrigin()) {
      const delays = all.map(({ delay }) => delay);
      for (; delays.length >= 100; delays.splice(0, 100)) {
        const sum = delays.slice(0, 100).reduce((total, delay) => total + delay, 0);
        expected.push(`${origin} ${(sum / 100).toFixed(2)}`);
      }
      left += delays.length;
    }
    assert.ok(expected.length > 50);
    const { stdout } = await millrace(['run', 'examples/count-windows.ts', '--json']);
    const told = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
    const lines = told.flatMap(({ type, line }) => (type === 'print' ? [String(line)] : []));
    assert.deepEqual(sorted(lines), sorted(expected));
    const accumulators = told.at(-1)!['accumulators'] as { name: string; value: number }[];
    const unfired = accumulators.filter(({ name }) => name === 'numElementsUnfired');
    assert.deepEqual(
      unfired.map(({ value }) => value),
      [left],
    );
  });

  test('late-data: each flight is counted or late', async () => {
    const late: Flight[] = [];
    const inTime: Flight[] = [];
    let watermark = -Infinity;
    for (const flight of flights) {
      const at = flight.at + flight.delay * 60_000;
      const lastOfHour = Math.floor(at / HOUR) * HOUR + HOUR - 1;
      (lastOfHour <= watermark ? late : inTime).push({ ...flight, at });
      watermark = Math.max(watermark, at - HOUR);
    }
    assert.ok(late.length > 100, `${late.length} are late`);
    const lines = await run('late-data');
    assert.deepEqual(
      sorted(labelled(lines, 'late> ')),
      sorted(late.map(({ origin, at, delay }) => `${origin} ${shown(at)}: ${delay} minutes`)),
    );
    assert.deepEqual(sorted(labelled(lines, 'busy> ')), sorted(busyHours(inTime, HOUR, 4)));
  });

  test('timers: an alarm for every day of silence', async () => {
    const airports = ['ATL', 'DEN', 'DFW', 'LAX', 'ORD', 'SFO', 'BNA'];
    const expected = airports.flatMap((airport) => {
      const departures = [
        ...new Set(
          byOrigin()
            .get(airport)!
            .map(({ at }) => at),
        ),
      ];
      return departures
        .filter((at, i) => (departures[i + 1] ?? Infinity) > at + 24 * HOUR)
        .map((at) => `${airport}: no departure since ${shown(at)}`);
    });
    const param = `airports=${JSON.stringify(airports)}`;
    for (const parallelism of ['1', '2']) {
      const lines = await run('timers', '-p', parallelism, '--param', param);
      const alarms = lines.map((line) => line.replace(/^alarm(:\d+)?> /, ''));
      assert.deepEqual(sorted(alarms), sorted(expected));
    }
    const few = await run('timers');
    assert.deepEqual(
      sorted(labelled(few, 'alarm> ')),
      sorted(expected.filter((line) => !line.startsWith('BNA'))),
    );
  });

  test('co-group: every uneven hour', async () => {
    const counts = new Map<string, [landings: number, departures: number]>();
    const count = (airport: string, at: number, side: 0 | 1): void => {
      const hour = `${airport} ${shown(Math.floor(at / HOUR) * HOUR)}`;
      const both = counts.get(hour) ?? [0, 0];
      both[side] += 1;
      counts.set(hour, both);
    };
    for (const { origin, destination, at, delay, distance } of flights) {
      count(destination, at + (delay + 30 + Math.round(distance / 8)) * 60_000, 0);
      count(origin, at, 1);
    }
    const uneven = [...counts].filter(([, [landed, departed]]) => Math.abs(landed - departed) > 3);
    const lines = uneven.map(([hour, [a, b]]) => `${hour}: ${a} landings, ${b} departures`);
    await expectLines(lines, 'co-group');
  });

  test('broadcast-join: every long delay, with the city of its airport', async () => {
    const airports = dataFile('airports.csv').map(cellsOf);
    const cities = new Map(airports.map(([iata, , city, state]) => [iata, `${city}, ${state}`]));
    const late = flights.filter(({ delay }) => delay >= 300);
    const lines = late.map(({ origin, delay, at }) => {
      return `${shown(at).replaceAll('-', '/')} ${cities.get(origin) ?? origin}: ${delay} minutes`;
    });
    await expectLines(lines, 'broadcast-join');
  });

  test('interval-join: every connection within an hour', async () => {
    const expected: string[] = [];
    const departures = byOrigin();
    for (const landed of flights) {
      const minutes = landed.delay + 30 + Math.round(landed.distance / 8);
      const landing = landed.at + minutes * 60_000;
      for (const { origin, destination, at } of departures.get(landed.destination) ?? []) {
        if (at < landing || at > landing + HOUR) continue;
        expected.push([landed.origin, shown(landing), origin, shown(at), destination].join(','));
      }
    }
    assert.ok(expected.length > 1000);
    for (const parallelism of ['1', '2']) {
      const out = join(scratch, `connections-${parallelism}`);
      assert.deepEqual(await run('interval-join', '-p', parallelism, '--param', `out=${out}`), []);
      const found = [...filesOf(out).values()].flatMap((content) => linesOf(content).slice(1));
      assert.deepEqual(sorted(found), sorted(expected));
    }
  });
});
