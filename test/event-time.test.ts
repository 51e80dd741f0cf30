// Event time in whole jobs, run by the command line: timestamps and watermarks on their way through
// chains and edges, and what is said about time that is missing or stands still.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { linesOf, millrace, start } from './command.test-kit.ts';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'millrace-event-time-')));
after(() => rmSync(folder, { recursive: true }));

/** A job's file; `build` is the body of its build. */
function job(name: string, build: string, before = ''): string {
  const head = `import * as m from 'millrace';\nconst { t, seconds, milliseconds } = m;\n${before}`;
  const begin = `export default m.defineJob({ name: '${name}', build(env) {`;
  writeFileSync(join(folder, `${name}.ts`), `${head}\n${begin}\n${build}\n} });\n`);
  return `${name}.ts`;
}

/** Emits `value@watermark` for each record. */
const SEEN = `
const seen = {
  emits: t.string,
  onElement(value: unknown, ctx: any) { ctx.emit(\`\${value}@\${ctx.timestamp}/\${ctx.watermark}\`); },
};
const byValue = {
  timestamp: (value: number) => value,
  generator: () => ({ onEvent: (_v: number, at: any, out: any) => out.emitWatermark(at) }),
};`;

test('watermarks of an operator in a chain reach what is behind it, in the chain and beyond', async () => {
  for (const way of ['', '.rebalance()', '.startNewChain()']) {
    const file = job(
      'chained',
      `const stamped = env.fromElements(3, 7, 5).assignTimestamps(byValue)${
        way === '.startNewChain()' ? '.map((n) => n).startNewChain()' : way
      };
       stamped.process(seen).print();`,
      SEEN,
    );
    const { stdout, stderr, code } = await millrace(['run', file], folder);
    assert.equal(code, 0, stderr);
    assert.deepEqual(linesOf(stdout), ['3@3/-Infinity', '7@7/3', '5@5/7'], way);
  }
});

test('a timestamp that is none ends the job with operator, record and place', async () => {
  const file = job(
    'wrong',
    `env.fromElements({ id: 1, at: 5 }, { id: 2, at: NaN })
       .assignTimestamps({ timestamp: (r) => r.at }).name('times').print();`,
  );
  const { stderr, code } = await millrace(['run', file], folder);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error\[DATA_INVALID_TIMESTAMP\]: NaN is not a timestamp, which "times" got for the record \{"id":2,"at":"NaN"\}\.$/m,
  );
  assert.match(stderr, /wrong\.ts:6:9/);
  assert.match(stderr, /fix: A timestamp is a whole number of milliseconds since 1970/);
});

test('a strategy that makes no sense is refused at build', async () => {
  const cases: readonly (readonly [strategy: string, said: string])[] = [
    ['7', 'it takes a strategy'],
    ["{ timestamp: 'at' }", 'assignTimestamps.timestamp cannot take this'],
    ['{ outOfOrder: -1 }', 'outOfOrder is a duration of at least 0, not -1'],
    ['{ outOfOrder: seconds(1), generator: () => ({}) }', 'give one of them'],
    ['{ idleAfter: milliseconds(0) }', 'idleAfter is a duration above 0'],
    ["{ alignment: { group: 'g', maxDrift: seconds(1) } }", 'env.from(source, strategy)'],
  ];
  for (const [strategy, said] of cases) {
    const file = job(
      'refused',
      `env.fromElements(1).assignTimestamps(${strategy} as never).print();`,
    );
    const { stderr, code } = await millrace(['run', file], folder);
    assert.equal(code, 1);
    assert.ok(stderr.includes(said), `${strategy}: ${stderr}`);
  }
});

test('a strategy at the source: timestamps and watermarks of its splits', async () => {
  const file = job(
    'source',
    `env.from(m.collection([3, 7, 5], t.integer), byValue).process(seen).print();`,
    SEEN,
  );
  const { stdout, stderr, code } = await millrace(['run', file], folder);
  assert.equal(code, 0, stderr);
  assert.deepEqual(linesOf(stdout), ['3@3/-Infinity', '7@7/3', '5@5/7']);
});

