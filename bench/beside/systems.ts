/**
 * One run of a query in each system: from the submission of the job to its end, with what the
 * TaskManager has used meanwhile: its CPU, with all threads, of compilers and collectors too, and
 * the most memory that was resident.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FlinkCluster } from '../flink/flink-cluster.ts';
import type { MillraceCluster } from './millrace-cluster.ts';
import type { Files, Pair } from './pairs.ts';
import { pause, type PinnedProcess } from './pinned-process.ts';
import type { Run } from './ratio.ts';

export interface System {
  readonly name: 'ours' | 'flink';
  run(
    pair: Pair,
    files: Files,
    events: number,
  ): Promise<{ readonly run: Run; readonly accumulators: ReadonlyMap<string, number> }>;
}

/** After a job: what it leaves to do, e.g. memory to be given back, is counted with it. */
const SETTLE_MILLIS = 100;

const CHECKPOINT_INTERVAL = '10 s';

interface Ended {
  readonly wallSeconds: number;
  /** That were completed. */
  readonly checkpoints: number;
  readonly accumulators: ReadonlyMap<string, number>;
}

export class MillraceSystem implements System {
  readonly name = 'ours';
  readonly #cluster: MillraceCluster;
  readonly #folder: string;

  /** @param folder for checkpoints */
  constructor(cluster: MillraceCluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  async run(pair: Pair, files: Files, events: number) {
    return await watched(this.#cluster.taskManagers[0]!, () =>
      this.#cluster.run({
        ...pair.ours(files, events),
        configuration: checkpointing(pair, join(this.#folder, 'checkpoints-ours')),
      }),
    );
  }
}

export class FlinkSystem implements System {
  readonly name = 'flink';
  readonly #cluster: FlinkCluster;
  readonly #folder: string;

  /** @param folder for scripts of SQL and checkpoints */
  constructor(cluster: FlinkCluster, folder: string) {
    this.#cluster = cluster;
    this.#folder = folder;
  }

  async run(pair: Pair, files: Files, events: number) {
    const work = pair.flink(files, events);
    const configuration = checkpointing(pair, `file://${this.#folder}/checkpoints-flink`);
    if (!('script' in work)) {
      return await watched(this.#cluster.taskManagers[0]!, () =>
        this.#cluster.run({ ...work, configuration }),
      );
    }
    const script = join(this.#folder, `${pair.name}.sql`);
    await writeFile(script, work.script);
    const job = { mainClass: 'SqlScript', args: [script], configuration };
    return await watched(this.#cluster.taskManagers[0]!, () => this.#cluster.run(job));
  }
}

function checkpointing({ checkpoints }: Pair, folder: string): Readonly<Record<string, string>> {
  if (checkpoints !== true) return {};
  return {
    'execution.checkpointing.interval': CHECKPOINT_INTERVAL,
    'execution.checkpointing.dir': folder,
  };
}

async function watched(worker: PinnedProcess, work: () => Promise<Ended>) {
  worker.forgetPeak();
  const before = worker.cpuSeconds;
  const { wallSeconds, accumulators, checkpoints } = await work();
  await pause(SETTLE_MILLIS);
  const cpuSeconds = worker.cpuSeconds - before;
  const run: Run = { wallSeconds, cpuSeconds, peakMegabytes: worker.peakMegabytes, checkpoints };
  return { run, accumulators };
}
