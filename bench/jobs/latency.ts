// Records at a fixed rate over a keyed edge to another slot, which notes how long after it was due
// each of them came. The accumulators are the percentiles, in microseconds.
import { defineJob, discard, param, t, type MetricGroup } from 'millrace';
import { machineMicros, pacedRecords } from '../cluster/paced-source.ts';

const KEYS = 1000;
/** With two doubles, a record of about 100 bytes. */
const TEXT_LENGTH = 82;
const PERCENTILES = { p50: 0.5, p99: 0.99, p999: 0.999, max: 1 };

export default defineJob({
  name: 'latency',
  params: {
    records: param(t.integer, 60_000),
    perSecond: param(t.integer, 10_000),
    /** The first ones, while code is compiled. */
    uncounted: param(t.integer, 20_000),
  },
  build(env, { records, perSecond, uncounted }) {
    let metrics: MetricGroup | undefined;
    let micros: Float64Array | undefined;
    let count = 0;
    env
      .from(pacedRecords({ records, perSecond, keys: KEYS, text: 'x'.repeat(TEXT_LENGTH) }))
      .slotSharingGroup('from')
      .keyBy((record) => record.key)
      .process({
        emits: t.float64,
        open(context) {
          metrics = context.metrics;
          micros = new Float64Array(records);
        },
        onElement(record) {
          if (count >= uncounted) micros![count - uncounted] = machineMicros() - record.due;
          count += 1;
        },
        onEnd() {
          const counted = micros!.subarray(0, count - uncounted).toSorted();
          const at = (part: number): number => counted[Math.floor((counted.length - 1) * part)]!;
          metrics!.counter('received').increment(count);
          for (const [name, part] of Object.entries(PERCENTILES)) {
            metrics!.counter(name).increment(Math.round(at(part)));
          }
        },
      })
      .slotSharingGroup('to')
      .sinkTo(discard())
      .slotSharingGroup('to');
  },
});
