/**
 * Clients that follow a job over HTTP: what its sinks send for a client comes to this process as to
 * any client, and goes on as lines of JSON as fast as somebody reads them.
 *
 * W1. A message is acknowledged to its sender when the next one is asked for, so that a slow reader
 *     holds the job back; what a lost reader was given last is given again to the next.
 * W2. A job has one reader: a new one takes the place of an earlier one.
 * W3. A job that nobody reads goes on without a client after `READER_TIMEOUT`.
 * W4. The lines end when the job has ended and everything was given.
 */
import { Buffer } from 'node:buffer';
import { EngineError, isEngineError, messageOf, toEngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Clock, Log } from '../env/env.ts';
import { DISPATCHER, dispatcherService } from '../protocol/dispatcher-service.ts';
import type {
  DispatcherService,
  JobMasterLocation,
  JobSubmission,
} from '../protocol/dispatcher-service.ts';
import {
  jobClientEndpoint,
  jobClientService,
  jobMasterService,
} from '../protocol/job-master-service.ts';
import type { ClientMessage, JobMasterService } from '../protocol/job-master-service.ts';
import type { Gateway } from '../protocol/service.ts';
import { MainThread } from '../rpc/main-thread.ts';
import type { RpcConnection } from '../rpc/rpc-connection.ts';
import type { RpcEndpoint } from '../rpc/rpc-endpoint.ts';
import type { RpcService } from '../rpc/rpc-service.ts';

/** How long the messages of a job wait for somebody who reads them. */
const READER_TIMEOUT = seconds(30);
/** An empty line shows that the job lives, and finds readers that do not. */
const KEEP_ALIVE = seconds(10);

const EMPTY_LINE = new Uint8Array([0x0a]);

export interface ClientStreamsOptions {
  readonly env: { readonly clock: Clock; readonly log: Log };
  /** Dials the leader; belongs to the caller. */
  readonly rpc: RpcService;
  readonly address: string;
}

export class ClientStreams {
  readonly #options: ClientStreamsOptions;
  readonly #streams = new Map<string, ClientStream>();
  #closed = false;

  constructor(options: ClientStreamsOptions) {
    this.#options = options;
  }

  /** Jobs with a client here. */
  get count(): number {
    return this.#streams.size;
  }

  /**
   * Submits a job whose messages wait for a reader. Resolves when it is built and runs.
   * @throws EngineError JOB_*, GRAPH_*, CONFIG_*, RPC_*
   */
  async submit(submission: Omit<JobSubmission, 'attached'>): Promise<void> {
    const stream = await this.#connect(submission.job.jobId);
    await stream.begin((dispatcher) => dispatcher.submitJob({ ...submission, attached: true }));
  }

  /**
   * The messages of a job, from now on if nobody has read them.
   * @throws EngineError JOB_NOT_FOUND
   */
  async open(jobId: string): Promise<AsyncIterable<Uint8Array>> {
    const known = this.#streams.get(jobId);
    if (known !== undefined && known.failure === undefined) return known.read();
    known?.close();
    const stream = await this.#connect(jobId);
    await stream.attach();
    return stream.read();
  }

  close(): void {
    this.#closed = true;
    for (const stream of this.#streams.values()) stream.close();
  }

  async #connect(jobId: string): Promise<ClientStream> {
    const { rpc, address } = this.#options;
    const connection = await rpc.connect(address);
    if (this.#closed) {
      connection.close();
      throw new EngineError('RPC_UNREACHABLE', { peer: address, reason: 'closed' });
    }
    this.#streams.get(jobId)?.close();
    const stream: ClientStream = new ClientStream(this.#options, jobId, connection, () => {
      if (this.#streams.get(jobId) === stream) this.#streams.delete(jobId);
    });
    this.#streams.set(jobId, stream);
    return stream;
  }
}

class ClientStream {
  readonly #options: ClientStreamsOptions;
  readonly #jobId: string;
  readonly #connection: RpcConnection;
  readonly #onGone: () => void;
  readonly #main: MainThread;
  readonly #endpoint: RpcEndpoint;
  #master: Gateway<JobMasterService> | undefined;
  /** Not yet given to a reader, in order. */
  readonly #waiting: ClientMessage[] = [];
  /** W1: given to the reader, who has not asked for the next. */
  #given: ClientMessage | undefined;
  /** Of the present reader; 0 if there is none. */
  #reader = 0;
  #readers = 0;
  #ended = false;
  #gone = false;
  /** Why nothing more comes of the job. */
  failure: EngineError | undefined;
  #wake: (() => void) | undefined;
  #timer: Disposable | undefined;

