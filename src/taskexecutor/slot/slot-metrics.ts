/**
 * Everything measured in a slot under Flink's names, for whoever asks: the dashboard, reporters,
 * scripts. Rates and shares need samples over time: `tick` takes them.
 */
import { minutes, seconds } from '../../base/units.ts';
import type { Duration } from '../../base/units.ts';
import type { MetricScope, MetricValue, ScopedMetrics } from '../../metrics/metric.ts';
import { Rate } from '../../metrics/rate.ts';
import type { TaskMetrics } from '../../protocol/slot-messages.ts';
import type { OperatorRecords } from '../../operators/operator-chain.ts';
import type { OperatorMetrics } from './operator-metrics.ts';

/** As in Flink: records and bytes over a minute, shares of time over some seconds. */
const RATE_WINDOW = minutes(1);
const TIME_WINDOW = seconds(5);
/** Flink's value of a watermark that does not exist yet: the least of a 64-bit integer. */
const NO_WATERMARK = '-9223372036854775808';
const END_OF_TIME = '9223372036854775807';

/** A task as far as its metrics go. */
export interface MeasuredTask {
  readonly attempt: number;
  readonly taskName: string;
  /** In the order of the chain. */
  readonly operators: readonly OperatorMetrics[];
  recordsOf(place: number): OperatorRecords;
  read(): TaskMetrics;
}

export interface SlotMetricsOptions {
  readonly host: string;
  readonly taskManagerId: string;
  readonly jobId: string;
  readonly jobName: string;
}

/** What only ever grows, with what of it has a rate. */
const COUNTS = {
  numRecordsIn: ({ recordsIn }) => recordsIn,
  numRecordsOut: ({ recordsOut }) => recordsOut,
  numBytesIn: ({ bytesIn }) => bytesIn,
  numBytesOut: ({ bytesOut }) => bytesOut,
  numBuffersOut: ({ exchange }) => exchange.buffersOut,
  'Shuffle.Netty.Input.numBytesInLocal': ({ exchange }) => exchange.bytesInLocal,
  'Shuffle.Netty.Input.numBytesInRemote': ({ exchange }) => exchange.bytesInRemote,
  'Shuffle.Netty.Input.numBuffersInLocal': ({ exchange }) => exchange.buffersInLocal,
  'Shuffle.Netty.Input.numBuffersInRemote': ({ exchange }) => exchange.buffersInRemote,
} as const satisfies Readonly<Record<string, (counts: TaskMetrics) => number>>;

const TIMES = {
  busyTimeMs: ({ busyMillis }) => busyMillis,
  idleTimeMs: ({ idleMillis }) => idleMillis,
  backPressuredTimeMs: ({ backPressuredMillis }) => backPressuredMillis,
} as const satisfies Readonly<Record<string, (counts: TaskMetrics) => number>>;

const RATES = { ...COUNTS, ...TIMES };
type CountName = keyof typeof COUNTS;
type RateName = keyof typeof RATES;
const COUNT_NAMES = Object.keys(COUNTS) as readonly CountName[];
const RATE_NAMES = Object.keys(RATES) as readonly RateName[];

/** Of each operator of a chain. */
const RECORDS = {
  numRecordsIn: ({ recordsIn }) => recordsIn,
  numRecordsOut: ({ recordsOut }) => recordsOut,
} as const satisfies Readonly<Record<string, (records: OperatorRecords) => number>>;
type RecordsName = keyof typeof RECORDS;
const RECORDS_NAMES = Object.keys(RECORDS) as readonly RecordsName[];

interface Measured {
  readonly task: MeasuredTask;
  readonly rates: Readonly<Record<RateName, Rate>>;
  /** Of each operator. */
  readonly operatorRates: readonly Readonly<Record<RecordsName, Rate>>[];
}

export class SlotMetrics {
  readonly #options: SlotMetricsOptions;
  readonly #tasks: Measured[] = [];

  constructor(options: SlotMetricsOptions) {
    this.#options = options;
  }

  add(task: MeasuredTask): void {
    const rates = Object.fromEntries(
      RATE_NAMES.map((name) => [name, new Rate(name in TIMES ? TIME_WINDOW : RATE_WINDOW)]),
    ) as Record<RateName, Rate>;
    const operatorRates = task.operators.map(() => ({
      numRecordsIn: new Rate(RATE_WINDOW),
      numRecordsOut: new Rate(RATE_WINDOW),
    }));
    this.#tasks.push({ task, rates, operatorRates });
  }

