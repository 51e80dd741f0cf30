/**
 * A job from outside: submits it (or finds one that runs), gets the messages of its sinks, and asks
 * how it stands until it has ended.
 *
 * C1. Messages come in the order in which each subtask sent them, one at a time, and are
 *     acknowledged when the callback is done with them: a slow callback holds the job back instead
 *     of filling memory.
 * C2. `result` resolves after the last message has been handled, if there is a handler.
 */
import { assert } from '../base/assert.ts';
import { toEngineError } from '../base/errors.ts';
import { uploadBlob } from '../blob/upload-blob.ts';
import type { EngineError } from '../base/errors.ts';
import type { Env } from '../env/env.ts';
import type { JobGraph, OperatorId } from '../graph/job-graph.ts';
import { BLOBS, blobService } from '../protocol/blob-service.ts';
import type { BlobService } from '../protocol/blob-service.ts';
import { blobUrl } from '../protocol/job-code.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type {
  DispatcherService,
  JobMasterLocation,
  SavepointTrigger,
  TakenCheckpoint,
} from '../protocol/dispatcher-service.ts';
import {
  jobClientEndpoint,
  jobClientService,
  jobMasterService,
} from '../protocol/job-master-service.ts';
import type { ClientMessage, JobMasterService } from '../protocol/job-master-service.ts';
import type { JobDetails, JobResult } from '../protocol/job-report.ts';
import type { JobStatus } from '../protocol/job-status.ts';
import type { Gateway } from '../protocol/service.ts';
import type { JobReference } from '../protocol/task-deployment.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

/** Takes a message of a sink; while its promise is pending the next one waits. */
export type MessageHandler = (
  operator: OperatorId,
  payload: Uint8Array,
  /** Which attempt of which subtask sent it. */
  executionId: string,
) => void | Promise<void>;

export interface JobClientOptions {
  readonly env: Pick<Env, 'clock'>;
  readonly rpc: RpcService;
  /** Of the Dispatcher. */
  readonly address: string;
}

export interface SubmitOptions {
  /** If the job was built before; its build in the cluster must agree with it. */
  readonly graph?: JobGraph | undefined;
  /** Messages of the job's sinks are dropped, and it goes on without this client. */
  readonly detached?: boolean | undefined;
  /** The code of the job, in place of what `moduleUrl` names. */
  readonly bundle?: Uint8Array | undefined;
}

export class JobClient {
  readonly jobId: string;
  readonly #rpc: RpcService;
  readonly #connection: RpcConnection;
  readonly #dispatcher: Gateway<DispatcherService>;
  readonly #blobs: Gateway<BlobService>;
  readonly #main: MainThread;
  /** Why nothing can be heard of the job any more. */
  #failure: EngineError | undefined;
  #endpoint: RpcEndpoint | undefined;
  #master: Gateway<JobMasterService> | undefined;
  #onMessage: MessageHandler | undefined;
  /** The messages so far, handled one after another. */
  #messages: Promise<void> = Promise.resolve();
  /** Came before there was a handler; the slots hold back what is too much. */
  readonly #early: ClientMessage[] = [];

