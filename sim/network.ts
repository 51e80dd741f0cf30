/**
 * The network of a simulation: hosts by name and address, ports, connections made over links that
 * delay, cut, lose and part. The environments of threads see it as bytes.
 *
 * Invariants
 * N1. A port of a host has at most one listener for an address; it is free as soon as the listener
 *     is gone.
 * N2. A connection is made only if both directions were open and somebody listened; else `connect`
 *     fails, after the time-out if nobody could answer.
 */
import { assert } from '../src/base/assert.ts';
import { EngineError } from '../src/base/errors.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Connection, Listener, Network } from '../src/env/env.ts';
import type { CrashPoints } from './crash-points.ts';
import { Endpoint } from './endpoint.ts';
import type { SimHost } from './host.ts';
import type { Knobs } from './knobs.ts';
import { Link } from './link.ts';
import type { Scheduler } from './scheduler.ts';
import { REASONS } from './system-reasons.ts';
import type { Held, Settle, SimThread } from './thread.ts';

const EPHEMERAL_PORTS = 32_768;
const LAST_PORT = 65_535;
const RETRY_MICROS = 500_000;

type Scope = 'any' | 'loopback' | 'address';

interface Destination {
  readonly host: SimHost;
  readonly scope: Scope;
}

/** What all hosts share. */
export class SimNetwork {
  readonly scheduler: Scheduler;
  readonly knobs: Knobs;
  readonly random: Prng;
  readonly #hosts: Map<string, SimHost> = new Map();
  readonly #links: Map<string, Link> = new Map();
  readonly #listeners: Map<string, SimListener[]> = new Map();
  readonly #endpoints: Set<Endpoint> = new Set();
  #connections = 0;
  #ports = EPHEMERAL_PORTS;

  readonly #points: CrashPoints | undefined;

  constructor(scheduler: Scheduler, random: Prng, knobs: Knobs, points?: CrashPoints) {
    this.scheduler = scheduler;
    this.random = random;
    this.knobs = knobs;
    this.#points = points;
  }

