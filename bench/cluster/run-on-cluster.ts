/** Runs a job of bench/jobs on a fresh cluster of processes of this machine. */
import { readFileSync } from 'node:fs';
import { EngineError } from '../../src/base/errors.ts';
import { profileConfiguration } from '../lib/profile.ts';
import { TestCluster } from '../../test/e2e/test-cluster.test-kit.ts';
import type { TestClusterOptions } from '../../test/e2e/test-cluster.test-kit.ts';

/** Linux counts in ticks of a hundredth of a second. */
const TICKS_PER_SECOND = 100;

export interface ClusterRun extends TestClusterOptions {
  readonly parameters: Readonly<Record<string, string | number>>;
  readonly configuration: Readonly<Record<string, string>>;
}

export interface ClusterRunResult {
  /** From RUNNING to the end of the job. */
  readonly wallSeconds: number;
  /** In that time, of all processes of the cluster; undefined where it cannot be read. */
  readonly cpuSeconds: number | undefined;
  /** Summed by name. */
  readonly accumulators: Readonly<Record<string, number>>;
}

/** @param name of the job, as in bench/jobs/NAME.ts */
export async function runOnCluster(
  name: string,
  { parameters, configuration, ...size }: ClusterRun,
): Promise<ClusterRunResult> {
  const moduleUrl = new URL(`../jobs/${name}.ts`, import.meta.url).href;
  const cluster = await TestCluster.start(size);
  try {
    const client = await cluster.submit({
      ...{ moduleUrl, parameters },
      configuration: { ...configuration, ...profileConfiguration() },
    });
    const began = performance.now();
    const cpuBefore = cpuSecondsOf(cluster);
    const { status, error, accumulators } = await client.result();
    const wallSeconds = (performance.now() - began) / 1000;
    const cpuAfter = cpuSecondsOf(cluster);
    client.close();
    if (error !== undefined) throw EngineError.fromData(error);
    if (status !== 'FINISHED') throw new Error(`${name} ended ${status}`);
    return {
      wallSeconds,
      cpuSeconds: cpuBefore === undefined ? undefined : cpuAfter! - cpuBefore,
      accumulators: Object.fromEntries(accumulators.map((each) => [each.name, each.value])),
    };
  } finally {
    await cluster.close();
  }
}

function cpuSecondsOf({ jobManager, taskManagers }: TestCluster): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const ticks = [jobManager, ...taskManagers].map(({ pid }) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND;
}
