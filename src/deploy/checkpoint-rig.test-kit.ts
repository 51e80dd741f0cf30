/**
 * For tests of whole jobs with checkpoints: a folder for their output and their checkpoints, and
 * what must be in it. The jobs are those of checkpointed-jobs.test-kit.ts.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { milliseconds } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { Env } from '../env/env.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { MiniCluster } from './mini-cluster.ts';

export type Settings = Readonly<Record<string, string>>;
export type Parameters = Readonly<Record<string, unknown>>;

const JOBS = new URL('./checkpointed-jobs.test-kit.ts', import.meta.url).href;

const DIRECTORY = 'execution.checkpointing.dir';
export const RETENTION = 'execution.checkpointing.externalized-checkpoint-retention';

export const LONGEST_WAIT_MILLIS = 120_000;

export class CheckpointRig implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'millrace-jobs-'));
  readonly output = join(this.path, 'out');
  readonly checkpoints = join(this.path, 'checkpoints');
  readonly #env: Env;
  #jobs = 0;

  constructor(env: Env) {
    this.#env = env;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Its JobManager keeps its jobs in the folder of the rig. */
  cluster(env: Env = this.#env, slots = 2, settings: Settings = {}): Promise<MiniCluster> {
    const configuration = Configuration.parse({
      'high-availability.type': 'filesystem',
      'high-availability.storageDir': join(this.path, 'ha'),
      ...settings,
    });
    return MiniCluster.start({ env, slots, spareWorkers: 0, configuration });
  }

  /** Counts totals by key, with checkpoints every 50 ms. */
  job(parameters: Parameters = {}, settings: Settings = {}, exportName = 'totals'): JobReference {
    return {
      jobId: this.#env.random.uuid().replaceAll('-', ''),
      ...{ moduleUrl: JOBS, exportName },
      parameters: { folder: this.output, prefix: `${this.#jobs++}-`, ...parameters },
      configuration: { [DIRECTORY]: this.checkpoints, ...settings },
    };
  }

  /** @throws AssertionError where that does not come, so that nobody waits for ever */
  async until(condition: () => boolean | Promise<boolean>): Promise<void> {
    const { clock } = this.#env;
    const since = clock.monotonic();
    while (!(await condition())) {
      const waited = clock.monotonic() - since;
      assert.ok(
        waited < LONGEST_WAIT_MILLIS,
        `waited in vain for ${waited} ms: ${condition.toString()}`,
      );
      await new Promise<void>((resolve) => clock.after(milliseconds(5), resolve));
    }
  }

  /** All lines of all files that are committed. */
  lines(): readonly string[] {
    return this.linesIn(this.output);
  }

  linesIn(folder: string): readonly string[] {
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names.flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split('\n')
        .filter((line) => line !== ''),
    );
  }

  /** Resolves when more has been committed than now. */
  async more(): Promise<void> {
    const before = this.lines().length;
    await this.until(() => this.lines().length > before);
  }

  /** Complete checkpoints of a job, the newest last. */
  complete(jobId: string): readonly string[] {
    const folder = join(this.checkpoints, jobId);
    const names = existsSync(folder) ? readdirSync(folder) : [];
    return names
      .filter((name) => name.startsWith('chk-') && existsSync(join(folder, name, '_metadata')))
      .toSorted((left, right) => Number(left.slice(4)) - Number(right.slice(4)))
      .map((name) => join(folder, name));
  }

  /** Files and folders, as paths below that of the checkpoints. */
  left(jobId = '.'): readonly string[] {
    const folder = join(this.checkpoints, jobId);
    return existsSync(folder) ? (readdirSync(folder, { recursive: true }) as string[]) : [];
  }

  /** Each total of each key is there once, and none is missing. */
  requireTotals(records: number): void {
    const counts = Map.groupBy(
      this.lines().map((line) => line.split('/').map(Number) as [number, number, number]),
      ([key]) => key,
    );
    for (let key = 0; key < 7; key++) {
      const own = counts.get(key)?.toSorted(([, left], [, right]) => left - right);
      let sum = 0;
      const expected = [];
      for (let value = key; value < records; value += 7) {
        expected.push([key, expected.length + 1, (sum += value)]);
      }
      assert.deepEqual(own, expected, `totals of key ${key}`);
    }
  }
}
