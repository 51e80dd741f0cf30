// Every example, run as a user runs it, and its whole output held against a computation of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { linesOf, millrace, REPOSITORY, start, startNode } from './command.test-kit.ts';

const DATA = join(REPOSITORY, 'examples', 'data');
const scratch = mkdtempSync(join(tmpdir(), 'millrace-examples-'));
after(() => rmSync(scratch, { recursive: true }));

async function run(name: string, ...args: readonly string[]): Promise<readonly string[]> {
  return runWithRemark('', name, ...args);
}

/** Runs an example that has something to remark beside its output. */
async function runWithRemark(
  remark: string,
  name: string,
  ...args: readonly string[]
): Promise<readonly string[]> {
  const { stdout, stderr, code } = await millrace(['run', `examples/${name}.ts`, ...args]);
  assert.equal(stderr, remark);
  assert.equal(code, 0);
  return linesOf(stdout);
}

/** In the order of the alphabet, where a job does not define one. */
function sorted(lines: readonly string[]): readonly string[] {
  return [...lines].sort();
}

/** Without the number of the subtask. */
function withoutSubtask(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/^\d+> /, ''));
}

function dataFile(name: string): readonly string[] {
  return linesOf(readFileSync(join(DATA, name), 'utf8'));
}

/** The files of an output folder, by name, and nothing hidden among them. */
function filesOf(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder).sort();
  assert.deepEqual(
    names.filter((name) => name.startsWith('.')),
    [],
  );
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

/** The cells of a line of CSV without line ends in quotes. */
function cellsOf(line: string): readonly string[] {
  const cells = line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g);
  return [...cells].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain!);
}

// ----------------------------------------------------------------------------------- flight-delays

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
      const first = filesOf(out);
      const found = [...first.values()].flatMap((content) => {
        const [top, ...more] = linesOf(content);
        assert.equal(top, header);
        assert.ok(content.endsWith('\n'));
        return more;
      });
      assert.deepEqual(sorted(found), sorted(rows));
      checkTable(await run('flight-delays', ...args));
      assert.deepEqual(filesOf(out), first);
    });
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

// ---------------------------------------------------------------------------------- one a feature

describe('word-count', () => {
  /** Word and count so far, in the order of the text. */
  function counts(text: string): readonly string[] {
    const seen: string[] = [];
    for (const word of text.toLowerCase().split(/[^a-z]+/)) {
      if (word !== '') seen.push(word);
    }
    return seen.map(
      (word, i) => `${word} ${seen.slice(0, i + 1).filter((w) => w === word).length}`,
    );
  }

  test('counts the words of its text, and of another', async () => {
    const source = readFileSync(join(REPOSITORY, 'examples', 'word-count.ts'), 'utf8');
    const expected = counts(/TEXT = `([^`]*)`/.exec(source)![1]!);
    assert.ok(expected.includes('to 4'));
    assert.deepEqual(await run('word-count'), expected);
    const text = 'one two\nTwo, three: THREE three.';
    assert.deepEqual(await run('word-count', '--param', `text=${text}`), counts(text));
  });

  test('gives the same counts with several subtasks, those of a word in order', async () => {
    const source = readFileSync(join(REPOSITORY, 'examples', 'word-count.ts'), 'utf8');
    const expected = counts(/TEXT = `([^`]*)`/.exec(source)![1]!);
    const printed = await run('word-count', '-p', '3');
    assert.ok(printed.every((line) => /^[1-3]> /.test(line)));
    const lines = withoutSubtask(printed);
    assert.deepEqual(sorted(lines), sorted(expected));
    const ofTo = lines.filter((line) => line.startsWith('to '));
    assert.deepEqual(ofTo, ['to 1', 'to 2', 'to 3', 'to 4']);
  });
});

/** The lines that begin with a label of `print`, without it. */
function labelled(lines: readonly string[], label: string): readonly string[] {
  return lines.filter((line) => line.startsWith(label)).map((line) => line.slice(label.length));
}

