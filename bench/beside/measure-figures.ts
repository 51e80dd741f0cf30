/**
 * What is no rate of a query, in both systems: latency over a keyed edge between two TaskManagers,
 * how long starts, recovery and checkpoints take. All cores are used, by both.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { FlinkCluster } from '../flink/flink-cluster.ts';
import { JAVA_OPTIONS, type FlinkHome } from '../flink/flink-home.ts';
import { machineMicros } from '../cluster/paced-source.ts';
import type { CheckpointStatistics } from './checkpoint-statistics.ts';
import { ALL_CORES } from './cores.ts';
import type { Figure } from './figures.ts';
import { MillraceCluster } from './millrace-cluster.ts';
import { pause } from './pinned-process.ts';
import { spreadOf } from './ratio.ts';

export interface FigureOptions {
  readonly home: FlinkHome;
  readonly folder: string;
  readonly runs: number;
}

type Options = Readonly<Record<string, string>>;

const LAUNCHER = join(import.meta.dirname, '../../bin/millrace.js');
const MEMORY = { 'taskmanager.memory.process.size': '4 gb' };

/** Each as soon as it is there. */
export async function* measureFigures(options: FigureOptions): AsyncGenerator<Figure> {
  yield* clusterStart(options);
  yield* wordCount(options);
  yield* latency(options, 'default settings', {});
  yield* latency(options, 'buffer time-out 0', { 'execution.buffer-timeout.interval': '0 ms' });
  yield* checkpoints(options);
  yield* recovery(options, 'default settings', {});
  yield* recovery(options, 'heartbeats of 1 s, time-out 3 s, no delay', TUNED);
}

const TUNED = {
  'heartbeat.interval': '1 s',
  'heartbeat.timeout': '3 s',
  'restart-strategy.type': 'fixed-delay',
  'restart-strategy.fixed-delay.delay': '0 s',
  'restart-strategy.fixed-delay.attempts': '10',
};

function ofBoth(
  name: string,
  about: string,
  unit: Figure['unit'],
  [ours, flink]: readonly [readonly number[], readonly number[]],
): Figure {
  return { name, about, unit, ours: spreadOf(ours), flink: spreadOf(flink) };
}

async function startFlink(
  { home, folder }: FigureOptions,
  taskManagers: number,
  options: Options = MEMORY,
): Promise<FlinkCluster> {
  const size = { taskManagers, cores: ALL_CORES };
  return await FlinkCluster.start({ home, folder: join(folder, 'flink'), ...size, options });
}

async function startMillrace(
  { folder }: FigureOptions,
  taskManagers: number,
  options: Options = MEMORY,
): Promise<MillraceCluster> {
  const size = { taskManagers, cores: ALL_CORES };
  return await MillraceCluster.start({ folder: join(folder, 'millrace'), ...size, options });
}

async function* clusterStart(options: FigureOptions): AsyncGenerator<Figure> {
  const seconds: [number[], number[]] = [[], []];
  for (let run = 0; run < options.runs; run += 1) {
    for (const [i, start] of [startMillrace, startFlink].entries()) {
      const began = performance.now();
      const cluster = await start(options, 1);
      seconds[i]!.push((performance.now() - began) / 1000);
      await cluster.close();
    }
  }
  yield ofBoth(
    'cluster start',
    'a JobManager and a TaskManager, until it is registered',
    's',
    seconds,
  );
}