  /** About once a second. Gives what every task has counted. */
  tick(now: Duration): TaskMetrics[] {
    return this.#tasks.map(({ task, rates, operatorRates }) => {
      const counts = task.read();
      for (const name of RATE_NAMES) rates[name].sample(now, RATES[name](counts));
      for (const [place, rate] of operatorRates.entries()) {
        const records = task.recordsOf(place);
        for (const name of RECORDS_NAMES) rate[name].sample(now, RECORDS[name](records));
      }
      for (const { registry } of task.operators) registry.tick(now);
      return counts;
    });
  }

  read(): ScopedMetrics[] {
    return this.#tasks.flatMap(({ task, rates, operatorRates }) => {
      const counts = task.read();
      const { vertex: vertexId, subtask } = counts;
      const { attempt, taskName } = task;
      const at = { ...this.#options, vertexId, taskName, subtask, attempt };
      return [
        { scope: { kind: 'task', ...at }, metrics: taskMetrics(counts, rates) },
        ...task.operators.map((operator, place): ScopedMetrics => {
          const { operatorId, operatorName, registry } = operator;
          const scope: MetricScope = { kind: 'operator', ...at, operatorId, operatorName };
          const records = recordsMetrics(task.recordsOf(place), operatorRates[place]!);
          const taken = new Set(records.map(({ name }) => name));
          const own = registry.read().filter(({ name }) => !taken.has(name));
          return { scope, metrics: [...records, ...own] };
        }),
      ];
    });
  }
}

function recordsMetrics(
  records: OperatorRecords,
  rates: Measured['operatorRates'][number],
): MetricValue[] {
  return RECORDS_NAMES.flatMap((name): MetricValue[] => [
    { kind: 'counter', name, value: RECORDS[name](records) },
    { kind: 'gauge', name: `${name}PerSecond`, value: rates[name].perSecond },
  ]);
}

function taskMetrics(counts: TaskMetrics, rates: Measured['rates']): MetricValue[] {
  const gauge = (name: string, value: number | string): MetricValue => ({
    ...{ kind: 'gauge', name, value },
  });
  const counted = COUNT_NAMES.flatMap((name): MetricValue[] => [
    { kind: 'counter', name, value: COUNTS[name](counts) },
    gauge(`${name}PerSecond`, rates[name].perSecond),
  ]);
  const { exchange } = counts;
  const input = 'Shuffle.Netty.Input.Buffers';
  const output = 'Shuffle.Netty.Output.Buffers';
  const share = (name: RateName): number => Math.min(Math.max(rates[name].perSecond, 0), 1000);
  const backPressured = share('backPressuredTimeMs');
  return [
    ...counted,
    gauge('busyTimeMsPerSecond', share('busyTimeMs')),
    gauge('idleTimeMsPerSecond', share('idleTimeMs')),
    gauge('backPressuredTimeMsPerSecond', backPressured),
    // A task of ours never blocks in the middle of a record: it is not called while output is held.
    gauge('softBackPressuredTimeMsPerSecond', backPressured),
    gauge('hardBackPressuredTimeMsPerSecond', 0),
    gauge('accumulateBusyTimeMs', counts.busyMillis),
    gauge('accumulateIdleTimeMs', counts.idleMillis),
    gauge('accumulateBackPressuredTimeMs', counts.backPressuredMillis),
    gauge('isBackPressured', backPressured > 0 ? 'true' : 'false'),
    gauge('currentInputWatermark', watermarkText(counts)),
    gauge('numLateRecordsDropped', counts.lateRecordsDropped),
    gauge(`${input}.inputQueueLength`, exchange.inputQueueLength),
    gauge(`${input}.inputQueueSize`, exchange.inputQueueSize),
    gauge(`${input}.inPoolUsage`, exchange.inPoolUsage),
    gauge(`${input}.inputExclusiveBuffersUsage`, exchange.inputExclusiveBuffersUsage),
    gauge(`${input}.inputFloatingBuffersUsage`, exchange.inputFloatingBuffersUsage),
    gauge(`${output}.outputQueueLength`, exchange.outputQueueLength),
    gauge(`${output}.outputQueueSize`, exchange.outputQueueSize),
    gauge(`${output}.outPoolUsage`, exchange.outPoolUsage),
  ];
}

function watermarkText({ watermark, waitsFor }: TaskMetrics): string {
  if (watermark !== undefined) return String(watermark);
  return waitsFor === undefined ? END_OF_TIME : NO_WATERMARK;
}
