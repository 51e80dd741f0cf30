// Counts the records of each key and writes every count, so that the output shows each record that
// is lost or counted twice, whatever fails, and a part of it with every checkpoint.
import { defineJob, generator, param, state, t } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';
import { keyOf } from './keyed-totals-oracle.ts';

const Numbered = t.struct({ key: t.int32, number: t.int32 });

export default defineJob({
  name: 'numbered-records',
  params: {
    records: param(t.integer, 60),
    keys: param(t.integer, 5),
    ratePerSecond: param(t.integer, 50),
    out: param(t.string, '/out'),
  },
  build(env, { records, keys, ratePerSecond, out }) {
    env
      .from(generator(t.integer, (index) => index, { count: records, ratePerSecond }))
      .uid('records')
      .keyBy((index) => keyOf(index, keys))
      .process({
        emits: Numbered,
        state: { count: state.value(t.int32, { initial: 0 }) },
        onElement(_, context) {
          const { count } = context.state;
          count.set(count.get() + 1);
          context.emit({ key: context.key, number: count.get() });
        },
      })
      .uid('numbers')
      .sinkTo(files.sink({ path: out, format: csv(Numbered) }))
      .uid('files');
  },
});