test('late records and elements left in windows are warned of at the end', async () => {
  const file = job(
    'warned',
    `env.fromElements(1, 2, 3).process({
       emits: t.integer,
       open(ctx) {
         ctx.metrics.counter('numLateRecordsDropped').increment(2);
         ctx.metrics.counter('numElementsUnfired').increment();
       },
       onElement(n, ctx) { ctx.emit(n); },
     }).name('hourly').print();`,
  );
  const text = await millrace(['run', file], folder);
  assert.equal(text.code, 0, text.stderr);
  assert.deepEqual(linesOf(text.stdout), ['1', '2', '3']);
  const [late, unfired, ...more] = linesOf(text.stderr);
  assert.match(late!, /^2 records came too late for "hourly" and were dropped\. Raise outOfOrder/);
  assert.match(unfired!, /^1 element was left in windows of "hourly" when the input ended: /);
  assert.deepEqual(more, []);
  const { stdout } = await millrace(['run', file, '--json'], folder);
  const lines = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines
      .filter(({ type }) => type === 'warning')
      .map(({ counter, operator, count, message }) => [counter, operator, count, typeof message]),
    [
      ['numLateRecordsDropped', 'hourly', 2, 'string'],
      ['numElementsUnfired', 'hourly', 1, 'string'],
    ],
  );
  assert.equal(lines.at(-1)!['type'], 'result');
});

test('windows say what came too late for them and what they were left with', async () => {
  const file = job(
    'windows',
    `const numbers = env.from(m.collection([1, 10, 2, 11], t.integer), byValue).keyBy(() => 'all');
     numbers.window(m.tumbling(milliseconds(5))).aggregate(m.count()).name('fives')
       .map(({ window, value }) => \`\${window.start} \${value}\`).print();
     numbers.countWindow(3).aggregate(m.count()).name('threes')
       .map(({ value }) => \`threes \${value}\`).print();`,
    SEEN,
  );
  const { stdout, stderr, code } = await millrace(['run', file], folder);
  assert.equal(code, 0, stderr);
  assert.deepEqual(linesOf(stdout).toSorted(), ['0 1', '10 2', 'threes 3']);
  const warnings = linesOf(stderr).toSorted();
  assert.equal(warnings.length, 2, stderr);
  assert.match(warnings[0]!, /^1 element was left in windows of "threes" when the input ended/);
  assert.match(warnings[1]!, /^1 record came too late for "fives" and was dropped\. /);
});

test('a source that does not say whether its records have timestamps is seen when it runs', async () => {
  const file = job(
    'unknown',
    `const source = { ...m.collection([{ id: 7 }], t.struct({ id: t.integer })) } as any;
     delete source.timestamps;
     env.from(source).keyBy((r: any) => r.id).window(m.tumbling(seconds(1)))
       .aggregate(m.count()).name('per second').print();`,
  );
  const { stderr, code } = await millrace(['run', file], folder);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error\[DATA_NO_TIMESTAMP\]: "per second" needs event time, and this record has none: \{"id":7\}\.$/m,
  );
  assert.match(stderr, /unknown\.ts:\d+:\d+/);
  assert.match(stderr, /fix: Say where the time of the records is: env\.from\(source, /);
});

test('a window of event time on records that have none is refused at build', async () => {
  const file = job(
    'timeless',
    `env.fromElements(1).keyBy((n) => n).window(m.tumbling(seconds(1)))
       .aggregate(m.count()).name('per second').print();`,
  );
  const { stderr, code } = await millrace(['run', file], folder);
  assert.equal(code, 1);
  assert.match(stderr, /^error\[GRAPH_NO_TIMESTAMPS\]: "per second" works by event time, but/m);
  assert.match(stderr, /timeless\.ts:\d+:\d+/);
});

test('a job that is cancelled says where event time was, and what it waited for', async () => {
  const file = job(
    'patience',
    `const at = { timestamp: (n: number) => n };
     const endless = (rate: number) => m.generator(t.integer, (i) => i, { ratePerSecond: rate });
     env.from(endless(100), at).name('lively').union(env.from(endless(0.001)).name('timeless'))
       .keyBy((n) => n % 3).reduce((_, n) => n).map((n) => \`n \${n}\`).print();`,
  );
  const command = start(['run', file], folder);
  await command.said('n 20');
  command.process.kill('SIGINT');
  const { stderr, code } = await command.ended;
  assert.equal(code, 130, stderr);
  assert.match(
    stderr,
    /^At its end: event time has not begun in "reduce -> .*: "timeless" \(subtask 1\) has no watermark strategy$/m,
  );
});
