/** Metrics for tests of functions, connectors and operators, that tell what is counted. */
import type { MetricGroup } from '../functions/metric-group.ts';
import { MetricRegistry } from '../metrics/metric-registry.ts';

/** `onCount` hears of every change of a counter. */
export function countingMetrics(
  onCount: (name: string, by: number) => void = () => undefined,
): MetricGroup {
  const { root } = new MetricRegistry((gauge, error) => {
    throw new Error(`the gauge ${gauge} failed`, { cause: error });
  });
  return {
    counter: (name) => {
      const counter = root.counter(name);
      return {
        increment(by = 1) {
          counter.increment(by);
          onCount(name, by);
        },
        decrement(by = 1) {
          counter.decrement(by);
          onCount(name, -by);
        },
        get count() {
          return counter.count;
        },
      };
    },
    gauge: (name, read) => root.gauge(name, read),
    meter: (name) => root.meter(name),
    histogram: (name, options) => root.histogram(name, options),
    group: (name, value) => root.group(name, value),
  };
}
