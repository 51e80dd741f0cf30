/**
 * The slots of a TaskExecutor: drives their pure machines (`task-slot.ts`), and knows which worker
 * and which job's link stand behind each.
 *
 * Y1. A call of a JobMaster touches only slots that were promised to that JobMaster (by its token).
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { SlotReport } from '../protocol/resource-manager-service.ts';
import type { SlotGeneration } from '../protocol/task-executor-service.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { HostedWorker } from './hosted-worker.ts';
import type { JobLink } from './job-link.ts';
import { stepTaskSlot } from './task-slot.ts';
import type { TaskSlotEvent, TaskSlotState } from './task-slot.ts';

/** Bound of `taskmanager.numberOfTaskSlots`. */
export const SLOTS_MAX = 1024;

export interface TableSlot {
  readonly index: number;
  state: TaskSlotState;
  link: JobLink | undefined;
  worker: HostedWorker | undefined;
  /** Who waits for the worker's end. */
  waiters: (() => void)[];
  timer: Disposable | undefined;
}

export interface SlotTableOptions {
  readonly main: MainThread;
  readonly taskExecutorId: string;
  /** How long a promised slot waits to be taken. */
  readonly slotTimeout: Duration;
  /** A slot is free again; `link`: of the job that had it. */
  readonly onFreed: (slot: TableSlot, allocationId: string, link: JobLink | undefined) => void;
}

export class SlotTable implements Iterable<TableSlot> {
  readonly #options: SlotTableOptions;
  readonly #slots: TableSlot[] = [];

  constructor(options: SlotTableOptions) {
    this.#options = options;
  }

  [Symbol.iterator](): Iterator<TableSlot> {
    return this.#slots.values();
  }

  get size(): number {
    return this.#slots.length;
  }

  get workers(): readonly HostedWorker[] {
    return this.#slots.flatMap(({ worker }) => (worker === undefined ? [] : [worker]));
  }

  at(index: number): TableSlot | undefined {
    return this.#slots[index];
  }

  add(count: number): void {
    assert(
      this.#slots.length + count <= SLOTS_MAX,
      `a TaskExecutor has at most ${SLOTS_MAX} slots`,
    );
    for (let i = 0; i < count; i++) {
      this.#slots.push({
        index: this.#slots.length,
        state: { kind: 'free' },
        link: undefined,
        worker: undefined,
        waiters: [],
        timer: undefined,
      });
    }
  }

  report(): SlotReport {
    return this.#slots.map(({ state, worker }) => {
      if (state.kind === 'free') return undefined;
      const dataPort = worker?.dataPort;
      const listening = dataPort === undefined ? {} : { dataPort };
      return { ...state.allocation, tasks: worker?.taskCount ?? 0, ...listening };
    });
  }

  /** Promised to or taken by the job of a link. */
  of(link: JobLink): readonly TableSlot[] {
    return this.#slots.filter((slot) => slot.link === link && slot.state.kind !== 'free');
  }

  /** Y1. */
  find(allocationId: string, token: string): TableSlot | undefined {
    return this.#slots.find(
      ({ state, link }) =>
        state.kind !== 'free' &&
        state.allocation.allocationId === allocationId &&
        link?.token === token,
    );
  }

  workerOf({ allocationId, generation }: SlotGeneration, token: string): HostedWorker | undefined {
    const worker = this.find(allocationId, token)?.worker;
    return worker?.generation === generation ? worker : undefined;
  }

  notAllocated(allocationId: string): EngineError {
    const { taskExecutorId: taskExecutor } = this.#options;
    return new EngineError('SLOT_NOT_ALLOCATED', { allocationId, taskExecutor });
  }

  /** False when the machine refuses. */
  step(slot: TableSlot, event: TaskSlotEvent): boolean {
    const { main } = this.#options;
    main.assertInside();
    const before = slot.state;
    const [state, effects] = stepTaskSlot(before, event, main.now());
    slot.state = state;
    if (state.kind === 'allocated' && state !== before) this.#armTimeout(slot);
    let refused = false;
    for (const effect of effects) {
      if (effect.kind === 'refuse') refused = true;
      else if (effect.kind === 'stop-worker') slot.worker?.stop();
      else this.#freed(slot, effect.allocation.allocationId);
    }
    return !refused;
  }

  free(slot: TableSlot, allocationId: string): void {
    this.step(slot, { kind: 'free', allocationId, worker: slot.worker !== undefined });
  }

  #armTimeout(slot: TableSlot): void {
    const { main, slotTimeout: timeout } = this.#options;
    slot.timer?.[Symbol.dispose]();
    slot.timer = main.after(timeout, () =>
      this.step(slot, { kind: 'tick', timeout, worker: slot.worker !== undefined }),
    );
  }

  #freed(slot: TableSlot, allocationId: string): void {
    assert(slot.worker === undefined, 'T2: a slot with a worker was freed');
    const { link } = slot;
    slot.link = undefined;
    slot.timer?.[Symbol.dispose]();
    this.#options.onFreed(slot, allocationId, link);
  }
}