test('keyed-state: the third failure in a row, and only that', async () => {
  assert.deepEqual(await run('keyed-state'), [
    'alert> { user: "ada", addresses: ["10.0.0.1", "10.0.0.2"] }',
  ]);
});

test('side-outputs: every line comes out where it belongs', async () => {
  const lines = await run('side-outputs');
  assert.equal(lines.length, 6);
  assert.deepEqual(labelled(lines, 'reading> '), [
    '{ sensor: "kitchen", celsius: 21.5 }',
    '{ sensor: "cellar", celsius: 12 }',
    '{ sensor: "oven", celsius: 230 }',
  ]);
  assert.deepEqual(labelled(lines, 'alarm> '), ['oven is hot']);
  assert.deepEqual(labelled(lines, 'refused> '), ['garden', 'attic warm']);
});

for (const parallelism of ['1', '2']) {
  test(`broadcast-state: no payment is lost, parallelism ${parallelism}`, async () => {
    const lines = await run('broadcast-state', '-p', parallelism);
    assert.deepEqual(
      sorted(lines.map((line) => line.replace(/^(no rate)?:?\d*> /, '$1 ').trim())),
      [
        'no rate { id: 4, currency: "CHF", amount: 7 }',
        'payment 1: 15 EUR',
        'payment 2: 10 EUR',
        'payment 3: 2.5 EUR',
      ],
    );
  });
}

test('connected-streams: each order is paid or unpaid', async () => {
  const lines = await run('connected-streams');
  assert.deepEqual(sorted(lines), ['paid> lamp: 45', 'paid> table: 129', 'unpaid> chair']);
});

test('async-enrichment: all results, in the order of the records', async () => {
  const names = ['Ada', 'Bob', 'Cleo', 'Dora', 'Egon'];
  const expected = [0, 3, 1, 4, 2, 3].map((user) => `user ${user} is ${names[user]}`);
  assert.deepEqual(await run('async-enrichment'), expected);
});

test('custom-partitioner: Europe in the first subtask, in order', async () => {
  const lines = await run('custom-partitioner');
  assert.equal(lines.length, 6);
  assert.deepEqual(labelled(lines, 'order:1> '), ['de 17', 'fr 25', 'it 1']);
  assert.deepEqual(labelled(lines, 'order:2> '), ['us 4', 'br 9', 'us 30']);
});

test('union: the pieces of both tills', async () => {
  assert.deepEqual(sorted(await run('union')), [
    '{ item: "bread", pieces: 5 }',
    '{ item: "eggs", pieces: 12 }',
    '{ item: "milk", pieces: 3 }',
  ]);
});

test('reduce-and-aggregate: a result after each record', async () => {
  const lines = await run('reduce-and-aggregate');
  assert.equal(lines.length, 8);
  const longest = ['mia: Bonn', 'leo: Ulm', 'mia: Köln', 'mia: Köln'];
  assert.deepEqual(labelled(lines, 'longest> '), longest);
  assert.deepEqual(labelled(lines, 'mean> '), ['mia: 10', 'leo: 4', 'mia: 17.5', 'mia: 15']);
});

test('rate-limited-generator: all records, no faster than asked', async () => {
  const expected = Array.from({ length: 40 }, (_, i) => i)
    .filter((i) => i % 7 !== 0)
    .map((i) => `{ user: "user-${i % 3}", page: ${(i * i) % 7} }`);
  const begun = performance.now();
  const args = ['-p', '2', '--param', 'count=40', '--param', 'rate=40'];
  const lines = withoutSubtask(await run('rate-limited-generator', ...args));
  const seconds = (performance.now() - begun) / 1000;
  assert.deepEqual(sorted(lines), sorted(expected));
  assert.ok(seconds > 0.8, `40 records at 40 a second came in ${seconds} s`);
});

