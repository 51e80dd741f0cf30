/**
 * One connection between two processes, on which both may call each other's endpoints. Everything
 * that was pending when it is lost fails at once; making a new one is the caller's decision,
 * because only the caller knows what was lost with the old one.
 *
 * C1. Every call settles exactly once: answer, error, time-out or loss.
 * C2. After `closed` nothing is delivered and every pending call has failed.
 * C3. It begins after the handshake: both sides know each other.
 */
import { assert } from '../base/assert.ts';
import type { ByteReader } from '../base/byte-reader.ts';
import { EngineError, toEngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';
import type { Clock, Connection, Log } from '../env/env.ts';
import type { Ask, Gateway, Service, Tell } from '../protocol/service.ts';
import { FRAME_LIMIT_BYTES, FrameReader } from './frame.ts';
import type { RpcEndpoint } from './rpc-endpoint.ts';
import type { Peer } from './handshake.ts';
import { protocolError } from './handshake-frames.ts';
import { errorFrame, parseFrame, requestFrame, responseFrame, tellFrame } from './rpc-frames.ts';
import type { CallHeader } from './rpc-frames.ts';

/** What connections share with the service that made them. */
export interface RpcSurroundings {
  readonly clock: Clock;
  readonly log: Log;
  readonly askTimeout: Duration;
  readonly counters: RpcCounters;
  endpoint(name: string): RpcEndpoint | undefined;
}

export interface RpcCounters {
  /** Our calls that got no answer in time. */
  timedOut: number;
  /** Answers that came after their call had timed out. */
  late: number;
  /** Connections closed because of what the other side sent. */
  broken: number;
}

interface PendingCall {
  readonly call: CallHeader;
  readonly timer: Disposable | undefined;
  readonly method: Ask<unknown, unknown>;
  resolve(value: unknown): void;
  reject(error: EngineError): void;
}

export class RpcConnection {
  readonly #connection: Connection;
  readonly #surroundings: RpcSurroundings;
  readonly #frames: FrameReader;
  readonly #pending = new Map<number, PendingCall>();
  readonly #onClosed = new Set<(reason: EngineError) => void>();
  #nextId = 1;
  #closed: EngineError | undefined;
  /** Name of the process at the other end. */
  readonly peer: string;

  /** C3. Must be called in the turn in which the connection was handed over. */
  constructor(connection: Connection, peer: Peer, surroundings: RpcSurroundings) {
    this.#connection = connection;
    this.#surroundings = surroundings;
    this.peer = peer.name;
    this.#frames = new FrameReader(FRAME_LIMIT_BYTES, (content) => this.#deliver(content));
    connection.start({
      data: (bytes) => this.#data(bytes),
      drained: () => undefined,
      closed: (reason) => this.#lost(reason ?? 'the other side closed the connection'),
    });
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** Calls back once when the connection is gone, at once if it is gone already. */
  onClosed(callback: (reason: EngineError) => void): Disposable {
    if (this.#closed !== undefined) callback(this.#closed);
    else this.#onClosed.add(callback);
    return { [Symbol.dispose]: () => void this.#onClosed.delete(callback) };
  }

  /** The methods of `service` at the endpoint `endpoint` of the other side, called with `token`. */
  gateway<S extends Service>(service: S, endpoint: string, token: string): Gateway<S> {
    const gateway: Record<string, (request: unknown) => unknown> = {};
    for (const [method, definition] of Object.entries(service.methods)) {
      const call = { endpoint, method, token };
      gateway[method] =
        definition.kind === 'ask'
          ? (request) => this.#ask(call, definition, request)
          : (request) => this.#tell(call, definition, request);
    }
    return gateway as unknown as Gateway<S>;
  }

  /** Sends what is queued and closes. Pending calls fail. Idempotent. */
  close(): void {
    if (this.#closed !== undefined) return;
    this.#connection.close();
    this.#lost('closed by this side');
  }

  #ask(call: CallHeader, method: Ask<unknown, unknown>, request: unknown): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const bytes = requestFrame(id, call, (out) => method.request.codec.encode(request, out));
      const timeout = method.timeout ?? this.#surroundings.askTimeout;
      const timer =
        timeout === 'never'
          ? undefined
          : this.#surroundings.clock.after(timeout, () => this.#timeOut(id, timeout));
      this.#pending.set(id, { call, timer, method, resolve, reject });
      this.#connection.send(bytes);
    });
  }

  /** Lost silently with the connection, of which the caller hears by `onClosed`. */
  #tell(call: CallHeader, method: Tell<unknown>, request: unknown): void {
    if (this.#closed !== undefined) return;
    this.#connection.send(tellFrame(call, (out) => method.request.codec.encode(request, out)));
  }

  #timeOut(id: number, timeout: Duration): void {
    const pending = this.#settle(id);
    assert(pending !== undefined, 'C1: the timer of a settled call ran');
    this.#surroundings.counters.timedOut++;
    const { endpoint, method } = pending.call;
    pending.reject(
      new EngineError('RPC_TIMEOUT', {
        endpoint,
        method,
        peer: this.peer,
        timeout: `${timeout} ms`,
      }),
    );
  }

  #settle(id: number): PendingCall | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    pending.timer?.[Symbol.dispose]();
    return pending;
  }

  #data(bytes: Uint8Array): void {
    try {
      this.#frames.push(bytes);
    } catch (error) {
      this.#break(toEngineError(error));
    }
  }

  #deliver(content: Uint8Array): void {
    if (this.#closed !== undefined) return;
    const frame = parseFrame(content);
    switch (frame.kind) {
      case 'request':
        return this.#handleRequest(frame.id, frame.call, frame.payload);
      case 'tell':
        return this.#handleTell(frame.call, frame.payload);
      case 'response': {
        const pending = this.#settleAnswer(frame.id);
        pending?.resolve(decode(pending.method.response, frame.payload));
        return;
      }
      case 'error':
        this.#settleAnswer(frame.id)?.reject(EngineError.fromData(frame.error));
    }
  }

  #settleAnswer(id: number): PendingCall | undefined {
    if (id >= this.#nextId) throw protocolError('an answer to a question that was not asked');
    const pending = this.#settle(id);
    if (pending === undefined) this.#surroundings.counters.late++;
    return pending;
  }

  #handleRequest(id: number, call: CallHeader, payload: ByteReader): void {
    const refuse = (error: EngineError): void => this.#answer(errorFrame(id, error.toData()));
    const endpoint = this.#surroundings.endpoint(call.endpoint);
    const method = endpoint && methodOf(endpoint.service, call.method);
    if (endpoint === undefined || method?.kind !== 'ask') {
      refuse(new EngineError('RPC_NO_ENDPOINT', { endpoint: call.endpoint, method: call.method }));
      return;
    }
    const request = decode(method.request, payload);
    const caller = { token: call.token, connection: this };
    const answer = (value: unknown): void => {
      let bytes: Uint8Array;
      try {
        bytes = responseFrame(id, (out) => method.response.codec.encode(value, out));
      } catch (error) {
        refuse(toEngineError(error));
        return;
      }
      this.#answer(bytes);
    };
    endpoint.ask({ method: call.method, request, caller }, answer, refuse);
  }

  #handleTell(call: CallHeader, payload: ByteReader): void {
    const endpoint = this.#surroundings.endpoint(call.endpoint);
    const method = endpoint && methodOf(endpoint.service, call.method);
    // An endpoint that is gone needs no tells any more; an unknown method is a broken peer.
    if (endpoint === undefined) return;
    if (method?.kind !== 'tell') throw protocolError(`no tell ${call.endpoint}.${call.method}`);
    const request = decode(method.request, payload);
    endpoint.tell({
      method: call.method,
      request,
      caller: { token: call.token, connection: this },
    });
  }

  #answer(bytes: Uint8Array): void {
    if (this.#closed === undefined) this.#connection.send(bytes);
  }

  /** The other side does not keep to the protocol. */
  #break(error: EngineError): void {
    if (this.#closed !== undefined) return;
    this.#surroundings.counters.broken++;
    this.#surroundings.log.write(
      'warn',
      `closing the connection to ${this.peer}: ${error.message}`,
    );
    this.#connection.destroy();
    this.#lost(error.message);
  }

  /** C2. */
  #lost(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = new EngineError('RPC_UNREACHABLE', { peer: this.peer, reason });
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(this.#closed);
    const callbacks = [...this.#onClosed];
    this.#onClosed.clear();
    for (const callback of callbacks) callback(this.#closed);
  }
}

function methodOf(
  service: Service,
  name: string,
): Ask<unknown, unknown> | Tell<unknown> | undefined {
  return Object.hasOwn(service.methods, name) ? service.methods[name] : undefined;
}

function decode<T>(
  schema: { readonly codec: { decode(input: ByteReader): T } },
  input: ByteReader,
): T {
  const value = schema.codec.decode(input);
  input.expectEnd();
  return value;
}
