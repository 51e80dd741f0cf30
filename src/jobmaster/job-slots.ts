/**
 * The slots of a job and the TaskExecutors that have given them: drives the pure machine of
 * scheduling/slot-pool.ts and tells the job machine what became of its requests.
 *
 * V1. `at(i)` is the slot that serves request i exactly while the pool has it assigned.
 * V2. When a session ends, all slots of it are lost without proof, whatever was under way; its
 *     TaskExecutor's next registration is the proof, because it registers only without workers.
 * V3. Effects of the pool are executed in the order in which they came about.
 * V4. A slot that its TaskExecutor does not know as one of this job is lost.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import { profileKey } from '../protocol/resource-profile.ts';
import type { SlotOfferAnswer, SlotOffers } from '../protocol/job-master-service.ts';
import type { ExecutionReport, HeldSlots } from '../protocol/task-executor-service.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { JobEvent } from '../scheduling/job-state.ts';
import { initialSlotPool, nextSlotPoolDeadline, stepSlotPool } from '../scheduling/slot-pool.ts';
import type {
  PooledSlot,
  ProfileNeed,
  SlotPoolEffect,
  SlotPoolEvent,
  SlotPoolOptions,
  SlotPoolState,
} from '../scheduling/slot-pool.ts';
import { TaskExecutorSession } from './task-executor-session.ts';

/** A slot that serves a request of the job machine. */
export interface AssignedSlot extends PooledSlot {
  readonly session: TaskExecutorSession;
  /** Of its present worker. */
  dataPort: number;
}

export interface JobSlotsOptions extends SlotPoolOptions {
  readonly main: MainThread;
  readonly token: string;
  readonly heartbeat: HeartbeatOptions;
  readonly leaseDuration: Duration;
  readonly feed: (event: JobEvent) => void;
  /** Not all slots came in time. */
  readonly onTimedOut: (error: EngineError) => void;
  /** Declares to the ResourceManager. */
  readonly declare: (needs: readonly ProfileNeed[]) => void;
  /** What the slot of a request must have; '' for the default. */
  readonly profileOf: (request: number) => string;
  /** Executions that were deployed to the slots of these requests and have not ended. */
  readonly running: (requests: readonly number[]) => readonly string[];
  /** Of those, some that are not there. */
  readonly onMissing: (session: TaskExecutorSession, executionIds: readonly string[]) => void;
  /** What there is, for the error about slots that did not come. */
  readonly available: () => string;
}

/** The last worker of a lost slot. */
interface LostSlot {
  readonly taskExecutorId: string;
  /** From when on it cannot act any more. */
  readonly leaseEnd: Duration;
  readonly generation: number;
}

export class JobSlots {
  readonly #options: JobSlotsOptions;
  readonly #sessions = new Map<string, TaskExecutorSession>();
  readonly #assigned: (AssignedSlot | undefined)[] = [];
  /** Slots whose worker may live. */
  readonly #doubtful = new Map<number, LostSlot>();
  readonly #leaseEnds = new Map<number, Pick<LostSlot, 'taskExecutorId' | 'leaseEnd'>>();
  readonly #effects: { readonly effect: SlotPoolEffect; readonly lost: EngineError | undefined }[] =
    [];
  #executing = false;
  #pool: SlotPoolState;
  #timer: Disposable | undefined;

  constructor(options: JobSlotsOptions) {
    this.#options = options;
    this.#pool = initialSlotPool(options);
  }

  /** The slot of a request. */
  at(request: number): AssignedSlot | undefined {
    return this.#assigned[request];
  }

  get assignedCount(): number {
    return this.#assigned.filter((slot) => slot !== undefined).length;
  }

  requestOf(allocationId: string): number | undefined {
    const request = this.#assigned.findIndex((slot) => slot?.allocationId === allocationId);
    return request < 0 ? undefined : request;
  }