  constructor(
    options: ClientStreamsOptions,
    jobId: string,
    connection: RpcConnection,
    onGone: () => void,
  ) {
    this.#options = options;
    this.#jobId = jobId;
    this.#connection = connection;
    this.#onGone = onGone;
    this.#main = new MainThread(`client of job ${jobId}`, options.env.clock, (_part, error) =>
      this.#fail(error),
    );
    this.#endpoint = options.rpc.register({
      name: jobClientEndpoint(jobId),
      service: jobClientService,
      main: this.#main,
      fence: () => true,
      handlers: {
        clientMessage: (message, caller) => {
          // Only the job's master knows this connection.
          if (caller.connection !== connection) return;
          this.#waiting.push(message);
          this.#wake?.();
        },
      },
    });
    connection.onClosed((reason) => this.#fail(reason));
  }

  /** Has the job's master found or made, and follows the job to its end. */
  async begin(
    find: (dispatcher: Gateway<DispatcherService>) => Promise<JobMasterLocation>,
  ): Promise<void> {
    try {
      const dispatcher = await this.#dispatcher();
      const { endpoint, token } = await find(dispatcher);
      this.#master = this.#connection.gateway(jobMasterService, endpoint, token);
      this.#follow(dispatcher);
      this.#awaitReader();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** To a job that was submitted before; one that has ended has no messages. */
  async attach(): Promise<void> {
    try {
      await this.begin((dispatcher) => dispatcher.locateJob({ jobId: this.#jobId }));
      await this.#master!.attachClient({});
    } catch (error) {
      this.close();
      if (!isEngineError(error, 'JOB_NOT_FOUND') || !(await this.#hasEnded())) throw error;
      this.#ended = true;
    }
  }

  /** W2. */
  read(): AsyncIterable<Uint8Array> {
    this.#timer?.[Symbol.dispose]();
    this.#giveBack();
    const reader = ++this.#readers;
    this.#reader = reader;
    this.#wake?.();
    return this.#lines(reader);
  }

  /** Leaves the job alone. Idempotent. */
  close(): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#timer?.[Symbol.dispose]();
    this.#main.close();
    this.#options.rpc.unregister(this.#endpoint);
    this.#connection.close();
    this.#onGone();
    this.#wake?.();
  }

  async *#lines(reader: number): AsyncGenerator<Uint8Array, void, void> {
    try {
      while (this.#reader === reader) {
        this.#acknowledge();
        const message = this.#waiting.shift();
        if (message !== undefined) {
          this.#given = message;
          yield lineOf(message);
        } else if (this.#ended) {
          return;
        } else if (this.failure !== undefined || this.#gone) {
          throw this.failure ?? new EngineError('JOB_NOT_FOUND', { jobId: this.#jobId });
        } else if (!(await this.#news())) {
          yield EMPTY_LINE;
        }
      }
    } finally {
      if (this.#reader === reader) this.#left();
    }
  }

  /** W1. */
  #acknowledge(): void {
    const given = this.#given;
    if (given === undefined) return;
    this.#given = undefined;
    if (this.#gone || this.failure !== undefined) return;
    const { executionId, operator, payload } = given;
    this.#master?.clientAcknowledge({ executionId, operator, bytes: payload.length });
  }

  #giveBack(): void {
    if (this.#given !== undefined) this.#waiting.unshift(this.#given);
    this.#given = undefined;
  }

  #left(): void {
    this.#giveBack();
    this.#reader = 0;
    const isOver = this.#ended && this.#waiting.length === 0;
    if (isOver || this.failure !== undefined) this.close();
    else this.#awaitReader();
  }

  /** W3. */
  #awaitReader(): void {
    if (this.#gone) return;
    const { clock, log } = this.#options.env;
    this.#timer = clock.after(READER_TIMEOUT, () => {
      log.write('info', 'nobody reads what a job sends: it goes on without a client', {
        jobId: this.#jobId,
      });
      this.close();
    });
  }

  /** True when something has happened, false when it is time for a sign of life. */
  async #news(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = this.#options.env.clock.after(KEEP_ALIVE, () => resolve(false));
    this.#wake = () => resolve(true);
    try {
      return await promise;
    } finally {
      this.#wake = undefined;
      timer[Symbol.dispose]();
    }
  }

  /** W4: what it sent has come on the same connection before. */
  #follow(dispatcher: Gateway<DispatcherService>): void {
    dispatcher.requestJobResult({ jobId: this.#jobId }).then(
      () => {
        this.#ended = true;
        this.#wake?.();
      },
      (error: unknown) => this.#fail(toEngineError(error)),
    );
  }

  async #hasEnded(): Promise<boolean> {
    const { rpc, address, env } = this.#options;
    const connection = await rpc.connect(address);
    try {
      const dispatcher = await dispatcherOn(connection);
      await dispatcher.requestJobResult({ jobId: this.#jobId });
      return true;
    } catch (error) {
      env.log.write('debug', `no result of a job: ${messageOf(error)}`, { jobId: this.#jobId });
      return false;
    } finally {
      connection.close();
    }
  }

  #dispatcher(): Promise<Gateway<DispatcherService>> {
    return dispatcherOn(this.#connection);
  }

  #fail(error: EngineError): void {
    if (this.#gone || this.#ended) return;
    this.failure ??= error;
    this.#wake?.();
    if (this.#reader === 0) this.close();
  }
}

async function dispatcherOn(connection: RpcConnection): Promise<Gateway<DispatcherService>> {
  const { token } = await connection.gateway(dispatcherService, DISPATCHER, '').identify({});
  return connection.gateway(dispatcherService, DISPATCHER, token);
}

function lineOf({ operator, executionId, payload }: ClientMessage): Uint8Array {
  const line = { operator, executionId, payload: Buffer.from(payload).toString('base64') };
  return new TextEncoder().encode(`${JSON.stringify(line)}\n`);
}
