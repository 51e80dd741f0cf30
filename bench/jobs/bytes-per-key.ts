// A count per key, of keys that are random over 2^53, and at the end the memory of the process,
// as the accumulators `resident` and `external`. With 0 keys the same records go the same way and
// nothing is kept, so that the state alone makes the difference.
import { defineJob, discard, param, state, t, type MetricGroup } from 'millrace';
import { memoryOfProcess } from '../windows/memory-of-process.ts';

export default defineJob({
  name: 'bytes-per-key',
  params: { records: param(t.integer, 1_000_000), keys: param(t.integer, 1_000_000) },
  build(env, { records, keys }) {
    let metrics: MetricGroup | undefined;
    env
      .sequence(0, records - 1)
      .map(spread)
      .keyBy((key) => key)
      .process({
        emits: t.float64,
        state: { count: state.value(t.float64, { initial: 0 }) },
        open: (context) => void (metrics = context.metrics),
        onElement(key, ctx) {
          if (keys > 0) ctx.state.count.set(ctx.state.count.get() + (key % 2) + 1);
        },
        onEnd(ctx) {
          let found = 0;
          ctx.forEachKey('count', (key) => {
            if (ctx.state.count.get() === (key % 2) + 1) found += 1;
          });
          if (found !== keys) throw new Error(`${found} of ${keys} keys are there`);
          const { resident, external } = memoryOfProcess();
          metrics!.counter('resident').increment(resident);
          metrics!.counter('external').increment(external);
        },
      })
      .sinkTo(discard());
  },
});

/** Another whole number below 2^53 for each of 2^26. */
function spread(n: number): number {
  const low = permuted(n);
  return permuted(low ^ 0x155_5555) * 2 ** 27 + low * 2 + (n & 1);
}

/** 26 bits, each of the results once. */
function permuted(word: number): number {
  let bits = word;
  for (let round = 0; round < 3; round += 1) {
    bits = Math.imul(bits, 0x2c1_b3c7) & 0x3ff_ffff;
    bits ^= bits >>> 13;
  }
  return bits;
}
