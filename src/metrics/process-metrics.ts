/**
 * What a process uses, under the names that Flink's dashboard and its users' alerts read. Where
 * the JVM has a thing that Node has not, the nearest is given: NonHeap is what the process holds
 * outside of V8's heap, Direct the memory of buffers, and the collectors are V8's.
 */
import type { Duration } from '../base/units.ts';
import type { ProcessUsageSample } from '../env/process-usage.ts';
import type { MetricValue } from './metric.ts';
import { Rate } from './rate.ts';

const COLLECTORS = { minor: 'Scavenge', major: 'MarkCompact', incremental: 'Incremental' } as const;

export class ProcessMetrics {
  readonly #read: () => ProcessUsageSample;
  readonly #cores: number;
  readonly #cpu: Rate;

  /** `window`: over which the load of the processors is told. */
  constructor(read: () => ProcessUsageSample, cores: number, window: Duration) {
    this.#read = read;
    this.#cores = cores;
    this.#cpu = new Rate(window);
    this.#sample(read());
  }

  values(): MetricValue[] {
    const usage = this.#read();
    this.#sample(usage);
    const nonHeap = Math.max(usage.residentSet - usage.heapCommitted, 0);
    const values: Record<string, number> = {
      'CPU.Load': this.#cpu.perSecond / 1000 / this.#cores,
      'CPU.Time': Math.round(usage.cpuTime * 1e6),
      'Memory.Heap.Used': usage.heapUsed,
      'Memory.Heap.Committed': usage.heapCommitted,
      'Memory.Heap.Max': usage.heapMax,
      'Memory.NonHeap.Used': nonHeap,
      'Memory.NonHeap.Committed': nonHeap,
      'Memory.NonHeap.Max': -1,
      'Memory.Direct.MemoryUsed': usage.arrayBuffers,
      'Memory.Direct.TotalCapacity': usage.external,
      'Memory.Process.ResidentSet': usage.residentSet,
      'Threads.Count': usage.threads,
      'FileDescriptor.Open': usage.openFiles,
      'FileDescriptor.Max': usage.openFilesMax,
      ...this.#collections(usage),
    };
    return Object.entries(values).map(([name, value]) => ({
      ...{ kind: 'gauge', name: `Status.JVM.${name}`, value },
    }));
  }

  #collections({ collections }: ProcessUsageSample): Record<string, number> {
    const values: Record<string, number> = {};
    const all = { count: 0, time: 0 };
    for (const { kind, count, time } of collections) {
      const name = `GarbageCollector.${COLLECTORS[kind]}`;
      values[`${name}.Count`] = count;
      values[`${name}.Time`] = Math.round(time);
      all.count += count;
      all.time += time;
    }
    values['GarbageCollector.All.Count'] = all.count;
    values['GarbageCollector.All.Time'] = Math.round(all.time);
    return values;
  }

  #sample({ uptime, cpuTime }: ProcessUsageSample): void {
    this.#cpu.sample(uptime, cpuTime);
  }
}
