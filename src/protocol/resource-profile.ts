/**
 * What a slot gives its tasks, or what a slot sharing group asks for: an amount of each kind of
 * resource. Amounts are of one process, cut into slots; cores may be fractions.
 */

export interface ResourceProfile {
  readonly cpuCores: number;
  /** V8's heap for user code and state. */
  readonly taskHeapBytes: number;
  /** Memory beside V8's heap: buffers of user code. */
  readonly taskOffHeapBytes: number;
  /** State on disk, sorting: memory that the engine itself divides. */
  readonly managedBytes: number;
  /** Buffers of the exchange. */
  readonly networkBytes: number;
}

export const NO_RESOURCES: ResourceProfile = {
  cpuCores: 0,
  taskHeapBytes: 0,
  taskOffHeapBytes: 0,
  managedBytes: 0,
  networkBytes: 0,
};

/** Below this much of a core two amounts are the same: fractions do not add up exactly. */
const CPU_TOLERANCE = 1e-6;

export function addResources(left: ResourceProfile, right: ResourceProfile): ResourceProfile {
  return combine(left, right, (a, b) => a + b);
}

/** What is left of `whole`; nothing is ever less than nothing. */
export function subtractResources(whole: ResourceProfile, part: ResourceProfile): ResourceProfile {
  return combine(whole, part, (a, b) => Math.max(a - b, 0));
}

/** Whether `part` can be cut out of `whole`. */
export function fitsInto(part: ResourceProfile, whole: ResourceProfile): boolean {
  return (
    part.cpuCores <= whole.cpuCores + CPU_TOLERANCE &&
    part.taskHeapBytes <= whole.taskHeapBytes &&
    part.taskOffHeapBytes <= whole.taskOffHeapBytes &&
    part.managedBytes <= whole.managedBytes &&
    part.networkBytes <= whole.networkBytes
  );
}

/** How many times `part` can be cut out of `whole`; 0 for a part that needs what is not there. */
export function timesInto(part: ResourceProfile, whole: ResourceProfile): number {
  const times = amountsOf(part).map((amount, i) =>
    amount === 0 ? Infinity : Math.floor((amountsOf(whole)[i]! + CPU_TOLERANCE) / amount),
  );
  return Math.min(...times);
}

/** Equal exactly for equal profiles; '' for that of a slot for which nothing was asked. */
export function profileKey(profile: ResourceProfile | undefined): string {
  return profile === undefined ? '' : amountsOf(profile).join(' ');
}

function amountsOf(profile: ResourceProfile): readonly number[] {
  const { cpuCores, taskHeapBytes, taskOffHeapBytes, managedBytes, networkBytes } = profile;
  return [cpuCores, taskHeapBytes, taskOffHeapBytes, managedBytes, networkBytes];
}

/** @example '0.5 cores, 256 MiB of heap' */
export function describeProfile(profile: ResourceProfile | undefined): string {
  if (profile === undefined) return 'of the default size';
  const parts = [`${profile.cpuCores} cores`];
  const memories = [
    [profile.taskHeapBytes, 'of heap'],
    [profile.taskOffHeapBytes, 'beside the heap'],
    [profile.managedBytes, 'managed'],
  ] as const;
  for (const [bytes, what] of memories) {
    if (bytes > 0) parts.push(`${Math.round(bytes / 2 ** 20)} MiB ${what}`);
  }
  return `of ${parts.join(', ')}`;
}

export function multiplyResources(profile: ResourceProfile, times: number): ResourceProfile {
  return combine(profile, profile, (a) => a * times);
}

function combine(
  left: ResourceProfile,
  right: ResourceProfile,
  by: (a: number, b: number) => number,
): ResourceProfile {
  return {
    cpuCores: roundCores(by(left.cpuCores, right.cpuCores)),
    taskHeapBytes: by(left.taskHeapBytes, right.taskHeapBytes),
    taskOffHeapBytes: by(left.taskOffHeapBytes, right.taskOffHeapBytes),
    managedBytes: by(left.managedBytes, right.managedBytes),
    networkBytes: by(left.networkBytes, right.networkBytes),
  };
}

/** So that ten tenths are one. */
function roundCores(cores: number): number {
  return Math.round(cores / CPU_TOLERANCE) * CPU_TOLERANCE;
}
