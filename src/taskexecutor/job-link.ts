/**
 * A TaskExecutor's standing with the master of one job: the connection, the lease, and the slots it
 * has offered. A connection that is lost ends all workers of the job here, because what was under
 * way on it is lost too; only when they are gone does the TaskExecutor register again.
 *
 * A break that is over within `GRACE` (rpc/resumable-connection.ts) is none: nothing on the way is
 * lost by it.
 *
 * O1. The link registers only while no worker of the job lives in this process.
 * O2. The lease of a connection is renewed by its own answers only, with the time of asking, and is
 *     revoked when the connection is lost.
 * O3. A master that has ended, or whose place another one has taken, never takes a slot again:
 *     `onDismissed` is called once then, and the link dials no more.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Env, SharedRegion } from '../env/env.ts';
import { jobMasterService } from '../protocol/job-master-service.ts';
import type { JobMasterAnswer, JobMasterService } from '../protocol/job-master-service.ts';
import { LEASE_BYTES, renewLease, revokeLease } from '../protocol/lease.ts';
import type { JobMasterRegistration } from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import { HeartbeatWatch } from '../rpc/heartbeat.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { Registration } from '../rpc/registration.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

/** A lease is renewed this many times in its duration. */
const RENEWALS_PER_LEASE = 4;

export interface JobLinkOptions {
  readonly env: Pick<Env, 'memory' | 'log'>;
  readonly main: MainThread;
  readonly rpc: RpcService;
  readonly jobMaster: JobMasterRegistration;
  readonly taskExecutorId: string;
  /** Where the data ports of the slots are reached. */
  readonly host: string;
  readonly heartbeat: HeartbeatOptions;
  /** The link stands: offer the job's slots. */
  readonly onRegistered: () => void;
  /** The link is lost: end the job's workers, then call `registerAgain`. */
  readonly onLost: (reason: EngineError) => void;
  /** O3: give the job's slots back. */
  readonly onDismissed: () => void;
}

/** What an address answers at which this master is not any more. */
const DISMISSALS: ReadonlySet<string> = new Set(['RPC_FENCED', 'RPC_NO_ENDPOINT']);

interface Session {
  readonly connection: RpcConnection;
  readonly gateway: Gateway<JobMasterService>;
  readonly lease: SharedRegion;
  readonly leaseDuration: Duration;
  readonly watch: HeartbeatWatch;
  timer: Disposable | undefined;
}

export class JobLink implements Disposable {
  readonly jobMaster: JobMasterRegistration;
  readonly #options: JobLinkOptions;
  #registration: Registration<JobMasterAnswer> | undefined;
  #session: Session | undefined;
  #disposed = false;
  /** Whether a client takes the messages of the job's sinks, as far as is known here. */
  clientAttached = true;
  /** An offer of slots that is under way, and whether there are more meanwhile. */
  offering: { readonly gateway: Gateway<JobMasterService>; again: boolean } | undefined;
  /** State that was sent ahead of the tasks that come next. */
  staged: Uint8Array[] = [];

  constructor(options: JobLinkOptions) {
    this.#options = options;
    this.jobMaster = options.jobMaster;
    this.registerAgain();
  }

  get token(): string {
    return this.jobMaster.token;
  }

  /** Undefined while the link does not stand: what is told then would reach nobody. */
  get gateway(): Gateway<JobMasterService> | undefined {
    return this.#session?.gateway;
  }

  /** The lease for workers that are started now. */
  get lease(): SharedRegion | undefined {
    return this.#session?.lease;
  }

  /** O1: the caller sees to it that no worker of the job lives. */
  registerAgain(): void {
    if (this.#disposed || this.#registration !== undefined) return;
    const { main, rpc, env, jobMaster, taskExecutorId, host } = this.#options;
    this.#registration = new Registration({
      main,
      rpc,
      address: jobMaster.address,
      resumable: true,
      register: (connection) =>
        this.#gatewayOn(connection).registerTaskExecutor({ taskExecutorId, host }),
      registered: (connection, { leaseDuration, clientAttached }) => {
        this.clientAttached = clientAttached;
        this.#begin(connection, leaseDuration);
      },
      lost: (reason) => this.#lost(reason),
      failed: (reason) => {
        const { jobId } = jobMaster;
        const message = `cannot register with the master of a job: ${reason.message}`;
        env.log.write('warn', message, { jobId });
        if (DISMISSALS.has(reason.code)) this.#dismissed();
      },
    });
  }

  /** The JobMaster has shown that it lives. */
  sign(): void {
    this.#session?.watch.sign();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#endSession();
    this.#registration?.[Symbol.dispose]();
    this.#registration = undefined;
  }

  #gatewayOn(connection: RpcConnection): Gateway<JobMasterService> {
    const { endpoint, token } = this.jobMaster;
    return connection.gateway(jobMasterService, endpoint, token);
  }

  #begin(connection: RpcConnection, leaseDuration: Duration): void {
    const { env, main, heartbeat } = this.#options;
    const session: Session = {
      connection,
      gateway: this.#gatewayOn(connection),
      lease: env.memory.allocate(LEASE_BYTES),
      leaseDuration,
      watch: new HeartbeatWatch(main, heartbeat, () => connection.close()),
      timer: undefined,
    };
    this.#session = session;
    this.#renew(session);
    this.#options.onRegistered();
  }

  /** O2. */
  #renew(session: Session): void {
    const { main } = this.#options;
    const asked = main.now();
    main.follow(
      session.gateway.renewLease({}),
      () => {
        if (this.#session !== session) return;
        renewLease(session.lease, milliseconds(asked + session.leaseDuration));
      },
      // Without answer the lease runs out; whether the connection still serves, heartbeats decide.
      () => undefined,
    );
    session.timer = main.after(milliseconds(session.leaseDuration / RENEWALS_PER_LEASE), () =>
      this.#renew(session),
    );
  }

  #lost(reason: EngineError): void {
    this.#endSession();
    this.#registration?.[Symbol.dispose]();
    this.#registration = undefined;
    this.#options.onLost(reason);
  }

  /** O3. */
  #dismissed(): void {
    this.#registration?.[Symbol.dispose]();
    this.#registration = undefined;
    this.#disposed = true;
    this.#options.onDismissed();
  }

  #endSession(): void {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    revokeLease(session.lease);
    session.timer?.[Symbol.dispose]();
    session.watch[Symbol.dispose]();
  }
}
