// A job that writes the running totals of keys through the exactly-once file sink, and is slow as
// long as a file is there: `CommittedOutput` knows what must be in its files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const RECORDS = 120_000;
export const KEYS = 20;

/** Writes its module into the folder, and gives its URL; its parameters are `out` and `slow`. */
export function writeSlowJob(folder: string): string {
  const path = join(folder, 'slow-totals.ts');
  writeFileSync(path, TEXT);
  return pathToFileURL(path).href;
}

const TEXT = `import { existsSync } from 'node:fs';
import { defineJob, generator, milliseconds, state, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { text } from 'millrace/formats';

const Input = t.struct({ value: t.int32, padding: t.string });
const padding = '.'.repeat(100);

export default defineJob({
  name: 'slow totals',
  params: { out: t.string, slow: t.string },
  build(env, { out, slow }) {
    env.enableCheckpointing(milliseconds(300));
    const cell = new Int32Array(new SharedArrayBuffer(4));
    env
      .from(generator(Input, (value) => ({ value, padding }), { count: ${RECORDS} }))
      .uid('numbers')
      .keyBy(({ value }) => value % ${KEYS})
      .process({
        emits: t.string,
        state: { count: state.value(t.int32), sum: state.value(t.float64) },
        onElement({ value }, context) {
          if (existsSync(slow)) Atomics.wait(cell, 0, 0, 20);
          const count = (context.state.count.get() ?? 0) + 1;
          const sum = (context.state.sum.get() ?? 0) + value;
          context.state.count.set(count);
          context.state.sum.set(sum);
          context.emit(value + ':' + (value % ${KEYS}) + ':' + count + ':' + sum);
        },
      })
      .uid('totals')
      .sinkTo(files.sink({ path: out, format: text() }))
      .uid('files');
  },
});
`;
