/**
 * A client in a world in which every call may fail or stay unanswered: it asks again until it has
 * an answer. What cannot be a fault of the world is thrown on.
 */
import { AssertionError } from '../../src/base/assert.ts';
import { isEngineError } from '../../src/base/errors.ts';
import type { Duration } from '../../src/base/units.ts';
import type { Env } from '../../src/env/env.ts';
import { DISPATCHER, dispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { DispatcherService } from '../../src/protocol/dispatcher-service.ts';
import type { Gateway } from '../../src/protocol/service.ts';
import { RpcService } from '../../src/rpc/rpc-service.ts';

export interface PatientClientOptions {
  readonly address: string;
  readonly secret: Uint8Array;
  /** Between two attempts. */
  readonly retry: Duration;
}

/** What is waited for has not come yet. */
export class NotYet extends Error {}

export class PatientClient {
  /** For `JobClient`. */
  readonly place: { readonly env: Env; readonly rpc: RpcService; readonly address: string };
  readonly #retry: Duration;

  constructor(env: Env, { address, secret, retry }: PatientClientOptions) {
    this.place = { env, address, rpc: new RpcService({ env, name: 'client', secret }) };
    this.#retry = retry;
  }

  /** Over a connection of its own, once. */
  async ask<T>(question: (dispatcher: Gateway<DispatcherService>) => Promise<T>): Promise<T> {
    const { rpc, address } = this.place;
    const connection = await rpc.connect(address);
    try {
      const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
      return await question(connection.gateway(dispatcherService, DISPATCHER, token));
    } finally {
      connection.close();
    }
  }

  /** @throws AssertionError for an internal error, and whatever is neither an answer nor NotYet */
  async untilDone<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (thrown) {
        if (isEngineError(thrown, 'INTERNAL')) throw new AssertionError(thrown.message);
        if (!isEngineError(thrown) && !(thrown instanceof NotYet)) throw thrown;
        await this.wait(this.#retry);
      }
    }
  }

  /** Whether its status is one of these; of a job that a later master knows the result of only. */
  async isAmong(jobId: string, statuses: readonly string[]): Promise<boolean> {
    try {
      const { status } = await this.ask((dispatcher) => dispatcher.requestJobDetails({ jobId }));
      return statuses.includes(status);
    } catch (thrown) {
      if (isEngineError(thrown, 'JOB_NOT_FOUND')) return true;
      throw thrown;
    }
  }

  wait(duration: Duration): Promise<void> {
    return new Promise((resolve) => this.place.env.clock.after(duration, resolve));
  }
}
