/**
 * A JobMaster's standing with the ResourceManager: what the job needs is declared when the link
 * stands and whenever it changes. A lost link changes nothing for slots that the job has.
 */
import type { Log } from '../env/env.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type {
  JobMasterRegistration,
  ResourceManagerService,
  SlotRequirement,
} from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import { HeartbeatWatch } from '../rpc/heartbeat.ts';
import type { HeartbeatOptions } from '../rpc/heartbeat.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import { Registration } from '../rpc/registration.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

export interface RequirementLinkOptions {
  readonly main: MainThread;
  readonly rpc: RpcService;
  readonly log: Log;
  /** Of the ResourceManager. */
  readonly address: string;
  readonly jobMaster: JobMasterRegistration;
  readonly heartbeat: HeartbeatOptions;
}

export class RequirementLink implements Disposable {
  readonly #options: RequirementLinkOptions;
  readonly #registration: Registration<Gateway<ResourceManagerService>>;
  #gateway: Gateway<ResourceManagerService> | undefined;
  #connection: RpcConnection | undefined;
  #watch: HeartbeatWatch | undefined;
  #requirements: readonly SlotRequirement[] = [];
  #declaring = false;
  /** Declarations that were not answered yet. */
  #underWay = 0;

  constructor(options: RequirementLinkOptions) {
    this.#options = options;
    const { main, rpc, log, address, jobMaster, heartbeat } = options;
    const { jobId } = jobMaster;
    this.#registration = new Registration({
      ...{ main, rpc, address },
      register: async (connection) => {
        const anonymous = connection.gateway(resourceManagerService, RESOURCE_MANAGER, '');
        const { token } = await anonymous.identify({});
        const gateway = connection.gateway(resourceManagerService, RESOURCE_MANAGER, token);
        await gateway.registerJobMaster(jobMaster);
        return gateway;
      },
      registered: (connection, gateway) => {
        this.#connection = connection;
        this.#gateway = gateway;
        this.#watch = new HeartbeatWatch(main, heartbeat, () => connection.close());
        this.#declare();
      },
      lost: (reason) => {
        this.#end();
        log.write('warn', `lost the ResourceManager: ${reason.message}`, { jobId });
      },
      failed: (reason) =>
        log.write('info', `cannot register with the ResourceManager: ${reason.message}`, { jobId }),
    });
  }

  /** What slots the job needs in all. */
  declare(requirements: readonly SlotRequirement[]): void {
    this.#requirements = requirements;
    if (this.#declaring) return;
    this.#declaring = true;
    // After the present mail, so that many changes in it are one declaration.
    this.#options.main.run(() => {
      this.#declaring = false;
      this.#declare();
    });
  }

  /**
   * The ResourceManager lives, and takes the job to need so many slots. If that is not what it was
   * told, it is told again: a job whose need nobody knows would wait for ever.
   */
  sign(slots: number): void {
    if (this.#watch?.sign() !== true) return;
    const needed = this.#requirements.reduce((sum, each) => sum + each.slots, 0);
    if (slots === needed || this.#underWay > 0 || this.#declaring) return;
    const { jobId } = this.#options.jobMaster;
    const text = `the ResourceManager knows of ${slots} slots of the ${needed} needed: told again`;
    this.#options.log.write('warn', text, { jobId });
    this.#declare();
  }

  [Symbol.dispose](): void {
    this.#end();
    this.#registration[Symbol.dispose]();
  }

  #declare(): void {
    const { main, jobMaster, log } = this.#options;
    const { jobId } = jobMaster;
    const connection = this.#connection;
    if (this.#gateway === undefined || connection === undefined) return;
    this.#underWay++;
    main.follow(
      this.#gateway.declareRequirement({ jobId, requirements: this.#requirements }),
      () => this.#underWay--,
      (error) => {
        this.#underWay--;
        if (this.#connection !== connection) return;
        // Nobody knows what the ResourceManager knows: begin again and declare anew.
        log.write('warn', `could not declare the slots needed: ${error.message}`, { jobId });
        connection.close();
      },
    );
  }

  #end(): void {
    this.#gateway = undefined;
    this.#connection = undefined;
    this.#watch?.[Symbol.dispose]();
  }
}
