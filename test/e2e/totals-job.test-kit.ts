// A job that writes the running totals of keys through the exactly-once file sink, for tests that
// kill what it runs on: `CommittedOutput` knows what must be in its files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface TotalsJob {
  readonly records: number;
  readonly keys: number;
  readonly ratePerSecond: number;
  /** Between checkpoints. */
  readonly intervalMillis: number;
}

/** Writes its module into the folder, and gives its URL; its parameter is `out`. */
export function writeTotalsJob(folder: string, job: TotalsJob): string {
  const path = join(folder, 'totals.ts');
  writeFileSync(path, textOf(job));
  return pathToFileURL(path).href;
}

function textOf({ records, keys, ratePerSecond, intervalMillis }: TotalsJob): string {
  return `import { defineJob, generator, milliseconds, state, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { text } from 'millrace/formats';

export default defineJob({
  name: 'totals',
  params: { out: t.string },
  build(env, { out }) {
    env.enableCheckpointing(milliseconds(${intervalMillis}));
    env
      .from(generator(t.int32, (n) => n, { count: ${records}, ratePerSecond: ${ratePerSecond} }))
      .uid('numbers')
      .keyBy((n) => n % ${keys})
      .process({
        emits: t.string,
        state: { count: state.value(t.int32), sum: state.value(t.float64) },
        onElement(value, context) {
          const count = (context.state.count.get() ?? 0) + 1;
          const sum = (context.state.sum.get() ?? 0) + value;
          context.state.count.set(count);
          context.state.sum.set(sum);
          context.emit(value + ':' + (value % ${keys}) + ':' + count + ':' + sum);
        },
      })
      .uid('totals')
      .sinkTo(files.sink({ path: out, format: text() }))
      .uid('files');
  },
});
`;
}
