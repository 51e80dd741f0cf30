/**
 * RPC of one process: its endpoints by name, the address at which others reach them, and the
 * connections it has made and accepted. With a secret it speaks only with processes that show that
 * they know it.
 *
 * S1. Endpoint names are unique.
 * S2. After `close` there is neither listener nor connection, nor one in its handshake.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Connection, Env, Listener } from '../env/env.ts';
import type { Service } from '../protocol/service.ts';
import { dial } from './dial.ts';
import type { Introduced } from './dial.ts';
import type { Peer } from './handshake.ts';
import type { Meeting } from './meeting.ts';
import { Reception } from './reception.ts';
import { ResumableConnection } from './resumable-connection.ts';
import { beginContext, parseContext, resumeContext, SESSION_ID_BYTES } from './resumption.ts';
import { RpcConnection } from './rpc-connection.ts';
import type { RpcCounters, RpcSurroundings } from './rpc-connection.ts';
import { RpcEndpoint } from './rpc-endpoint.ts';
import type { EndpointOptions } from './rpc-endpoint.ts';
import { RPC_VERSIONS } from './rpc-frames.ts';

/** Connections that others have made to one port. */
const CONNECTIONS_MAX = 1000;
/** Of a connection that is for no session. */
const NONE = new Uint8Array(0);
/** 128 bits, and room for a text of them. */
const SECRET_BYTES_MIN = 16;

export interface RpcServiceOptions {
  readonly env: Pick<Env, 'clock' | 'network' | 'random' | 'cryptography' | 'log'>;
  /** Shown to the other side, e.g. `taskmanager-1`. */
  readonly name: string;
  readonly askTimeout?: Duration | undefined;
  /** How long resumable connections outlive a break; 100 ms unless said otherwise. */
  readonly reconnectGrace?: Duration | undefined;
  /** The cluster's. Undefined: whoever reaches the port may call. */
  readonly secret?: Uint8Array | undefined;
  /** 1,000 unless said otherwise. */
  readonly connectionsMax?: number | undefined;
}

interface ConnectOptions {
  readonly resumable?: boolean | undefined;
}

export class RpcService {
  readonly name: string;
  readonly counters: RpcCounters = { timedOut: 0, late: 0, broken: 0 };
  readonly #options: RpcServiceOptions;
  readonly #endpoints = new Map<string, RpcEndpoint>();
  readonly #connections = new Set<RpcConnection>();
  readonly #dialling = new Set<Meeting>();
  /** Resumable connections that others have made, by what their diallers call them. */
  readonly #sessions = new Map<string, ResumableConnection>();
  #reception: Reception | undefined;
  #listener: Listener | undefined;
  #closed = false;

  constructor(options: RpcServiceOptions) {
    const { secret } = options;
    const isLong = secret === undefined || secret.length >= SECRET_BYTES_MIN;
    assert(isLong, `the secret of ${options.name} has less than ${SECRET_BYTES_MIN} bytes`);
    this.name = options.name;
    this.#options = options;
  }

  /** Where others reach this process; undefined when it only dials. */
  get address(): string | undefined {
    return this.#listener && `${this.#listener.host}:${this.#listener.port}`;
  }

