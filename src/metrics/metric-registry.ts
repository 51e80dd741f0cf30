/**
 * The metrics registered by one owner (a function in one subtask, a task, a process), by name.
 *
 * M1. A name is one metric of one kind.
 * M2. Counting is one addition; names are looked up at registration only.
 * M3. Reading never fails because of one gauge: what its function throws goes to `onGaugeError`,
 *     once for each gauge, and the gauge is left out.
 */
import { EngineError } from '../base/errors.ts';
import { minutes } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Counter, Histogram, Meter, MetricGroup } from '../functions/metric-group.ts';
import type { MetricKind, MetricValue } from './metric.ts';
import { Rate } from './rate.ts';
import { SlidingHistogram } from './sliding-histogram.ts';

const METER_WINDOW = minutes(1);
const HISTOGRAM_WINDOW = 1000;

type GaugeErrorHandler = (name: string, error: unknown) => void;

/** Where a metric stands among the groups. */
interface Place {
  readonly name: string;
  readonly logicalName: string;
  readonly labels: Readonly<Record<string, string>>;
}

type Registered = Place &
  (
    | { readonly kind: 'counter'; readonly metric: CountingCounter }
    | { readonly kind: 'gauge'; readonly read: () => number | string; failed: boolean }
    | { readonly kind: 'meter'; readonly metric: CountingMeter }
    | { readonly kind: 'histogram'; readonly metric: SlidingHistogram }
  );

export class MetricRegistry {
  readonly #metrics = new Map<string, Registered>();
  readonly #onGaugeError: GaugeErrorHandler;
  readonly #meters: CountingMeter[] = [];
  readonly root: MetricGroup;

  constructor(onGaugeError: GaugeErrorHandler) {
    this.#onGaugeError = onGaugeError;
    this.root = new RegisteredGroup(this, { name: '', logicalName: '', labels: {} });
  }

  counter(place: Place): Counter {
    const make = (): Registered => ({ ...place, kind: 'counter', metric: new CountingCounter() });
    return this.#metric(place, 'counter', make).metric;
  }

  gauge(place: Place, read: () => number | string): void {
    if (this.#metrics.has(place.name)) throw conflict(place.name, this.#metrics, 'gauge');
    this.#metrics.set(place.name, { ...place, kind: 'gauge', read, failed: false });
  }

  meter(place: Place): Meter {
    return this.#metric(place, 'meter', () => {
      const metric = new CountingMeter();
      this.#meters.push(metric);
      return { ...place, kind: 'meter', metric };
    }).metric;
  }

  histogram(place: Place, window: number = HISTOGRAM_WINDOW): Histogram {
    if (!Number.isSafeInteger(window) || window < 1) {
      throw new EngineError('API_INVALID_ARGUMENT', {
        call: `metrics.histogram("${place.name}")`,
        reason: `its window is ${window}; it must be a whole number of at least 1`,
      });
    }
    const make = (): Registered => ({
      ...place,
      kind: 'histogram',
      metric: new SlidingHistogram(window),
    });
    return this.#metric(place, 'histogram', make).metric;
  }

  /** For the rates of meters: now and then, e.g. once a second. */
  tick(now: Duration): void {
    for (const meter of this.#meters) meter.rate.sample(now, meter.count);
  }

  /** Of a counter, 0 if nobody has asked for it. */
  countOf(name: string): number {
    const registered = this.#metrics.get(name);
    return registered?.kind === 'counter' ? registered.metric.count : 0;
  }

  counters(): readonly { readonly name: string; readonly value: number }[] {
    return [...this.#metrics.values()].flatMap((each) =>
      each.kind === 'counter' ? [{ name: each.name, value: each.metric.count }] : [],
    );
  }

  read(): MetricValue[] {
    return [...this.#metrics.values()].flatMap((each): MetricValue[] => {
      const value = this.#value(each);
      return value === undefined ? [] : [value];
    });
  }

  /** M1. */
  #metric<K extends MetricKind>(
    { name }: Place,
    kind: K,
    make: () => Registered,
  ): Extract<Registered, { kind: K }> {
    let known = this.#metrics.get(name);
    if (known === undefined) this.#metrics.set(name, (known = make()));
    if (known.kind !== kind) throw conflict(name, this.#metrics, kind);
    return known as Extract<Registered, { kind: K }>;
  }

  #value(registered: Registered): MetricValue | undefined {
    const { name, logicalName, labels } = registered;
    const named = logicalName === name ? { name } : { name, logicalName, labels };
    switch (registered.kind) {
      case 'counter':
        return { ...named, kind: 'counter', value: registered.metric.count };
      case 'meter': {
        const { count, rate } = registered.metric;
        return { ...named, kind: 'meter', value: count, rate: rate.perSecond };
      }
      case 'histogram':
        return { ...named, kind: 'histogram', value: registered.metric.statistics() };
      case 'gauge':
        return this.#gauge(registered, named);
    }
  }

  /** M3. */
  #gauge(
    gauge: Extract<Registered, { kind: 'gauge' }>,
    named: Pick<MetricValue, 'name' | 'logicalName' | 'labels'>,
  ): MetricValue | undefined {
    try {
      const value: unknown = gauge.read();
      if (typeof value === 'number' || typeof value === 'string') {
        return { ...named, kind: 'gauge', value };
      }
      throw new TypeError(`a gauge gives a number or a text, not ${typeof value}`);
    } catch (error) {
      if (!gauge.failed) this.#onGaugeError(gauge.name, error);
      gauge.failed = true;
      return undefined;
    }
  }
}

