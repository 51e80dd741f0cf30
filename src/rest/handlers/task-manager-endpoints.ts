/** TaskManagers: what they are, have and measure; their files and threads. */
import { isEngineError } from '../../base/errors.ts';
import type { ResourceProfile } from '../../protocol/resource-profile.ts';
import type { TaskManagerInfo } from '../../protocol/task-manager-info.ts';
import type { RestCluster } from '../cluster.ts';
import { endpoint } from '../endpoint.ts';
import type { Endpoint } from '../endpoint.ts';
import { numberOf } from '../metric-view.ts';
import type { MetricMap } from '../metric-view.ts';
import { taskManagerId } from '../parameters.ts';
import { serverError } from '../rest-error.ts';
import type { RestError } from '../rest-error.ts';
import * as shape from '../shape.ts';

const { anything, boolean, integer, list, number, object, record, text } = shape;

const MEGABYTE = 1024 * 1024;

const resource = shape.named(
  'ResourceProfileInfo',
  object({
    cpuCores: number,
    taskHeapMemory: integer,
    taskOffHeapMemory: integer,
    managedMemory: integer,
    networkMemory: integer,
    extendedResources: record(anything),
  }),
);

const overview = {
  id: text,
  path: text,
  dataPort: integer,
  jmxPort: integer,
  timeSinceLastHeartbeat: integer,
  slotsNumber: integer,
  freeSlots: integer,
  assignedTasks: integer,
  totalResource: resource,
  freeResource: resource,
  hardware: object({
    cpuCores: integer,
    physicalMemory: integer,
    freeMemory: integer,
    managedMemory: integer,
  }),
  memoryConfiguration: object({
    frameworkHeap: integer,
    taskHeap: integer,
    frameworkOffHeap: integer,
    taskOffHeap: integer,
    networkMemory: integer,
    managedMemory: integer,
    jvmMetaspace: integer,
    jvmOverhead: integer,
    totalFlinkMemory: integer,
    totalProcessMemory: integer,
  }),
  blocked: shape.optional(boolean),
};

const measured = object({
  heapUsed: integer,
  heapCommitted: integer,
  heapMax: integer,
  nonHeapUsed: integer,
  nonHeapCommitted: integer,
  nonHeapMax: integer,
  directCount: integer,
  directUsed: integer,
  directMax: integer,
  mappedCount: integer,
  mappedUsed: integer,
  mappedMax: integer,
  nettyShuffleMemorySegmentsAvailable: integer,
  nettyShuffleMemorySegmentsUsed: integer,
  nettyShuffleMemorySegmentsTotal: integer,
  nettyShuffleMemoryAvailable: integer,
  nettyShuffleMemoryUsed: integer,
  nettyShuffleMemoryTotal: integer,
  garbageCollectors: list(object({ name: text, count: integer, time: integer })),
});

const details = shape.named(
  'TaskManagerDetailsInfo',
  object({
    ...overview,
    // Flink's have no port of their own.
    allocatedSlots: list(
      object({ jobId: text, resource, assignedTasks: integer, dataPort: integer }),
    ),
    metrics: measured,
  }),
);

export function taskManagerEndpoints(cluster: RestCluster): readonly Endpoint[] {
  return [
    endpoint({
      method: 'GET',
      path: '/taskmanagers',
      summary: 'All TaskManagers.',
      answer: object({ taskmanagers: list(shape.named('TaskManagerInfo', object(overview))) }),
      async handle() {
        const resourceManager = await cluster.resourceManager();
        const all = await resourceManager.requestTaskManagerInfo({ taskExecutorId: undefined });
        return { taskmanagers: all.map(overviewOf) };
      },
    }),
    endpoint({
      method: 'GET',
      path: '/taskmanagers/:taskmanagerid',
      summary: 'A TaskManager with its allocated slots and what it measures.',
      parameters: { taskmanagerid: taskManagerId },
      answer: details,
      async handle({ path }) {
        const info = await findTaskManager(cluster, path.taskmanagerid);
        if (info === undefined) throw unknownTaskManager(path.taskmanagerid);
        const metrics = (await cluster.metrics()).taskManagers.get(path.taskmanagerid);
        return {
          ...overviewOf(info),
          allocatedSlots: info.allocatedSlots.map((slot) => ({
            jobId: slot.jobId,
            resource: resourceOf(slot.resource),
            assignedTasks: slot.assignedTasks,
            dataPort: slot.dataPort,
          })),
          metrics: measuredOf(metrics ?? new Map()),
        };
      },
    }),
  ];
}