  add(host: SimHost): void {
    assert(!this.#hosts.has(host.name), `N1: two hosts of the name ${host.name}`);
    this.#hosts.set(host.name, host);
    this.#hosts.set(host.address, host);
  }

  /** Sides of connections that have not ended, in order of creation. */
  get endpoints(): readonly Endpoint[] {
    return [...this.#endpoints];
  }

  link(from: SimHost, to: SimHost): Link {
    const key = `${from.name} ${to.name}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      const random = this.random.fork(`link ${key}`);
      link = new Link(this.scheduler, random, this.knobs, from === to);
      this.#links.set(key, link);
    }
    return link;
  }

  /** A host has its power back, and knows nothing of its connections. */
  powerBack(host: SimHost): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.peer.host === host) endpoint.peerRestarted(this.random);
    }
  }

  /** Where a name or address leads, seen from a host; undefined if nowhere. */
  find(from: SimHost, name: string): Destination | undefined {
    if (name === 'localhost' || name === '::1' || name.startsWith('127.')) {
      return { host: from, scope: 'loopback' };
    }
    if (name === '0.0.0.0' || name === '::') return { host: from, scope: 'any' };
    const host = this.#hosts.get(name);
    return host === undefined ? undefined : { host, scope: 'address' };
  }

  listen(listener: SimListener): void {
    const { host } = listener.thread;
    const all = this.#listeners.get(host.name);
    if (all === undefined) this.#listeners.set(host.name, [listener]);
    else all.push(listener);
  }

  unlisten(listener: SimListener): void {
    const all = this.#listeners.get(listener.thread.host.name) ?? [];
    const index = all.indexOf(listener);
    if (index >= 0) all.splice(index, 1);
  }

  listenerOf({ host, scope }: Destination, port: number): SimListener | undefined {
    const all = this.#listeners.get(host.name) ?? [];
    return all.find(
      (each) =>
        each.port === port && (each.scope === 'any' || scope === 'any' || each.scope === scope),
    );
  }

  freePort(destination: Destination): number {
    for (;;) {
      this.#ports = this.#ports === LAST_PORT ? EPHEMERAL_PORTS : this.#ports + 1;
      if (this.listenerOf(destination, this.#ports) === undefined) return this.#ports;
    }
  }

  /**
   * Joins a thread that has asked for it to a listener; the other side hears of it now, this one
   * later.
   */
  join(from: NetworkThread, listener: SimListener, remote: string): Endpoint {
    this.#connections += 1;
    const to = listener.thread;
    const port = EPHEMERAL_PORTS + (this.#connections % EPHEMERAL_PORTS);
    const near = this.#endpoint(from, to.host, remote);
    const far = this.#endpoint(to, from.host, `${from.host.address}:${port}`);
    Endpoint.join(near, far);
    const id = this.#connections;
    this.scheduler.post(to.thread, 0, 'accept', id, listener.port, () => listener.take(far));
    return near;
  }

  #endpoint(at: NetworkThread, to: SimHost, remote: string): Endpoint {
    const endpoint = new Endpoint({
      id: this.#connections,
      host: at.host,
      thread: at.thread,
      remote,
      link: this.link(at.host, to),
      knobs: this.knobs,
      random: this.random,
      scheduler: this.scheduler,
      points: this.#points,
      gone: (gone) => this.#endpoints.delete(gone),
    });
    this.#endpoints.add(endpoint);
    return endpoint;
  }
}

/** The network as one thread sees it. */
export class NetworkThread implements Network {
  readonly thread: SimThread;
  readonly host: SimHost;
  readonly #network: SimNetwork;

  constructor(network: SimNetwork, thread: SimThread, host: SimHost) {
    this.#network = network;
    this.thread = thread;
    this.host = host;
  }

  listen(host: string, port: number, accept: (connection: Connection) => void): Promise<Listener> {
    this.thread.enter();
    const network = this.#network;
    const destination = network.find(this.host, host);
    return this.thread.promise<Listener>((settle) => {
      const refuse = (reason: string): void => {
        settle.reject('listen', port, 0, failed('listen on', host, port, reason));
      };
      if (destination === undefined) refuse(REASONS.noHost);
      else if (destination.host !== this.host) refuse(REASONS.noAddress);
      else if (port !== 0 && network.listenerOf(destination, port) !== undefined) {
        refuse(REASONS.portTaken);
      } else {
        const free = port === 0 ? network.freePort(destination) : port;
        const address = destination.scope === 'loopback' ? '127.0.0.1' : host;
        const listener = new SimListener(network, this, address, destination.scope, free, accept);
        settle.resolve('listen', free, 0, () => listener);
      }
    });
  }

  connect(host: string, port: number): Promise<Connection> {
    this.thread.enter();
    return this.thread.promise<Connection>((settle) => {
      new Attempt(this.#network, this, host, port, settle).begin();
    });
  }
}

/** One call of `connect`. */
class Attempt {
  readonly #network: SimNetwork;
  readonly #from: NetworkThread;
  readonly #name: string;
  readonly #port: number;
  readonly #settle: Settle<Connection>;
  readonly #deadline: number;

  constructor(
    network: SimNetwork,
    from: NetworkThread,
    name: string,
    port: number,
    settle: Settle<Connection>,
  ) {
    this.#network = network;
    this.#from = from;
    this.#name = name;
    this.#port = port;
    this.#settle = settle;
    this.#deadline = network.scheduler.time + network.knobs.connectMicros;
  }

  begin(): void {
    const to = this.#network.find(this.#from.host, this.#name);
    if (to === undefined) this.#refuse(REASONS.noHost);
    else this.#knock(to);
  }

  #knock(to: Destination): void {
    const there = this.#network.link(this.#from.host, to.host);
    const back = this.#network.link(to.host, this.#from.host);
    this.#later(there.delay(0), () => {
      if (there.blocked || back.blocked || !to.host.up) {
        if (this.#network.scheduler.time >= this.#deadline) this.#refuse(REASONS.timedOut);
        else this.#later(RETRY_MICROS, () => this.#knock(to));
        return;
      }
      const listener = this.#network.listenerOf(to, this.#port);
      if (listener === undefined) {
        this.#later(back.delay(0), () => this.#refuse(REASONS.refused));
      } else {
        const remote = addressOf(this.#name, this.#port);
        const endpoint = this.#network.join(this.#from, listener, remote);
        this.#later(back.delay(0), () => this.#succeed(endpoint));
      }
    });
  }

  #succeed(endpoint: Endpoint): void {
    this.#settle.resolve('connect', endpoint.id, this.#port, () => {
      endpoint.handedOver();
      return endpoint;
    });
  }

  #refuse(reason: string): void {
    const error = failed('connect to', this.#name, this.#port, reason);
    this.#settle.reject('connect', 0, this.#port, error);
  }

  #later(delay: number, action: () => void): void {
    this.#network.scheduler.world(delay, 'net', 0, this.#port, () => {
      if (this.#from.thread.alive) action();
    });
  }
}

export class SimListener implements Listener, Held {
  readonly kind: string = 'listener';
  readonly host: string;
  readonly port: number;
  readonly scope: Scope;
  readonly thread: NetworkThread;
  readonly #network: SimNetwork;
  readonly #accept: (connection: Connection) => void;
  #open = true;

  constructor(
    network: SimNetwork,
    thread: NetworkThread,
    host: string,
    scope: Scope,
    port: number,
    accept: (connection: Connection) => void,
  ) {
    this.#network = network;
    this.thread = thread;
    this.host = host;
    this.scope = scope;
    this.port = port;
    this.#accept = accept;
    thread.thread.held.add(this);
    network.listen(this);
  }

  get what(): string {
    return `on ${addressOf(this.host, this.port)}`;
  }

  /** Hands over a connection, or breaks it off if nobody takes it any more. */
  take(endpoint: Endpoint): void {
    if (!endpoint.live) return;
    endpoint.handedOver();
    if (this.#open) this.#accept(endpoint);
    else endpoint.destroy();
  }

  release(): void {
    this.#open = false;
    this.#network.unlisten(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    const thread = this.thread.thread;
    if (!thread.alive) return new Promise(() => undefined);
    thread.enter();
    if (thread.held.delete(this)) this.release();
    return thread.promise((settle) => settle.resolve('listen', this.port, 1, () => undefined));
  }
}

function failed(operation: string, host: string, port: number, reason: string): EngineError {
  return new EngineError('NETWORK_FAILED', { operation, address: addressOf(host, port), reason });
}

function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
