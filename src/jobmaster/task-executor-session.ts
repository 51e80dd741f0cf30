/**
 * One registration of a TaskExecutor with the master of a job: its connection, heartbeats, and
 * until when the leases that were granted on it can hold.
 *
 * U1. No lease is granted once the session has ended.
 * U2. `leaseEnd` is no earlier than the end of any lease granted, whatever the network did.
 * U3. What a heartbeat asks about was told on the connection before it, and what has ended is told
 *     on it before the answer: an execution that is not in the answer is lost.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Gateway } from '../protocol/service.ts';
import { taskExecutorService, TASK_EXECUTOR } from '../protocol/task-executor-service.ts';
import type {
  ExecutionReport,
  HeldSlots,
  TaskExecutorService,
} from '../protocol/task-executor-service.ts';
import { sendHeartbeats } from '../rpc/heartbeat.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';

/** Part of a lease that is waited beyond its end, because no two clocks run alike. */
const LEASE_MARGIN = 0.25;

export interface SessionOptions {
  readonly main: MainThread;
  readonly taskExecutorId: string;
  readonly host: string;
  readonly connection: RpcConnection;
  readonly token: string;
  readonly heartbeat: HeartbeatOptions;
  readonly leaseDuration: Duration;
  /** What the JobMaster has there now: slots, and executions that were deployed and run. */
  readonly held: (session: TaskExecutorSession) => HeldSlots & ExecutionReport;
  /** Executions that the TaskExecutor does not run, and nobody has said why. */
  readonly onMissing: (session: TaskExecutorSession, executionIds: readonly string[]) => void;
  readonly onLost: (session: TaskExecutorSession, reason: string) => void;
}

interface Expectation {
  readonly expected: readonly string[];
}

export class TaskExecutorSession {
  readonly taskExecutorId: string;
  readonly host: string;
  readonly connection: RpcConnection;
  readonly gateway: Gateway<TaskExecutorService>;
  readonly #main: MainThread;
  readonly #leaseDuration: Duration;
  readonly #heartbeats: Disposable;
  #leaseEnd: Duration | undefined;

  constructor(options: SessionOptions) {
    const { main, connection, token, heartbeat } = options;
    this.taskExecutorId = options.taskExecutorId;
    this.host = options.host;
    this.connection = connection;
    this.gateway = connection.gateway(taskExecutorService, TASK_EXECUTOR, token);
    this.#main = main;
    this.#leaseDuration = options.leaseDuration;
    let reason = 'the connection was lost';
    this.#heartbeats = sendHeartbeats(
      main,
      heartbeat,
      () => this.#beat(options),
      ({ expected, executionIds }) => {
        const there = new Set(executionIds);
        const missing = expected.filter((each) => !there.has(each));
        if (missing.length > 0) options.onMissing(this, missing);
      },
      (why) => {
        reason = why;
        connection.close();
      },
    );
    connection.onClosed(() =>
      main.run(() => {
        this.#heartbeats[Symbol.dispose]();
        options.onLost(this, reason);
      }),
    );
  }

  /** U3. */
  async #beat({ held }: SessionOptions): Promise<ExecutionReport & Expectation> {
    const { allocationIds, executionIds: expected } = held(this);
    const { executionIds } = await this.gateway.heartbeatFromJobMaster({ allocationIds });
    return { expected, executionIds };
  }

  /** U2: the lease runs from the time of asking, which was earlier than now. */
  grantLease(): void {
    this.#leaseEnd = milliseconds(this.#main.now() + this.#leaseDuration * (1 + LEASE_MARGIN));
  }

  /** From when on no worker of this session can act on the outside. */
  get leaseEnd(): Duration {
    return this.#leaseEnd ?? milliseconds(0);
  }
}
