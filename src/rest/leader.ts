/**
 * Gateways to the present leader: dialled when somebody asks, and again when the connection is
 * lost.
 *
 * L1. There is one connection at a time, whoever asks.
 * L2. After `close` none is made.
 */
import { EngineError } from '../base/errors.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type { DispatcherService } from '../protocol/dispatcher-service.ts';
import { RESOURCE_MANAGER, resourceManagerService } from '../protocol/resource-manager-service.ts';
import type { ResourceManagerService } from '../protocol/resource-manager-service.ts';
import type { Gateway } from '../protocol/service.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

interface Leader {
  readonly connection: RpcConnection;
  readonly dispatcher: Gateway<DispatcherService>;
  readonly resourceManager: Gateway<ResourceManagerService>;
}

export class LeaderGateways {
  readonly #rpc: RpcService;
  readonly #address: string;
  #leader: Leader | undefined;
  #dialling: Promise<Leader> | undefined;
  #closed = false;

  /** `rpc` belongs to the caller. */
  constructor(rpc: RpcService, address: string) {
    this.#rpc = rpc;
    this.#address = address;
  }

  /** @throws EngineError RPC_UNREACHABLE */
  async dispatcher(): Promise<Gateway<DispatcherService>> {
    return (await this.#find()).dispatcher;
  }

  async resourceManager(): Promise<Gateway<ResourceManagerService>> {
    return (await this.#find()).resourceManager;
  }

  close(): void {
    this.#closed = true;
    this.#leader?.connection.close();
  }

  /** L1. */
  async #find(): Promise<Leader> {
    if (this.#leader !== undefined && !this.#leader.connection.closed) return this.#leader;
    this.#dialling ??= this.#dial().finally(() => (this.#dialling = undefined));
    return this.#dialling;
  }

  async #dial(): Promise<Leader> {
    const peer = this.#address;
    if (this.#closed) throw new EngineError('RPC_UNREACHABLE', { peer, reason: 'closed' });
    let connection: RpcConnection;
    try {
      connection = await this.#rpc.connect(this.#address);
    } catch (cause) {
      const reason = 'nobody leads at the moment';
      throw new EngineError('RPC_UNREACHABLE', { peer, reason }, { cause });
    }
    try {
      const [dispatcher, resourceManager] = await Promise.all([
        connection.gateway(dispatcherService, DISPATCHER, '').identify({}),
        connection.gateway(resourceManagerService, RESOURCE_MANAGER, '').identify({}),
      ]);
      this.#leader = {
        connection,
        dispatcher: connection.gateway(dispatcherService, DISPATCHER, dispatcher.token),
        resourceManager: connection.gateway(
          resourceManagerService,
          RESOURCE_MANAGER,
          resourceManager.token,
        ),
      };
    } catch (thrown) {
      connection.close();
      throw thrown;
    }
    // L2.
    if (this.#closed) connection.close();
    return this.#leader;
  }
}
