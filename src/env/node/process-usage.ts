/**
 * What this process uses, asked of Node, V8 and (on Linux) the files of `/proc`, which are read at
 * once: they are in memory.
 */
import { milliseconds } from '../../base/units.ts';
import type { GarbageCollections, ProcessUsage, ProcessUsageSample } from '../process-usage.ts';

type Kind = GarbageCollections['kind'];

export function nodeProcessUsage(): ProcessUsage {
  const fs = process.getBuiltinModule('node:fs');
  const v8 = process.getBuiltinModule('node:v8');
  const collections = watchCollections();
  const openFilesMax = limitOfOpenFiles(fs);
  return {
    read(): ProcessUsageSample {
      const memory = process.memoryUsage();
      const { user, system } = process.cpuUsage();
      return {
        cpuTime: milliseconds((user + system) / 1000),
        uptime: milliseconds(process.uptime() * 1000),
        residentSet: memory.rss,
        heapUsed: memory.heapUsed,
        heapCommitted: memory.heapTotal,
        heapMax: v8.getHeapStatistics().heap_size_limit,
        arrayBuffers: memory.arrayBuffers,
        external: memory.external,
        threads: numberIn(fs, '/proc/self/status', /^Threads:\s+(\d+)$/m),
        openFiles: openFiles(fs),
        openFilesMax,
        collections: collections.read(),
      };
    },
    [Symbol.dispose]: () => collections.stop(),
  };
}

function watchCollections(): {
  readonly read: () => readonly GarbageCollections[];
  readonly stop: () => void;
} {
  const { PerformanceObserver, constants } = process.getBuiltinModule('node:perf_hooks');
  const found: Record<Kind, { count: number; millis: number }> = {
    minor: { count: 0, millis: 0 },
    major: { count: 0, millis: 0 },
    incremental: { count: 0, millis: 0 },
  };
  const kinds: Readonly<Record<number, Kind>> = {
    [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
    [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
    [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  };
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // Node's types do not know the details of entries of the collector.
      const { detail } = entry as { readonly detail?: { readonly kind?: number } };
      const kind = kinds[detail?.kind ?? -1];
      if (kind === undefined) continue;
      found[kind].count++;
      found[kind].millis += entry.duration;
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return {
    read: () =>
      (Object.keys(found) as Kind[]).map((kind) => {
        const { count, millis } = found[kind];
        return { kind, count, time: milliseconds(millis) };
      }),
    stop: () => observer.disconnect(),
  };
}

type Files = typeof import('node:fs');

function openFiles(fs: Files): number {
  try {
    // The folder itself is open while it is read.
    return fs.readdirSync('/proc/self/fd').length - 1;
  } catch {
    return -1;
  }
}

function limitOfOpenFiles(fs: Files): number {
  return numberIn(fs, '/proc/self/limits', /^Max open files\s+(\d+)/m);
}

/** -1 where there is no such file or line: not every system tells. */
function numberIn(fs: Files, path: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(fs.readFileSync(path, 'utf8'))?.[1] ?? -1);
  } catch {
    return -1;
  }
}