/** Of the text of examples/word-count.ts, in a process of its own each. */
async function* wordCount({ home, runs }: FigureOptions): AsyncGenerator<Figure> {
  const text = 'To be, or not to be, that is the question: whether it is nobler in the mind';
  const seconds: [number[], number[]] = [[], []];
  const commands = [
    {
      command: process.execPath,
      args: [LAUNCHER, 'run', 'examples/word-count.ts', '--param', `text=${text}`],
    },
    {
      command: 'java',
      args: [...JAVA_OPTIONS, '-cp', `${home.jar}:${home.classPath}`, 'WordCount', text],
    },
  ];
  const counted: string[] = [];
  for (let run = 0; run < runs; run += 1) {
    for (const [i, { command, args }] of commands.entries()) {
      const began = performance.now();
      const { stdout } = await promisify(execFile)(command, args);
      seconds[i]!.push((performance.now() - began) / 1000);
      const lines = stdout.split('\n').filter((line) => /^[a-z]+ \d+$/.test(line));
      counted[i] = lines.sort().join('\n');
    }
  }
  if (counted[0] !== counted[1] || counted[0] === '') {
    throw new Error(`words are counted differently:\n${counted.join('\n\n')}`);
  }
  yield ofBoth('WordCount', 'in one process, from its start to its end', 's', seconds);
}

const PER_SECOND = 10_000;
const UNCOUNTED = 3 * PER_SECOND;
const RECORDS = UNCOUNTED + 5 * PER_SECOND;

async function* latency(
  options: FigureOptions,
  settings: string,
  configuration: Options,
): AsyncGenerator<Figure> {
  const found: [ReadonlyMap<string, number>[], ReadonlyMap<string, number>[]] = [[], []];
  const ours = await startMillrace(options, 2);
  try {
    const parameters = { records: RECORDS, perSecond: PER_SECOND, uncounted: UNCOUNTED };
    const moduleUrl = new URL('../jobs/latency.ts', import.meta.url).href;
    for (let run = 0; run < options.runs; run += 1) {
      const result = await ours.run({ moduleUrl, parameters, configuration });
      found[0].push(result.accumulators);
    }
  } finally {
    await ours.close();
  }
  const flink = await startFlink(options, 2);
  try {
    const args = [RECORDS, PER_SECOND, UNCOUNTED].map(String);
    for (let run = 0; run < options.runs; run += 1) {
      const result = await flink.run({ mainClass: 'PacedLatency', args, configuration });
      found[1].push(result.accumulators);
    }
  } finally {
    await flink.close();
  }
  for (const [name, shown] of [
    ['p50', 'p50'],
    ['p99', 'p99'],
    ['p999', 'p99.9'],
  ] as const) {
    const millis = found.map((runs) => runs.map((each) => each.get(name)! / 1000));
    const about = 'over a keyed edge between two TaskManagers, 10,000 records of 100 B a second';
    const both = [millis[0]!, millis[1]!] as const;
    yield ofBoth(`latency ${shown}, ${settings}`, about, 'ms', both);
  }
}

const ACCOUNTS = 1_000_000;
const INTERVAL = { 'execution.checkpointing.interval': '1 s' };

async function* checkpoints(options: FigureOptions): AsyncGenerator<Figure> {
  const found: CheckpointStatistics['newest'][][] = [];
  const ours = await startMillrace(options, 1);
  try {
    const client = await ours.submit({
      moduleUrl: new URL('jobs/heap-state.ts', import.meta.url).href,
      parameters: { keys: ACCOUNTS },
      configuration: {
        ...INTERVAL,
        'execution.checkpointing.dir': join(options.folder, 'checkpoints-ours'),
      },
    });
    found.push(await newestOf(() => ours.checkpoints(client.jobId), options.runs));
    await client.cancel();
    await client.result();
    client.close();
  } finally {
    await ours.close();
  }
  const flink = await startFlink(options, 1);
  try {
    const id = await flink.submit({
      mainClass: 'HeapState',
      args: [String(ACCOUNTS)],
      configuration: {
        ...INTERVAL,
        'execution.checkpointing.dir': `file://${options.folder}/checkpoints-flink`,
      },
    });
    found.push(await newestOf(() => flink.checkpoints(id), options.runs));
    await flink.cancel(id);
  } finally {
    await flink.close();
  }
  const of = (read: (newest: NonNullable<CheckpointStatistics['newest']>) => number) =>
    [found[0]!.map((each) => read(each!)), found[1]!.map((each) => read(each!))] as const;
  const about = '1,000,000 accounts on the heap, while records come at full speed';
  yield ofBoth(
    'checkpoint, time',
    about,
    's',
    of(({ millis }) => millis / 1000),
  );
  yield ofBoth(
    'checkpoint, size',
    about,
    'MB',
    of(({ bytes }) => bytes / 1e6),
  );
}