  /** Tells every TaskExecutor whether there is a client that takes the messages of sinks. */
  clientChanged(attached: boolean): void {
    for (const { gateway } of this.#sessions.values()) gateway.clientChanged({ attached });
  }

  sessionOn(connection: RpcConnection): TaskExecutorSession | undefined {
    return this.#sessions.values().find((session) => session.connection === connection);
  }

  register(taskExecutorId: string, host: string, connection: RpcConnection): void {
    const earlier = this.#sessions.get(taskExecutorId);
    if (earlier !== undefined) this.#lost(earlier, 'it has registered again');
    earlier?.connection.close();
    for (const [slot, doubt] of this.#doubtful) {
      if (doubt.taskExecutorId !== taskExecutorId) continue;
      this.#doubtful.delete(slot);
      this.#options.feed({ kind: 'slot-stopped', slot, generation: doubt.generation });
    }
    const { main, token, heartbeat, leaseDuration } = this.#options;
    const session = new TaskExecutorSession({
      ...{ main, token, heartbeat, leaseDuration, taskExecutorId, host, connection },
      held: (of) => this.#heldAt(of),
      onMissing: (of, executionIds) => this.#options.onMissing(of, executionIds),
      onLost: (lost, reason) => this.#lost(lost, reason),
    });
    this.#sessions.set(taskExecutorId, session);
  }

  #heldAt({ taskExecutorId }: TaskExecutorSession): HeldSlots & ExecutionReport {
    const slots = [...this.#pool.slots.values()];
    const own = slots.filter((slot) => slot.taskExecutorId === taskExecutorId);
    return {
      allocationIds: own.map(({ allocationId }) => allocationId),
      executionIds: this.#options.running(own.flatMap(({ request }) => request ?? [])),
    };
  }

  offer(session: TaskExecutorSession, { offers }: SlotOffers): SlotOfferAnswer {
    const { taskExecutorId } = session;
    const effects = this.#step({
      ...{ kind: 'offer', taskExecutorId },
      offers: offers.map(({ allocationId, slot, resource }) => ({
        ...{ allocationId, slot },
        profile: profileKey(resource),
      })),
    });
    const answer = effects.find((effect) => effect.kind === 'answer');
    assert(answer !== undefined, 'an offer is answered');
    return { accepted: answer.accepted, rejected: answer.rejected };
  }

  request(request: number): void {
    this.#step({ kind: 'request', request, profile: this.#options.profileOf(request) });
  }

  /** Nothing of the job runs in the slot of the request any more. */
  release(request: number): void {
    this.#assigned[request] = undefined;
    this.#step({ kind: 'release', request });
  }

  /** V4. Its TaskExecutor says that it is none of this job. */
  gone(allocationId: string, error: EngineError): void {
    this.#step({ kind: 'slot-gone', allocationId }, error);
  }

  /** Calls for `lease-over` when nothing of a lost slot can act any more. */
  awaitLease(slot: number, generation: number): void {
    const { main, feed } = this.#options;
    const last = this.#leaseEnds.get(slot);
    assert(last !== undefined, 'V2: a slot is in doubt only after it was lost');
    this.#doubtful.set(slot, { ...last, generation });
    main.after(milliseconds(Math.max(last.leaseEnd - main.now(), 0)), () => {
      this.#doubtful.delete(slot);
      feed({ kind: 'lease-over', slot, generation });
    });
  }

  /** The job has ended: gives everything back. */
  end(): void {
    this.#step({ kind: 'end' });
    this.#timer?.[Symbol.dispose]();
  }

  close(): void {
    for (const { connection } of this.#sessions.values()) connection.close();
  }

  #lost(session: TaskExecutorSession, reason: string): void {
    const { taskExecutorId } = session;
    if (this.#sessions.get(taskExecutorId) !== session) return;
    this.#sessions.delete(taskExecutorId);
    const error = new EngineError('TASK_EXECUTOR_LOST', { taskExecutor: taskExecutorId, reason });
    this.#step({ kind: 'task-executor-lost', taskExecutorId }, error);
  }

  /** V3: what follows from an effect waits until those before it are executed. */
  #step(event: SlotPoolEvent, lost?: EngineError): readonly SlotPoolEffect[] {
    const [pool, effects] = stepSlotPool(this.#pool, event, this.#options.main.now());
    this.#pool = pool;
    this.#effects.push(...effects.map((effect) => ({ effect, lost })));
    if (this.#executing) return effects;
    this.#executing = true;
    for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
      this.#execute(next.effect, next.lost);
    }
    this.#executing = false;
    this.#armTimer();
    return effects;
  }

  #armTimer(): void {
    const { main } = this.#options;
    this.#timer?.[Symbol.dispose]();
    const due = nextSlotPoolDeadline(this.#pool);
    if (due === undefined) return;
    const delay = milliseconds(Math.max(due - main.now(), 1));
    this.#timer = main.after(delay, () => void this.#step({ kind: 'tick' }));
  }

  /** V1. */
  #execute(effect: SlotPoolEffect, lost: EngineError | undefined): void {
    const { feed, declare } = this.#options;
    switch (effect.kind) {
      case 'declare':
        declare(effect.needs);
        break;
      case 'assign': {
        const session = this.#sessions.get(effect.slot.taskExecutorId);
        assert(session !== undefined, 'V2: a slot came from a TaskExecutor that is not there');
        this.#assigned[effect.request] = { ...effect.slot, session, dataPort: 0 };
        feed({ kind: 'slot-assigned', slot: effect.request });
        break;
      }
      case 'lost': {
        const { request: slot } = effect;
        const { taskExecutorId, session } = this.#assigned[slot]!;
        assert(lost !== undefined, 'V2: a slot is lost for a reason');
        this.#assigned[slot] = undefined;
        this.#leaseEnds.set(slot, { taskExecutorId, leaseEnd: session.leaseEnd });
        feed({ kind: 'slot-lost', slot, proof: false, error: lost });
        break;
      }
      case 'free':
        this.#free(effect.slot);
        break;
      case 'timed-out': {
        const { required, available } = effect;
        const timeout = `${this.#options.requestTimeout} ms`;
        const reason = this.#options.available();
        const parameters = { required, available, timeout, reason };
        const error = new EngineError('SLOT_REQUEST_TIMEOUT', parameters);
        this.#options.onTimedOut(error);
        break;
      }
      case 'answer':
        break;
    }
  }

  #free({ taskExecutorId, allocationId }: PooledSlot): void {
    const session = this.#sessions.get(taskExecutorId);
    if (session === undefined) return;
    this.#options.main.follow(
      session.gateway.freeSlot({ allocationId }),
      () => undefined,
      // The TaskExecutor frees what belongs to a lost JobMaster.
      () => session.connection.close(),
    );
  }
}
