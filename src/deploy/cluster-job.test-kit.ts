// The job of the cluster simulation: numbers over an exchange by key into a sink with a committer
// that leaves a file for each of its committables, so that a commit which comes twice changes
// nothing.
import type { DataStream } from '../api/data-stream.ts';
import { defineJob, type Job } from '../api/define-job.ts';
import { milliseconds } from '../base/units.ts';
import { generator } from '../connectors/generator/generator.ts';
import type { Sink } from '../functions/sink.ts';
import type { WatermarkAlignment } from '../functions/watermark-strategy.ts';
import { t } from '../types/index.ts';

export const OUT = '/shared/out';

export const RECORDS = 400;

/** Done in less than a second. */
export const quick = defineJob({
  name: 'quick',
  build(env) {
    env
      .sequence(0, RECORDS - 1)
      .keyBy((n) => n % 16)
      .reduce((_last, n) => n, t.float64)
      .sinkTo(filesOnCommit());
  },
});

/** The same records, in some seconds. */
export const steady = defineJob({
  name: 'steady',
  build(env) {
    env
      .from(generator(t.float64, (n) => n, { count: RECORDS, ratePerSecond: 100 }))
      .keyBy((n) => n % 16)
      .reduce((_last, n) => n, t.float64)
      .sinkTo(filesOnCommit());
  },
});

/** Event time of the records: 10, 20 ... those of the slow source are negative numbers. */
function twoSources(name: string, alignment: WatermarkAlignment | undefined): Job {
  return defineJob({
    name,
    build(env) {
      const source = (sign: number, ratePerSecond: number): DataStream<number> =>
        env
          .from(
            generator(t.float64, (i) => sign * (i + 1) * 10, { count: 300, ratePerSecond }),
            {
              timestamp: (n) => Math.abs(n),
              generator: () => ({ onEvent: (_n, at, output) => output.emitWatermark(at) }),
              alignment,
            },
          )
          .setParallelism(1);
      source(-1, 100).union(source(1, 1000)).sinkTo(filesOnCommit()).setParallelism(1);
    },
  });
}

/** One source is ten times as fast as the other. */
export const apart: Job = twoSources('apart', undefined);
/** The same, kept together. */
export const together: Job = twoSources('together', {
  group: 'both',
  maxDrift: milliseconds(100),
  updateInterval: milliseconds(50),
});

/** Of two sources without end one gives a record and then nothing more. */
export const held: Job = defineJob({
  name: 'held',
  build(env) {
    const source = (name: string, ratePerSecond: number): DataStream<number> =>
      env
        .from(
          generator(t.float64, (i) => i * 1000, { ratePerSecond }),
          { timestamp: (n) => n },
        )
        .name(name);
    source('lively', 100)
      .union(source('nearly silent', 0.001))
      .keyBy((n) => n % 16)
      .reduce((_last, n) => n, t.float64)
      .sinkTo(filesOnCommit());
  },
});

function filesOnCommit(): Sink<number, string> {
  return {
    kind: 'sink',
    name: 'files on commit',
    accepts: t.float64,
    committable: t.string,
    createWriter({ subtask, attempt }) {
      const written: unknown[] = [];
      return {
        write: (value) => void written.push(value),
        flush: () => undefined,
        prepareCommit: () => [`${subtask}-${attempt} ${written.join(' ')}`],
        close: () => undefined,
      };
    },
    createCommitter({ env }) {
      return {
        async commit(requests) {
          for (const { committable: each } of requests) {
            const name = each.slice(0, each.indexOf(' '));
            const file = await env.disk.open(`${OUT}/${name}`, 'write');
            await file.write(new TextEncoder().encode(each), 0);
            await file.sync();
            await file.close();
          }
          await env.disk.syncDirectory(OUT);
        },
      };
    },
  };
}
