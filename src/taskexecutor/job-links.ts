/**
 * The masters of jobs that a TaskExecutor has to do with: one link each, as long as a slot here is
 * promised to it or taken by it.
 *
 * L1. One offer of slots is under way to a master at a time: its answer to an earlier one would
 *     take from it what it has accepted by a later one.
 */
import type { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { JobMasterRegistration } from '../protocol/resource-manager-service.ts';
import type { ExecutionReport } from '../protocol/task-executor-service.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { RpcService } from '../rpc/rpc-service.ts';
import { JobLink } from './job-link.ts';
import type { SlotTable } from './slot-table.ts';

export interface JobLinksOptions {
  readonly env: Pick<Env, 'memory' | 'log'>;
  readonly main: MainThread;
  readonly rpc: RpcService;
  readonly slots: SlotTable;
  readonly taskExecutorId: string;
  readonly host: string;
  readonly heartbeat: HeartbeatOptions;
}

export class JobLinks {
  readonly #options: JobLinksOptions;
  /** By the token of the JobMaster. */
  readonly #links = new Map<string, JobLink>();

  constructor(options: JobLinksOptions) {
    this.#options = options;
  }

  has(token: string): boolean {
    return this.#links.has(token);
  }

  get(token: string): JobLink | undefined {
    return this.#links.get(token);
  }

  linkTo(jobMaster: JobMasterRegistration): JobLink {
    const known = this.#links.get(jobMaster.token);
    if (known !== undefined) return known;
    const { env, main, rpc, taskExecutorId, host, heartbeat } = this.#options;
    const link: JobLink = new JobLink({
      ...{ env, main, rpc, taskExecutorId, host, heartbeat, jobMaster },
      onRegistered: () => this.offer(link),
      onLost: (reason) => this.#lost(link, reason),
      onDismissed: () => this.#dismissed(link),
    });
    this.#links.set(jobMaster.token, link);
    return link;
  }

  /** L1. */
  offer(link: JobLink): void {
    const { main, env, slots } = this.#options;
    const { gateway } = link;
    if (gateway === undefined) return;
    if (link.offering?.gateway === gateway) {
      link.offering.again = true;
      return;
    }
    const offers = slots
      .of(link)
      .flatMap(({ index, state }) =>
        state.kind === 'allocated' ? [{ ...state.allocation, slot: index }] : [],
      );
    if (offers.length === 0) return;
    const offering = { gateway, again: false };
    link.offering = offering;
    const over = (): void => {
      if (link.offering !== offering) return;
      link.offering = undefined;
      if (offering.again) this.offer(link);
    };
    main.follow(
      gateway.offerSlots({ offers }),
      ({ accepted, rejected }) => {
        if (link.gateway !== gateway) return;
        for (const slot of slots) {
          if (slot.state.kind === 'free') continue;
          const { allocationId } = slot.state.allocation;
          if (accepted.includes(allocationId)) slots.step(slot, { kind: 'accepted', allocationId });
          if (rejected.includes(allocationId)) slots.step(slot, { kind: 'rejected', allocationId });
        }
        over();
      },
      (error) => {
        // The slot time-out gives back what no JobMaster takes.
        env.log.write('warn', `slots could not be offered: ${error.message}`);
        over();
      },
    );
  }

  /** A slot that its JobMaster has taken and does not know any more would be nobody's. */
  reconcile(link: JobLink, allocationIds: readonly string[]): ExecutionReport {
    const { env, slots } = this.#options;
    const executionIds: string[] = [];
    for (const slot of slots.of(link)) {
      const { state, worker } = slot;
      if (state.kind === 'free') continue;
      const { allocationId, jobId } = state.allocation;
      if (state.kind === 'active' && !allocationIds.includes(allocationId)) {
        const text = 'freeing a slot that its job does not know any more';
        env.log.write('warn', text, { jobId, allocationId });
        slots.free(slot, allocationId);
      } else executionIds.push(...(worker?.executionIds ?? []));
    }
    return { executionIds };
  }

  /** O1. */
  registerAgain(link: JobLink): void {
    const busy = this.#options.slots.of(link).some(({ worker }) => worker !== undefined);
    if (!busy && this.#links.has(link.token)) link.registerAgain();
  }

  /** Ends the link if nothing here is its any more, and says whether it did. */
  release(link: JobLink): boolean {
    if (this.#options.slots.of(link).length > 0) return false;
    this.#links.delete(link.token);
    link[Symbol.dispose]();
    return true;
  }

  close(): void {
    for (const link of this.#links.values()) link[Symbol.dispose]();
  }

  /** O1. */
  #lost(link: JobLink, reason: EngineError): void {
    const { env, slots } = this.#options;
    const { jobId } = link.jobMaster;
    env.log.write('warn', `lost the master of a job: ${reason.message}`, { jobId });
    for (const slot of slots.of(link)) {
      if (slot.state.kind === 'free') continue;
      const { allocationId } = slot.state.allocation;
      slots.step(slot, { kind: 'job-lost', allocationId });
      slot.worker?.stop();
    }
    this.registerAgain(link);
  }

  /** O3. What was promised to it is free for the next master of the job. */
  #dismissed(link: JobLink): void {
    const { slots } = this.#options;
    for (const slot of slots.of(link)) {
      if (slot.state.kind !== 'free') slots.free(slot, slot.state.allocation.allocationId);
    }
  }
}