/** Checkpoints after which the state is complete. */
const WITHOUT = 3;

async function newestOf(ask: () => Promise<CheckpointStatistics>, count: number) {
  const found: CheckpointStatistics['newest'][] = [];
  let last = -1;
  while (found.length < WITHOUT + count) {
    const { newest } = await ask();
    if (newest !== undefined && newest.id !== last) {
      last = newest.id;
      found.push(newest);
    }
    await pause(20);
  }
  return found.slice(WITHOUT);
}

/** With a spare TaskManager at hand; checkpoints every 0.5 s. */
async function* recovery(
  options: FigureOptions,
  settings: string,
  tuned: Options,
): AsyncGenerator<Figure> {
  const parallel = { 'parallelism.default': '2', 'execution.checkpointing.interval': '500 ms' };
  const ours = await startMillrace(options, 2, { ...MEMORY, ...heartbeats(tuned) });
  const flink = await startFlink(options, 2, {
    'taskmanager.memory.process.size': '1500 mb',
    ...heartbeats(tuned),
  });
  const seconds: [number[], number[]] = [[], []];
  try {
    seconds[0].push(
      await killed(ours, async (folder) => {
        const client = await ours.submit({
          moduleUrl: new URL('../jobs/first-records.ts', import.meta.url).href,
          parameters: { folder },
          configuration: {
            'parallelism.default': '2',
            'execution.checkpointing.dir': join(folder, 'checkpoints'),
            ...strategy(tuned),
          },
        });
        return async () => {
          await client.cancel();
          await client.result();
          client.close();
        };
      }),
    );
    seconds[1].push(
      await killed(flink, async (folder) => {
        const id = await flink.submit({
          mainClass: 'FirstRecords',
          args: [folder],
          configuration: {
            ...parallel,
            'execution.checkpointing.dir': `file://${folder}/checkpoints`,
            ...strategy(tuned),
          },
        });
        return () => flink.cancel(id);
      }),
    );
  } finally {
    await ours.close();
    await flink.close();
  }
  const about = 'from kill -9 of a TaskManager to the first new output, a spare at hand';
  yield ofBoth(`recovery, ${settings}`, about, 's', seconds);
}

function heartbeats(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key.startsWith('heartbeat')));
}

function strategy(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key.startsWith('restart')));
}

/** Of the job before the kill. */
const UNDISTURBED_MILLIS = 4000;
const LONGEST_MILLIS = 120_000;

/** @param start the job; the folder gets a file by its first record after each start */
async function killed(
  cluster: FlinkCluster | MillraceCluster,
  start: (folder: string) => Promise<() => Promise<void>>,
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const cancel = await start(folder);
    await recordOf(folder, (attempt) => attempt === 1);
    // Both TaskManagers are taken: this one is the spare.
    await cluster.addTaskManager();
    await pause(UNDISTURBED_MILLIS);
    const at = machineMicros();
    cluster.taskManagers[0]!.kill('SIGKILL');
    // More than one attempt may be needed.
    const output = await recordOf(folder, (attempt) => attempt > 1);
    await cancel();
    return (output - at) / 1e6;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** When an attempt put out its first record, once there is one. */
async function recordOf(folder: string, isIt: (attempt: number) => boolean): Promise<number> {
  const latest = performance.now() + LONGEST_MILLIS;
  for (;;) {
    const attempt = readdirSync(folder).find((name) => /^\d+$/.test(name) && isIt(Number(name)));
    const content = attempt === undefined ? '' : readFileSync(join(folder, attempt), 'utf8');
    if (content !== '') return Number(content);
    if (performance.now() > latest) throw new Error(`no record for ${LONGEST_MILLIS} ms`);
    await pause(5);
  }
}