  private constructor(
    jobId: string,
    options: JobClientOptions,
    connection: RpcConnection,
    token: string,
  ) {
    this.jobId = jobId;
    this.#rpc = options.rpc;
    this.#connection = connection;
    this.#dispatcher = connection.gateway(dispatcherService, DISPATCHER, token);
    this.#blobs = connection.gateway(blobService, BLOBS, '');
    this.#main = new MainThread(`client of job ${jobId}`, options.env.clock, (_component, error) =>
      this.fail(error),
    );
  }

  /**
   * Resolves when the job is built and runs.
   * @throws EngineError of the build (JOB_*, GRAPH_*, CONFIG_*), JOB_ALREADY_SUBMITTED, BLOB_*,
   * RPC_*
   */
  static async submit(
    options: JobClientOptions,
    job: JobReference,
    { graph, detached = false, bundle }: SubmitOptions = {},
  ): Promise<JobClient> {
    const client = await JobClient.#connect(options, job.jobId);
    try {
      if (!detached) client.#listen();
      const attached = !detached;
      const hash = bundle && (await uploadBlob(client.#connection, 'bundle', bundle));
      const submitted = hash === undefined ? job : { ...job, moduleUrl: blobUrl(hash) };
      client.#begin(await client.#dispatcher.submitJob({ job: submitted, graph, attached }));
      // From now on the job holds it, not this connection.
      if (hash !== undefined) await client.#blobs.release({ hash });
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** For a job that was submitted before. @throws EngineError JOB_NOT_FOUND, RPC_* */
  static async attach(options: JobClientOptions, jobId: string): Promise<JobClient> {
    const client = await JobClient.#connect(options, jobId);
    try {
      client.#listen();
      client.#begin(await client.#dispatcher.locateJob({ jobId }));
      await client.#master!.attachClient({});
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** How a job ended that may be over already. @throws EngineError JOB_NOT_FOUND, RPC_* */
  static async resultOf(options: JobClientOptions, jobId: string): Promise<JobResult> {
    const client = await JobClient.#connect(options, jobId);
    try {
      return await client.result();
    } finally {
      client.close();
    }
  }

  static async #connect(options: JobClientOptions, jobId: string): Promise<JobClient> {
    const connection = await options.rpc.connect(options.address);
    const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
    return new JobClient(jobId, options, connection, token);
  }

  /**
   * Must be called once unless the job is detached: until then messages wait, and the job with
   * them.
   */
  onMessage(handler: MessageHandler): void {
    assert(this.#onMessage === undefined, 'C1: messages have one handler');
    this.#onMessage = handler;
    this.#takeEarly();
  }

  async status(): Promise<JobStatus> {
    return (await this.details()).status;
  }

  details(): Promise<JobDetails> {
    return this.#orBroken(this.#dispatcher.requestJobDetails({ jobId: this.jobId }));
  }

  /** Resolves when the cancellation has begun; `result` tells when it is done. */
  async cancel(): Promise<void> {
    await this.#orBroken(this.#dispatcher.cancelJob({ jobId: this.jobId }));
  }

  /**
   * Resolves when the savepoint is complete, with where it lies; where it stops the job, when the
   * job has ended. @throws EngineError CHECKPOINT_*, SAVEPOINT_*
   * @example
   * const { location } = await client.triggerSavepoint({ directory: '/savepoints' });
   */
  triggerSavepoint(trigger: SavepointTrigger = {}): Promise<TakenCheckpoint> {
    return this.#orBroken(this.#dispatcher.triggerSavepoint({ jobId: this.jobId, ...trigger }));
  }

  /** C2. A failed job resolves too, with its error. @throws EngineError if it cannot be known. */
  async result(): Promise<JobResult> {
    const { jobId } = this;
    const result = await this.#orBroken(this.#dispatcher.requestJobResult({ jobId }));
    await this.#orBroken(this.#messages);
    return result;
  }

  /** Nothing will be heard of the job any more: everything that is asked fails with `error`. */
  fail(error: EngineError): void {
    this.#failure ??= error;
    this.close();
  }

  /** Calls back once the client is closed, by whomever. */
  onClosed(callback: () => void): void {
    this.#connection.onClosed(callback);
  }

  /** Leaves the job alone. Idempotent. */
  close(): void {
    this.#main.close();
    if (this.#endpoint !== undefined) this.#rpc.unregister(this.#endpoint);
    this.#connection.close();
  }

  /** What broke the client says more than that its connection was closed. */
  async #orBroken<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  #listen(): void {
    this.#endpoint = this.#rpc.register({
      name: jobClientEndpoint(this.jobId),
      service: jobClientService,
      main: this.#main,
      // The connection is our own, and only the job's master knows the endpoint.
      fence: () => true,
      handlers: { clientMessage: (message) => this.#take(message) },
    });
  }

  #begin({ endpoint, token }: JobMasterLocation): void {
    this.#master = this.#connection.gateway(jobMasterService, endpoint, token);
    this.#takeEarly();
  }

  #takeEarly(): void {
    if (this.#master === undefined || this.#onMessage === undefined) return;
    for (const message of this.#early.splice(0)) this.#take(message);
  }

  /** C1. */
  #take(message: ClientMessage): void {
    const master = this.#master;
    const handle = this.#onMessage;
    if (master === undefined || handle === undefined) {
      this.#early.push(message);
      return;
    }
    const { executionId, operator, payload } = message;
    const bytes = payload.length;
    this.#messages = this.#messages.then(async () => {
      await handle(operator, payload, executionId);
      master.clientAcknowledge({ executionId, operator, bytes });
    });
    this.#messages.catch((error: unknown) => this.fail(toEngineError(error)));
  }
}
