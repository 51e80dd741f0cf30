import assert from 'node:assert/strict';
import { test } from 'node:test';
import { milliseconds, minutes, seconds } from '../base/units.ts';
import { MetricRegistry } from './metric-registry.ts';
import { Rate } from './rate.ts';
import { SlidingHistogram } from './sliding-histogram.ts';

function registry(): { readonly errors: string[]; readonly metrics: MetricRegistry } {
  const errors: string[] = [];
  const metrics = new MetricRegistry((name, error) => errors.push(`${name}: ${String(error)}`));
  return { errors, metrics };
}

test('M1: a name is one metric, whoever asks for it', () => {
  const { metrics } = registry();
  metrics.root.counter('seen').increment(3);
  metrics.root.counter('seen').decrement();
  assert.deepEqual(metrics.read(), [{ name: 'seen', kind: 'counter', value: 2 }]);
  assert.deepEqual(metrics.counters(), [{ name: 'seen', value: 2 }]);
  assert.equal(metrics.countOf('seen'), 2);
  assert.equal(metrics.countOf('never'), 0);
  for (const wrong of [
    () => metrics.root.meter('seen'),
    () => metrics.root.histogram('seen'),
    () => metrics.root.gauge('seen', () => 1),
  ]) {
    assert.throws(wrong, { code: 'METRIC_KIND_CONFLICT' });
  }
});

test('names of groups stand in front, values of groups are labels too', () => {
  const { metrics } = registry();
  metrics.root.group('cache').counter('hits').increment();
  metrics.root.group('topic', 'orders').gauge('lag', () => 7);
  assert.deepEqual(metrics.read(), [
    { name: 'cache.hits', kind: 'counter', value: 1 },
    {
      name: 'topic.orders.lag',
      logicalName: 'topic.lag',
      labels: { topic: 'orders' },
      kind: 'gauge',
      value: 7,
    },
  ]);
});

test('names and windows that cannot be are refused', () => {
  const { metrics } = registry();
  assert.throws(() => metrics.root.counter(''), { code: 'API_INVALID_ARGUMENT' });
  assert.throws(() => metrics.root.counter(undefined as unknown as string), {
    code: 'API_INVALID_ARGUMENT',
  });
  for (const window of [0, -1, 1.5, Number.NaN, Infinity]) {
    const make = (): unknown => metrics.root.histogram('size', { window });
    assert.throws(make, { code: 'API_INVALID_ARGUMENT' });
  }
});

test('M3: a gauge that fails is left out and heard of once', () => {
  const { errors, metrics } = registry();
  metrics.root.gauge('broken', () => {
    throw new Error('no connection');
  });
  metrics.root.gauge('wrong', () => undefined as unknown as number);
  metrics.root.gauge('right', () => 'yes');
  const right = [{ name: 'right', kind: 'gauge', value: 'yes' }];
  assert.deepEqual(metrics.read(), right);
  assert.deepEqual(metrics.read(), right);
  assert.deepEqual(errors, [
    'broken: Error: no connection',
    'wrong: TypeError: a gauge gives a number or a text, not undefined',
  ]);
});

test('R1: a rate is that of its window, whatever came before', () => {
  const rate = new Rate(seconds(10));
  assert.equal(rate.perSecond, 0);
  let count = 0;
  for (let at = 0; at <= 60_000; at += 100) {
    // 10 a second for half a minute, 50 a second afterwards.
    rate.sample(milliseconds(at), count);
    count += at < 30_000 ? 1 : 5;
  }
  assert.ok(Math.abs(rate.perSecond - 50) < 0.5, String(rate.perSecond));
  for (let at = 60_100; at <= 72_000; at += 100) rate.sample(milliseconds(at), count);
  assert.equal(rate.perSecond, 0);
});

test('a meter counts, and shows its rate of the last minute', () => {
  const { metrics } = registry();
  const meter = metrics.root.meter('orders');
  metrics.tick(milliseconds(0));
  for (let second = 1; second <= 30; second++) {
    meter.mark(4);
    metrics.tick(milliseconds(second * 1000));
  }
  assert.deepEqual(metrics.read(), [{ name: 'orders', kind: 'meter', value: 120, rate: 4 }]);
  assert.equal(minutes(1), 60_000);
});

test('S2: statistics are those of the last values, the count is of all', () => {
  const histogram = new SlidingHistogram(100);
  assert.equal(histogram.statistics().count, 0);
  for (let value = 1; value <= 1100; value++) histogram.update(value);
  const { count, min, max, mean, p50, p99, p999, stddev } = histogram.statistics();
  assert.deepEqual(
    { count, min, max, mean, p50, p99, p999 },
    { count: 1100, min: 1001, max: 1100, mean: 1050.5, p50: 1050, p99: 1099, p999: 1100 },
  );
  assert.ok(Math.abs(stddev - 29.011) < 0.001, String(stddev));
});
