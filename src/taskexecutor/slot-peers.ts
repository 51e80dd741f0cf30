/**
 * The rings in shared memory between slots of one process that exchange records: made before the
 * tasks are deployed, retired when a worker has ended.
 *
 * X1. Two workers that exchange records have exactly one ring each way, of their generation.
 * X2. When a worker has ended, its rings are retired and its peers are told and woken, once.
 * X3. The rings that live never take more memory than there is for them; where those of a
 *     deployment do not fit, none of them is made.
 */
import { EngineError } from '../base/errors.ts';
import type { Env, SharedRegion } from '../env/env.ts';
import { alarmDoorbell, doorbellWord } from '../network/doorbell.ts';
import { formatRing, retireRing, ringRegionBytes } from '../network/ring-owner.ts';
import type { RingSize } from '../network/ring-owner.ts';
import type { TaskDeployment } from '../protocol/task-deployment.ts';
import type { HostedWorker } from './hosted-worker.ts';

const RING_BYTES_MAX = 1 << 20;
/** The smallest that takes the largest frame (`FRAME_PAYLOAD_BYTES_MAX`) at any position. */
const RING_BYTES_MIN = 1 << 17;
/** All rings of one deployment together, as long as each has its minimum. */
const RINGS_TOTAL_BYTES = 1 << 26;
const RINGS_OF_PAIR = 2;
/** Of each ring, reserved for control elements. */
const CONTROL_SHARE = 16;

interface Pair {
  readonly left: HostedWorker;
  readonly right: HostedWorker;
  readonly leftToRight: SharedRegion;
  readonly rightToLeft: SharedRegion;
}

export interface PeerTasks {
  readonly worker: HostedWorker;
  readonly tasks: readonly TaskDeployment[];
}

export class SlotPeers {
  readonly #memory: Env['memory'];
  readonly #doorbells: SharedRegion;
  readonly #pairs = new Set<Pair>();

  constructor(memory: Env['memory'], doorbells: SharedRegion) {
    this.#memory = memory;
    this.#doorbells = doorbells;
  }

  /** Bytes of the rings that live. */
  get usedBytes(): number {
    let bytes = 0;
    for (const { leftToRight } of this.#pairs) bytes += RINGS_OF_PAIR * leftToRight.byteLength;
    return bytes;
  }

  /**
   * Joins the workers of one deployment; call before `deploy`.
   * @param limitBytes for all rings of the process
   * @throws EngineError NETWORK_MEMORY_INSUFFICIENT
   */
  join(taskExecutorId: string, deployed: readonly PeerTasks[], limitBytes: number): void {
    const pairs = exchangingPairs(taskExecutorId, deployed);
    if (pairs.length === 0) return;
    const rings = pairs.length * RINGS_OF_PAIR;
    const size = this.#sizeWithin(rings, limitBytes - this.usedBytes, taskExecutorId);
    for (const [left, right] of pairs) {
      const { generation } = left;
      const leftToRight = this.#ring(size, generation);
      const rightToLeft = this.#ring(size, generation);
      this.#pairs.add({ left, right, leftToRight, rightToLeft });
      left.post({ kind: 'attach-peer', slot: right.slot, generation }, [leftToRight, rightToLeft]);
      right.post({ kind: 'attach-peer', slot: left.slot, generation }, [rightToLeft, leftToRight]);
    }
  }

  /** X2. */
  gone(worker: HostedWorker, reason: string): void {
    for (const pair of this.#pairs) {
      if (pair.left !== worker && pair.right !== worker) continue;
      const { left, leftToRight, rightToLeft } = pair;
      const { generation } = worker;
      const [outgoing, incoming, peer] =
        left === worker ? [leftToRight, rightToLeft, pair.right] : [rightToLeft, leftToRight, left];
      retireRing(outgoing, generation, 'producer');
      retireRing(incoming, generation, 'consumer');
      this.#pairs.delete(pair);
      peer.post({ kind: 'detach-peer', slot: worker.slot, generation, reason });
      alarmDoorbell(this.#doorbells, doorbellWord(peer.slot));
    }
  }

  /** X3. */
  #sizeWithin(rings: number, freeBytes: number, taskExecutorId: string): RingSize {
    const size = ringSize(rings, freeBytes);
    const needed = rings * ringRegionBytes(size);
    if (needed <= freeBytes) return size;
    const kibibytes = (bytes: number): string => `${Math.floor(Math.max(bytes, 0) / 1024)} KiB`;
    throw new EngineError('NETWORK_MEMORY_INSUFFICIENT', {
      where: `TaskManager ${taskExecutorId}`,
      needed: kibibytes(needed),
      channels: `${rings} rings between its slots`,
      available: kibibytes(freeBytes),
    });
  }

  #ring(size: RingSize, generation: number): SharedRegion {
    const region = this.#memory.allocate(ringRegionBytes(size));
    formatRing(region, size, generation);
    return region;
  }
}

/** X1: each pair of workers once, in order of slots. */
export function exchangingPairs(
  taskExecutorId: string,
  deployed: readonly PeerTasks[],
): readonly (readonly [HostedWorker, HostedWorker])[] {
  const workers = new Map(deployed.map(({ worker }) => [worker.slot, worker]));
  const found = new Map<string, readonly [HostedWorker, HostedWorker]>();
  for (const { worker, tasks } of deployed) {
    for (const task of tasks) {
      for (const { channels } of [...task.inputs, ...task.outputs]) {
        for (const { location } of channels) {
          if (location.taskExecutorId !== taskExecutorId || location.slot === worker.slot) continue;
          const peer = workers.get(location.slot);
          if (peer === undefined || peer.generation !== location.generation) continue;
          const [left, right] = worker.slot < peer.slot ? [worker, peer] : [peer, worker];
          found.set(`${left.slot} ${right.slot}`, [left, right]);
        }
      }
    }
  }
  return [...found.values()];
}

/** Large rings for few pairs, small ones for many, as far as possible within `freeBytes`. */
export function ringSize(rings: number, freeBytes: number): RingSize {
  const limit = Math.min(RINGS_TOTAL_BYTES, freeBytes);
  const sizeOf = (capacityBytes: number): RingSize => ({
    ...{ capacityBytes, controlBytes: capacityBytes / CONTROL_SHARE },
  });
  let capacityBytes = RING_BYTES_MAX;
  while (capacityBytes > RING_BYTES_MIN && ringRegionBytes(sizeOf(capacityBytes)) * rings > limit) {
    capacityBytes /= 2;
  }
  return sizeOf(capacityBytes);
}