  /** Calls of this process' endpoints that were refused because of their token. */
  get fenced(): number {
    let fenced = 0;
    for (const endpoint of this.#endpoints.values()) fenced += endpoint.fenced;
    return fenced;
  }

  get endpointCount(): number {
    return this.#endpoints.size;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Port 0 picks one. */
  async listen(host: string, port: number): Promise<string> {
    const { env, connectionsMax = CONNECTIONS_MAX } = this.#options;
    const reception = new Reception({
      ...{ ...this.#introduced(), env, connectionsMax },
      admit: (context) => this.#refusal(context),
      accept: (connection, peer) => this.#accept(connection, peer),
      refused: () => (this.counters.broken += 1),
    });
    const listener = await env.network.listen(host, port, (connection) =>
      reception.receive(connection),
    );
    if (this.#closed) {
      await listener[Symbol.asyncDispose]();
      throw new EngineError('RPC_UNREACHABLE', { peer: this.name, reason: 'closed meanwhile' });
    }
    this.#reception = reception;
    this.#listener = listener;
    return this.address!;
  }

  /**
   * Resolves when both sides know each other. `resumable`: the connection outlives breaks of some
   * milliseconds, as `ResumableConnection` says.
   * @throws EngineError NETWORK_FAILED, RPC_UNREACHABLE, RPC_REFUSED, RPC_SECRET_MISMATCH,
   * RPC_VERSION_MISMATCH, RPC_PROTOCOL
   */
  async connect(
    address: string,
    { resumable = false }: ConnectOptions = {},
  ): Promise<RpcConnection> {
    const { clock, random } = this.#options.env;
    const session = random.bytes(SESSION_ID_BYTES);
    const { connection, peer } = await this.#dial(
      address,
      resumable ? beginContext(session) : NONE,
    );
    const lasting = resumable
      ? new ResumableConnection({
          ...{ clock, carrier: connection, grace: this.#options.reconnectGrace },
          redial: async (received) =>
            (await this.#dial(address, resumeContext(session, received))).connection,
        })
      : connection;
    const rpc = new RpcConnection(lasting, peer, this.#surroundings());
    this.#adopt(rpc);
    if (this.#closed) rpc.close();
    return rpc;
  }

  #dial(address: string, context: Uint8Array): ReturnType<typeof dial> {
    return dial({
      ...{ ...this.#introduced(), ...parseAddress(address), env: this.#options.env, context },
      meetings: this.#dialling,
      isClosed: () => this.#closed,
    });
  }

  /** Why who asks for a session is refused, if he is. */
  #refusal(context: Uint8Array): string | undefined {
    const wish = parseContext(context);
    if (wish.kind === 'plain') return undefined;
    const session = this.#sessions.get(wish.session);
    if (wish.kind === 'begin') return session && 'there is that session already';
    return session?.canResume === true ? undefined : 'there is no such session any more';
  }

  #accept(connection: Connection, peer: Peer): void {
    const wish = parseContext(peer.context);
    if (wish.kind === 'resume') {
      const session = this.#sessions.get(wish.session);
      if (session?.canResume === true) session.resume(connection, wish.received);
      else connection.destroy();
      return;
    }
    if (wish.kind === 'plain') {
      this.#adopt(new RpcConnection(connection, peer, this.#surroundings()));
      return;
    }
    const session = new ResumableConnection({
      ...{ clock: this.#options.env.clock, carrier: connection },
      grace: this.#options.reconnectGrace,
      ended: () => void this.#sessions.delete(wish.session),
    });
    this.#sessions.set(wish.session, session);
    this.#adopt(new RpcConnection(session, peer, this.#surroundings()));
  }

  register<S extends Service>(options: EndpointOptions<S>): RpcEndpoint {
    assert(!this.#endpoints.has(options.name), `S1: endpoint ${options.name} exists already`);
    const endpoint = RpcEndpoint.of(options);
    this.#endpoints.set(endpoint.name, endpoint);
    return endpoint;
  }

  unregister(endpoint: RpcEndpoint): void {
    if (this.#endpoints.get(endpoint.name) === endpoint) this.#endpoints.delete(endpoint.name);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#reception?.close();
    for (const meeting of [...this.#dialling]) meeting.abandon('closed by this side');
    for (const connection of [...this.#connections]) connection.close();
    assert(this.#connections.size === 0, 'S2: a connection outlived its service');
    await this.#listener?.[Symbol.asyncDispose]();
    this.#listener = undefined;
  }

  #adopt(connection: RpcConnection): void {
    this.#connections.add(connection);
    connection.onClosed(() => this.#connections.delete(connection));
  }

  #introduced(): Introduced {
    const { secret } = this.#options;
    return { purpose: 'rpc', versions: RPC_VERSIONS, name: this.name, key: secret };
  }

  #surroundings(): RpcSurroundings {
    return {
      clock: this.#options.env.clock,
      log: this.#options.env.log,
      askTimeout: this.#options.askTimeout ?? seconds(10),
      counters: this.counters,
      endpoint: (name) => this.#endpoints.get(name),
    };
  }
}

/** `host:port`; the host of IPv6 may stand in brackets. @throws EngineError RPC_BAD_ADDRESS */
function parseAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new EngineError('RPC_BAD_ADDRESS', { address });
  }
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port };
}
