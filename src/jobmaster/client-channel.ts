/**
 * Messages of a job's sinks (print, collect) for the client that runs it. The slots bound what is
 * under way by what was acknowledged; here nothing is stored. An attached client is there before
 * the job starts. Without one, and after its loss, TaskExecutors print for themselves; what was
 * under way, and what comes all the same, is acknowledged and dropped, so that a job never stands
 * still because nobody reads; it is counted, and the first is logged.
 *
 * B1. Every message is either told to the client, which acknowledges it, or acknowledged here.
 * B2. Messages of one subtask reach the client in order.
 */
import type { Log } from '../env/env.ts';
import { jobClientEndpoint, jobClientService } from '../protocol/job-master-service.ts';
import type { ClientMessage, JobClientService } from '../protocol/job-master-service.ts';
import type { Gateway } from '../protocol/service.ts';
import type { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';

/** Tells the sender that so many bytes of its messages are done with. */
export type Acknowledge = (executionId: string, operator: string, bytes: number) => void;

interface UnderWay {
  readonly executionId: string;
  readonly operator: string;
  bytes: number;
}

export interface ClientChannelOptions {
  readonly jobId: string;
  readonly main: MainThread;
  readonly log: Log;
  readonly acknowledge: Acknowledge;
  /** A client is there, or none any more. */
  readonly onChanged: (attached: boolean) => void;
}

export class ClientChannel {
  readonly #jobId: string;
  readonly #main: MainThread;
  readonly #log: Log;
  readonly #acknowledge: Acknowledge;
  readonly #onChanged: (attached: boolean) => void;
  /** Told to the client and not acknowledged by it. */
  readonly #underWay = new Map<string, UnderWay>();
  #connection: RpcConnection | undefined;
  #gateway: Gateway<JobClientService> | undefined;
  /** Messages that nobody got. */
  dropped = 0;

  constructor({ jobId, main, log, acknowledge, onChanged }: ClientChannelOptions) {
    this.#jobId = jobId;
    this.#main = main;
    this.#log = log;
    this.#acknowledge = acknowledge;
    this.#onChanged = onChanged;
  }

  get attached(): boolean {
    return this.#gateway !== undefined;
  }

  /** From now on messages go to this client; it takes the place of an earlier one. */
  attach(connection: RpcConnection, token: string): void {
    this.#detach();
    this.#connection = connection;
    this.#gateway = connection.gateway(jobClientService, jobClientEndpoint(this.#jobId), token);
    this.#onChanged(true);
    connection.onClosed(() =>
      this.#main.run(() => {
        if (this.#connection !== connection) return;
        this.#detach();
        this.#onChanged(false);
      }),
    );
  }

  deliver(message: ClientMessage): void {
    const { executionId, operator, payload } = message;
    if (this.#gateway !== undefined) {
      this.#count(executionId, operator, payload.length);
      this.#gateway.clientMessage(message);
      return;
    }
    this.#drop(operator, 1);
    this.#acknowledge(executionId, operator, payload.length);
  }

  /** From the client. */
  acknowledged(executionId: string, operator: string, bytes: number): void {
    const entry = this.#underWay.get(`${executionId} ${operator}`);
    if (entry === undefined) return;
    const known = Math.min(bytes, entry.bytes);
    this.#count(executionId, operator, -known);
    this.#acknowledge(executionId, operator, known);
  }

  #count(executionId: string, operator: string, bytes: number): void {
    const key = `${executionId} ${operator}`;
    const entry = this.#underWay.get(key);
    if (entry === undefined) this.#underWay.set(key, { executionId, operator, bytes });
    else if (entry.bytes + bytes === 0) this.#underWay.delete(key);
    else entry.bytes += bytes;
  }

  /** B1: what the client has not acknowledged it never will. */
  #detach(): void {
    this.#connection = undefined;
    this.#gateway = undefined;
    for (const { executionId, operator, bytes } of this.#underWay.values()) {
      this.#drop(operator, 1);
      this.#acknowledge(executionId, operator, bytes);
    }
    this.#underWay.clear();
  }

  #drop(operator: string, count: number): void {
    if (this.dropped === 0) {
      const text = 'messages for the client are dropped, because none is attached';
      this.#log.write('warn', text, { jobId: this.#jobId, operator });
    }
    this.dropped += count;
  }
}