test('execute-and-collect: a program gets the records', async () => {
  const { stdout, stderr, code } = await startNode(['examples/execute-and-collect.ts']).ended;
  assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
  const divisors = Array.from({ length: 50 }, (_, i) => {
    const all = Array.from({ length: 50 }, (_any, j) => j + 1);
    return all.filter((d) => (i + 1) % d === 0).length;
  });
  const primes = divisors.flatMap((count, i) => (count === 2 ? [i + 1] : []));
  const most = Math.max(...divisors);
  assert.deepEqual(linesOf(stdout), [
    `${primes.length} primes, the last is ${primes.at(-1)}`,
    `most divisors: {"n":${divisors.indexOf(most) + 1},"divisors":${most}}`,
  ]);
});

test('csv-to-json: every airport of the state, exact numbers', async () => {
  const expected = dataFile('airports.csv')
    .slice(1)
    .map(cellsOf)
    .filter((cells) => cells[3] === 'CO')
    .map(([iata, name, , , , latitude, longitude]) => ({
      ...{ iata, name },
      position: { latitude: Number(latitude), longitude: Number(longitude) },
    }));
  assert.ok(expected.length > 10);
  const out = join(scratch, 'airports');
  for (const _run of ['first', 'second']) {
    const printed = await run('csv-to-json', '--param', 'state=CO', '--param', `out=${out}`);
    assert.deepEqual(printed, []);
    const [[name, content]] = [...filesOf(out)] as [[string, string]];
    assert.equal(name, 'part-0-0.jsonl');
    assert.deepEqual(
      linesOf(content).map((line) => JSON.parse(line)),
      expected,
    );
  }
});

test('zod-validation: what is valid goes on, the rest is refused with its line', async () => {
  const remark = '4 lines of the input could not be parsed and went where onError says.\n';
  const lines = await runWithRemark(remark, 'zod-validation');
  const orders = ['A-1: 2 x lamp', 'A-5: 1 x lamp', 'A-5: 3 x rug', 'A-7: 1 x rug'];
  assert.deepEqual(labelled(lines, 'order> '), orders);
  const refused = labelled(lines, 'refused> ');
  assert.deepEqual(
    refused.map((line) => line.split(':')[0]),
    ['line 2', 'line 3', 'line 4', 'line 6'],
  );
  assert.match(refused[0]!, /email/);
  assert.equal(lines.length, orders.length + refused.length);
});

test('socket-text: counts as the words come, and ends with the connection', async () => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const params = ['--param', 'host=127.0.0.1', '--param', `port=${port}`];
    const command = start(['run', 'examples/socket-text.ts', ...params]);
    const over = command.ended.then(({ stderr }) => assert.fail(`it did not connect: ${stderr}`));
    const connected = once(server, 'connection') as Promise<[Socket]>;
    const [socket] = await Promise.race([connected, over]);
    over.catch(() => undefined);
    socket.write('a rose is\na ro');
    // The first results come while the connection is open.
    await command.said('is 1\n');
    socket.end('se');
    const { stdout, stderr, code } = await command.ended;
    assert.deepEqual({ stderr, code }, { stderr: '', code: 0 });
    assert.deepEqual(linesOf(stdout), ['a 1', 'rose 1', 'is 1', 'a 2', 'rose 2']);
  } finally {
    server.close();
  }
});

// --------------------------------------------------------------------------------- flights in time

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

test('every example is run here', () => {
  const here = readFileSync(import.meta.filename, 'utf8');
  for (const file of readdirSync(join(REPOSITORY, 'examples')).filter((name) =>
    name.endsWith('.ts'),
  )) {
    assert.ok(here.includes(`'${file.slice(0, -3)}`), `${file} has no test`);
  }
});

// -------------------------------------------------------------------------------------- README

test('the job of the README runs as it stands there', async () => {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const [, job, output] = /```ts\n(.*?)```.*?```text\n(.*?)```/s.exec(readme)!;
  const lines = linesOf(job!);
  assert.ok(lines.length <= 20, `${lines.length} lines`);
  writeFileSync(join(scratch, 'count-words.ts'), job!);
  const { stdout, stderr, code } = await millrace(['run', 'count-words.ts'], scratch);
  assert.deepEqual({ stdout, stderr, code }, { stdout: output, stderr: '', code: 0 });
});