function conflict(
  name: string,
  metrics: ReadonlyMap<string, Registered>,
  wanted: MetricKind,
): EngineError {
  return new EngineError('METRIC_KIND_CONFLICT', {
    name,
    wanted,
    is: metrics.get(name)!.kind,
  });
}

class RegisteredGroup implements MetricGroup {
  readonly #registry: MetricRegistry;
  readonly #at: Place;

  constructor(registry: MetricRegistry, at: Place) {
    this.#registry = registry;
    this.#at = at;
  }

  counter(name: string): Counter {
    return this.#registry.counter(this.#place(name));
  }

  gauge(name: string, read: () => number | string): void {
    this.#registry.gauge(this.#place(name), read);
  }

  meter(name: string): Meter {
    return this.#registry.meter(this.#place(name));
  }

  histogram(name: string, options: { readonly window?: number | undefined } = {}): Histogram {
    return this.#registry.histogram(this.#place(name), options.window);
  }

  group(name: string, value?: string): MetricGroup {
    const { name: full, logicalName, labels } = this.#place(name);
    const at: Place =
      value === undefined
        ? { name: `${full}.`, logicalName: `${logicalName}.`, labels }
        : {
            name: `${full}.${value}.`,
            logicalName: `${logicalName}.`,
            labels: { ...labels, [name]: value },
          };
    return new RegisteredGroup(this.#registry, at);
  }

  #place(name: string): Place {
    if (typeof name !== 'string' || name === '') {
      throw new EngineError('API_INVALID_ARGUMENT', {
        call: 'metrics',
        reason: `the name of a metric is ${JSON.stringify(name) ?? 'undefined'}; it must be a text`,
      });
    }
    const { name: prefix, logicalName, labels } = this.#at;
    return { name: prefix + name, logicalName: logicalName + name, labels };
  }
}

class CountingCounter implements Counter {
  count = 0;

  increment(by = 1): void {
    this.count += by;
  }

  decrement(by = 1): void {
    this.count -= by;
  }
}

class CountingMeter implements Meter {
  count = 0;
  readonly rate = new Rate(METER_WINDOW);

  mark(events = 1): void {
    this.count += events;
  }
}
