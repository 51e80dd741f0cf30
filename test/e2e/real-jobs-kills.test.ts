// Real jobs with checkpoints on a cluster whose TaskManagers are killed: Nexmark's queries and the
// delays of flights give what they give undisturbed, and a reader who looks at their files all the
// while never sees a torn line, a result that goes again, or one too many.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Event } from '../../bench/nexmark/events.ts';
import { NexmarkGenerator } from '../../bench/nexmark/generator.ts';
import { ORACLES } from '../../bench/nexmark/oracles.ts';
import { Prng } from '../../src/base/prng.ts';
import { linesOf, millrace, REPOSITORY } from '../command.test-kit.ts';
import { addressIn, startProcess, type ClusterProcess } from './cluster.test-kit.ts';
import { FilesOfSink } from './files-of-sink.test-kit.ts';
import { pause } from './killed-cluster.test-kit.ts';
import { TestCluster } from './test-cluster.test-kit.ts';

const SEED = Number(process.env['MILLRACE_SEED'] ?? 20_261_128);
const QUERIES = ['q3', 'q5', 'q8', 'q11'];
const EVENTS = { events: 40_000, outOfOrderGroup: 20, eventsPerSecond: 1000 };
/** Of six slots: no TaskManager is without a task. */
const PARALLELISM = 5;
/** A job that is left alone takes 5 s. */
const RATE_PER_SECOND = EVENTS.events / 5;
const KILLS_OF_A_JOB = 3;
/** The flights this many times over: one job reads for some seconds. */
const COPIES_OF_FLIGHTS = 12;
const LOOK_MILLIS = 50;
const COMPLETE = /^checkpoint \d+ is complete/;
const RESTORED = /^the job goes on from checkpoint/;

const random = Prng.of(SEED);
const home = mkdtempSync(join(tmpdir(), 'millrace-real-jobs-'));
after(() => rmSync(home, { recursive: true }));

let cluster: TestCluster;
let address: { readonly host: string; readonly port: number };
let taskManagers: ClusterProcess[] = [];
before(async () => {
  cluster = await TestCluster.start({ taskManagers: 0, slots: 0 });
  address = addressIn(await cluster.jobManager.said('JobManager ready'));
  taskManagers = await Promise.all([startTaskManager(), startTaskManager(), startTaskManager()]);
});
after(async () => {
  for (const each of taskManagers) each.kill();
  await Promise.all(taskManagers.map(({ exited }) => exited));
  await cluster.close();
});

async function startTaskManager(): Promise<ClusterProcess> {
  const started = startProcess('taskmanager', {
    'jobmanager.rpc.address': address.host,
    'jobmanager.rpc.port': address.port,
    'taskmanager.host': '127.0.0.1',
    'taskmanager.numberOfTaskSlots': 2,
  });
  await started.said('TaskManager registered');
  return started;
}

/** At random, and another takes its place. */
async function killOne(): Promise<void> {
  const index = random.below(taskManagers.length);
  const victim = taskManagers[index]!;
  victim.kill('SIGKILL');
  await victim.exited;
  taskManagers[index] = await startTaskManager();
}

/** How often the JobManager has said so. */
function said(what: RegExp): number {
  return cluster.jobManager.log.filter(({ message }) => what.test(message)).length;
}

/** Resolves when another checkpoint is complete, or the job has ended. */
async function nextCheckpoint(until: { readonly ended: boolean }): Promise<void> {
  const before = said(COMPLETE);
  while (!until.ended && said(COMPLETE) === before) await pause(LOOK_MILLIS);
}

interface Run {
  readonly moduleUrl: string;
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly output: FilesOfSink;
}

/** Runs the job, kills meanwhile, and looks at its files. @returns restores from checkpoints */
async function runAndKill(run: Run, context: TestContext): Promise<number> {
  const before = said(RESTORED);
  const client = await cluster.submit({
    ...run,
    configuration: {
      'parallelism.default': String(PARALLELISM),
      'execution.checkpointing.dir': join(home, 'checkpoints'),
      'execution.checkpointing.interval': '300 ms',
      'restart-strategy.type': 'fixed-delay',
      'restart-strategy.fixed-delay.attempts': '100',
      'restart-strategy.fixed-delay.delay': '50 ms',
    },
  });
  const until = { ended: false };
  const result = client.result().finally(() => (until.ended = true));
  const looking = (async () => {
    while (!until.ended) {
      run.output.look();
      await pause(LOOK_MILLIS);
    }
  })();
  for (let kills = 0; kills < KILLS_OF_A_JOB && !until.ended; kills += 1) {
    // Most of the time there is something new to go on from.
    if (random.below(4) > 0) await nextCheckpoint(until);
    await pause(random.below(800));
    if (!until.ended) await killOne();
  }
  const { status, error } = await result;
  await looking;
  client.close();
  assert.equal(status, 'FINISHED', JSON.stringify(error));
  run.output.requireAll();
  const restored = said(RESTORED) - before;
  context.diagnostic(`${restored} restores, ${run.output.looks} looks, ${run.output.lines} lines`);
  return restored;
}

describe(`Nexmark whose TaskManagers are killed (seed ${SEED})`, () => {
  const events: readonly Event[] = [...new NexmarkGenerator(EVENTS).events()];
  let restored = 0;
  for (const query of QUERIES) {
    const moduleUrl = new URL(`../../bench/nexmark/jobs/${query}.ts`, import.meta.url).href;
    test(`${query} gives the rows of its oracle`, { timeout: 180_000 }, async (context) => {
      const folder = join(home, query);
      const expected = ORACLES[query]!(events).map((row) => JSON.stringify(row));
      assert.ok(expected.length > 10);
      const output = new FilesOfSink(folder, expected);
      const destination = { results: 'files', output: folder };
      const parameters = { ...destination, ratePerSecond: RATE_PER_SECOND, ...EVENTS };
      restored += await runAndKill({ moduleUrl, parameters, output }, context);
    });
  }

  test('kills have struck them between two checkpoints', () => {
    assert.ok(restored >= QUERIES.length, `${restored} restores from checkpoints`);
  });
});

test(
  'the delays of flights are those of a run that nothing happens to',
  { timeout: 180_000 },
  async (context) => {
    const data = join(REPOSITORY, 'examples', 'data');
    const flights = join(home, 'flights.jsonl');
    const some = readFileSync(join(data, 'flights.jsonl'), 'utf8');
    writeFileSync(flights, some.repeat(COPIES_OF_FLIGHTS));
    const parameters = { flights, airports: join(data, 'airports.csv') };
    const example = join(REPOSITORY, 'examples', 'flight-delays.ts');
    const alone = join(home, 'flights-alone');
    const params = Object.entries({ ...parameters, out: alone }).flatMap(([name, value]) => [
      '--param',
      `${name}=${value}`,
    ]);
    const { code, stderr } = await millrace(['run', example, '-p', '1', ...params]);
    assert.equal(code, 0, stderr);
    // Every file begins with the line that names its columns.
    const expected = readdirSync(alone)
      .filter((name) => !name.startsWith('.'))
      .flatMap((name) => linesOf(readFileSync(join(alone, name), 'utf8')).slice(1));
    assert.ok(expected.length > 1000);
    let restored = 0;
    // The job is as quick as it can be: a kill may come too late.
    for (let round = 0; round < 3 && restored === 0; round += 1) {
      const out = join(home, `flights-${round}`);
      const output = new FilesOfSink(out, expected, { headers: 1 });
      const moduleUrl = pathToFileURL(example).href;
      const run = { moduleUrl, parameters: { ...parameters, out }, output };
      restored += await runAndKill(run, context);
    }
  },
);
