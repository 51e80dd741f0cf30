/**
 * A TaskExecutor's standing with the ResourceManager. While it is lost nothing changes for the jobs
 * that run; the report at the next registration tells the ResourceManager what it has missed.
 */
import { EngineError } from '../base/errors.ts';
import { minutes } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Log } from '../env/env.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type { ResourceManagerService, SlotReport } from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import type { TaskManagerDescription } from '../protocol/task-manager-info.ts';
import { HeartbeatWatch } from '../rpc/heartbeat.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { Registration } from '../rpc/registration.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

const BETWEEN_ERRORS = minutes(1);

const TLS_FIX =
  'Certificates of the cluster must be of one authority: look at security.ssl.internal.enabled and millrace.security.ssl.internal.ca on both sides.';

export interface ResourceManagerLinkOptions {
  readonly main: MainThread;
  readonly rpc: RpcService;
  readonly log: Log;
  readonly address: string;
  readonly taskExecutorId: string;
  readonly heartbeat: HeartbeatOptions;
  /** After this long without a ResourceManager the TaskExecutor ends. */
  readonly registrationTimeout: Duration;
  readonly report: () => SlotReport;
  readonly onRegistered?: (() => void) | undefined;
  readonly description: () => TaskManagerDescription;
}

export class ResourceManagerLink implements Disposable {
  readonly #options: ResourceManagerLinkOptions;
  readonly #registration: Registration<string>;
  #gateway: Gateway<ResourceManagerService> | undefined;
  #watch: HeartbeatWatch | undefined;
  #timeout: Disposable | undefined;
  /** Until an error may be said again. */
  #quiet: Disposable | undefined;
  /** Of the leader session with which this TaskExecutor is registered, or is about to be. */
  token: string | undefined;

  constructor(options: ResourceManagerLinkOptions) {
    this.#options = options;
    const { main, rpc, address, log } = options;
    this.#registration = new Registration({
      ...{ main, rpc, address },
      register: (connection) => this.#register(connection),
      registered: (connection) => this.#registered(connection),
      lost: (reason) => {
        this.#end();
        log.write('warn', `lost the ResourceManager: ${reason.message}`);
        this.#armTimeout();
      },
      failed: (reason) => this.#failed(reason),
    });
    this.#armTimeout();
  }

  sign(): void {
    this.#watch?.sign();
  }

  slotFreed(slot: number, allocationId: string): void {
    const { taskExecutorId } = this.#options;
    this.#gateway?.slotFreed({ taskExecutorId, slot, allocationId });
  }

  reportSlots(): void {
    const { taskExecutorId, report, description } = this.#options;
    const { slotsNumber, totalResource } = description();
    const total = { slotsNumber, totalResource };
    this.#gateway?.reportSlots({ taskExecutorId, slots: report(), total });
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#timeout?.[Symbol.dispose]();
    this.#speakAgain();
    this.#registration[Symbol.dispose]();
  }

  async #register(connection: RpcConnection): Promise<string> {
    const anonymous = connection.gateway(resourceManagerService, RESOURCE_MANAGER, '');
    const { token } = await anonymous.identify({});
    const { main, taskExecutorId, report, description } = this.#options;
    const gateway = connection.gateway(resourceManagerService, RESOURCE_MANAGER, token);
    let slots: SlotReport = [];
    main.run(() => {
      // Requests may come before the answer to the registration.
      this.token = token;
      this.#gateway = gateway;
      slots = report();
    });
    await gateway.registerTaskExecutor({ taskExecutorId, slots, description: description() });
    return token;
  }

  /** What does not heal by waiting is an error, said at once and then rarely. */
  #failed(reason: EngineError): void {
    const { main, log } = this.#options;
    const message = `cannot register with the ResourceManager: ${reason.message}`;
    const fix = fixOf(reason);
    if (fix === undefined) {
      log.write('info', message);
      return;
    }
    if (this.#quiet !== undefined) return;
    log.write('error', `${message} ${fix}`, { code: reason.code });
    this.#quiet = main.after(BETWEEN_ERRORS, () => (this.#quiet = undefined));
  }

  #armTimeout(): void {
    const { main, address, registrationTimeout } = this.#options;
    this.#timeout = main.after(registrationTimeout, () => {
      const timeout = `${registrationTimeout} ms`;
      main.fatal(new EngineError('TASK_EXECUTOR_UNREGISTERED', { address, timeout }));
    });
  }

  #registered(connection: RpcConnection): void {
    this.#timeout?.[Symbol.dispose]();
    this.#speakAgain();
    this.#watch = new HeartbeatWatch(this.#options.main, this.#options.heartbeat, () =>
      connection.close(),
    );
    this.#options.onRegistered?.();
  }

  #speakAgain(): void {
    this.#quiet?.[Symbol.dispose]();
    this.#quiet = undefined;
  }

  #end(): void {
    this.token = undefined;
    this.#gateway = undefined;
    this.#watch?.[Symbol.dispose]();
  }
}

/** Undefined for what may heal by waiting. */
function fixOf({ code, fix, parameters }: EngineError): string | undefined {
  if (code === 'RPC_SECRET_MISMATCH' || code === 'RPC_VERSION_MISMATCH') return fix;
  return parameters['tls'] === 'refused' ? TLS_FIX : undefined;
}