async function findTaskManager(
  cluster: RestCluster,
  id: string,
): Promise<TaskManagerInfo | undefined> {
  const resourceManager = await cluster.resourceManager();
  try {
    return (await resourceManager.requestTaskManagerInfo({ taskExecutorId: id }))[0];
  } catch (thrown) {
    if (isEngineError(thrown, 'TASK_EXECUTOR_UNKNOWN')) return undefined;
    throw thrown;
  }
}

function unknownTaskManager(id: string): RestError {
  return serverError(
    'org.apache.flink.runtime.resourcemanager.exceptions.UnknownTaskExecutorException',
    `No TaskExecutor registered under ${id}.`,
  );
}

function overviewOf(info: TaskManagerInfo) {
  return {
    id: info.id,
    path: info.path,
    dataPort: info.dataPort,
    jmxPort: -1,
    // Not a span, whatever Flink calls it.
    timeSinceLastHeartbeat: Math.round(info.lastHeartbeat),
    slotsNumber: info.slotsNumber,
    freeSlots: info.freeSlots,
    assignedTasks: info.assignedTasks,
    totalResource: resourceOf(info.totalResource),
    freeResource: resourceOf(info.freeResource),
    hardware: wholeNumbers(info.hardware),
    memoryConfiguration: wholeNumbers(info.memoryConfiguration),
  };
}

function wholeNumbers<K extends string>(values: Readonly<Record<K, number>>): Record<K, number> {
  const entries = Object.entries(values) as [K, number][];
  return Object.fromEntries(entries.map(([k, v]) => [k, Math.round(v)])) as Record<K, number>;
}

/** Memory in megabytes. */
function resourceOf(profile: ResourceProfile) {
  const megabytes = (bytes: number): number => Math.floor(bytes / MEGABYTE);
  return {
    cpuCores: profile.cpuCores,
    taskHeapMemory: megabytes(profile.taskHeapBytes),
    taskOffHeapMemory: megabytes(profile.taskOffHeapBytes),
    managedMemory: megabytes(profile.managedBytes),
    networkMemory: megabytes(profile.networkBytes),
    extendedResources: {},
  };
}

function measuredOf(metrics: MetricMap) {
  const jvm = (id: string): number => Math.round(numberOf(metrics, `Status.JVM.${id}`) ?? 0);
  const memory = (id: string): number => jvm(`Memory.${id}`);
  const netty = (id: string): number =>
    Math.round(numberOf(metrics, `Status.Shuffle.Netty.${id}`) ?? 0);
  return {
    heapUsed: memory('Heap.Used'),
    heapCommitted: memory('Heap.Committed'),
    heapMax: memory('Heap.Max'),
    nonHeapUsed: memory('NonHeap.Used'),
    nonHeapCommitted: memory('NonHeap.Committed'),
    nonHeapMax: memory('NonHeap.Max'),
    directCount: memory('Direct.Count'),
    directUsed: memory('Direct.MemoryUsed'),
    directMax: memory('Direct.TotalCapacity'),
    mappedCount: memory('Mapped.Count'),
    mappedUsed: memory('Mapped.MemoryUsed'),
    mappedMax: memory('Mapped.TotalCapacity'),
    nettyShuffleMemorySegmentsAvailable: netty('AvailableMemorySegments'),
    nettyShuffleMemorySegmentsUsed: netty('UsedMemorySegments'),
    nettyShuffleMemorySegmentsTotal: netty('TotalMemorySegments'),
    nettyShuffleMemoryAvailable: netty('AvailableMemory'),
    nettyShuffleMemoryUsed: netty('UsedMemory'),
    nettyShuffleMemoryTotal: netty('TotalMemory'),
    garbageCollectors: collectorsOf(metrics).map((name) => ({
      name,
      count: jvm(`GarbageCollector.${name}.Count`),
      time: jvm(`GarbageCollector.${name}.Time`),
    })),
  };
}

function collectorsOf(metrics: MetricMap): readonly string[] {
  const pattern = /^Status\.JVM\.GarbageCollector\.(.+)\.Count$/;
  return [...metrics.keys()].flatMap((id) => pattern.exec(id)?.[1] ?? []);
}
