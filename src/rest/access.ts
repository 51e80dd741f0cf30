/**
 * Who may ask, from where: the names under which the server may be called, the token or the cookie
 * of a session, and pages of other sites, which a browser lets knock on any local port.
 *
 * A1. Tokens are compared in a time that does not depend on where they differ, and never logged.
 * A2. A code for a login works once, and not for long.
 * A3. Who has the right token is let in, however often others were refused.
 */
import type { Duration } from '../base/units.ts';
import { minutes, seconds } from '../base/units.ts';
import type { Clock, Random } from '../env/env.ts';
import type { HttpRequest } from '../env/http.ts';
import { handlerError, RestError } from './rest-error.ts';

export interface AccessOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Undefined: everybody is let in, which is for the loopback device only. */
  readonly token: string | undefined;
  /** Names beside `localhost` and addresses by which clients may call the server. */
  readonly hosts: readonly string[];
  /** Told of wrong tokens, of each address a few times a minute at most. */
  readonly onRefused?: ((from: string) => void) | undefined;
}

/** How somebody was let in, for the audit log. */
export type Identity = 'token' | 'session' | 'anybody';

/** What somebody without the token reads. */
const HOW =
  'Send it as "Authorization: Bearer TOKEN"; for Flink\'s own clients set FLINK_REST_CLIENT_HEADERS="Authorization:Bearer TOKEN". The file rest-token in the directory of the cluster has it.';

const COOKIE = 'millrace-session';
const LOGIN_LIFETIME = minutes(1);
const SESSION_LIFETIME = minutes(12 * 60);
const SESSIONS_MAX = 100;
/** Refusals of an address within a minute after which it is told to slow down. */
const REFUSALS_MAX = 20;
/** Of these so many are told. */
const REFUSALS_TOLD = 5;
const REFUSAL_SPAN = minutes(1);
const ADDRESSES_MAX = 1000;

export class Access {
  readonly #options: AccessOptions;
  readonly #hosts: ReadonlySet<string>;
  /** By secret: until when it holds. */
  readonly #logins = new Map<string, Duration>();
  readonly #sessions = new Map<string, Duration>();
  readonly #refusals = new Map<string, { count: number; since: Duration }>();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#hosts = new Set(['localhost', ...options.hosts.map((host) => host.toLowerCase())]);
  }

  /**
   * A site can give its own name the address of this machine, and is then of one origin with us;
   * but the browser still says the name. An address as name proves that nobody did so.
   */
  requireKnownHost(request: HttpRequest): void {
    const header = request.headers['host'] ?? '';
    if (isKnownHost(header, this.#hosts)) return;
    const what = `The host "${shown(header)}" is not one by which this server may be called.`;
    const fix = 'Use its address, or add the name to millrace.rest.allowed-hosts.';
    throw handlerError(403, `${what} ${fix}`);
  }

  /** Nothing is changed at the bidding of a page of another site. */
  requireOwnPage(request: HttpRequest): void {
    const { origin, host = '', 'sec-fetch-site': site } = request.headers;
    const foreign = origin !== undefined && hostOf(origin) !== host.toLowerCase();
    const navigated = site !== undefined && site !== 'same-origin';
    if (!foreign && !(navigated && (origin === undefined || site !== 'none'))) return;
    throw handlerError(403, 'A page of another site may not change anything here.');
  }

  /** @throws RestError 401, 429 */
  identify(request: HttpRequest): Identity {
    const { token } = this.#options;
    if (token === undefined) return 'anybody';
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers['authorization'] ?? '')?.[1];
    if (bearer !== undefined && sameText(bearer, token)) return 'token';
    const cookie = cookieOf(request.headers['cookie'] ?? '');
    if (cookie !== undefined && this.#holds(this.#sessions, cookie)) return 'session';
    throw this.#refuse(request, bearer ?? cookie);
  }

  /** A code that opens a session for whoever presents it first. */
  createLogin(): string {
    return this.#add(this.#logins, LOGIN_LIFETIME);
  }

  /** The cookie of a new session; undefined if the code is not known any more. A2. */
  login(code: string, secure: boolean): string | undefined {
    const known = this.#holds(this.#logins, code);
    this.#logins.delete(code);
    if (!known) return undefined;
    const session = this.#add(this.#sessions, SESSION_LIFETIME);
    const age = SESSION_LIFETIME / 1000;
    const flags = `HttpOnly; SameSite=Strict; Path=/; Max-Age=${age}${secure ? '; Secure' : ''}`;
    return `${COOKIE}=${session}; ${flags}`;
  }

  #add(secrets: Map<string, Duration>, lifetime: Duration): string {
    const now = this.#options.clock.monotonic();
    for (const [secret, until] of secrets) if (until < now) secrets.delete(secret);
    if (secrets.size >= SESSIONS_MAX) secrets.delete(secrets.keys().next().value!);
    const secret = hex(this.#options.random.bytes(32));
    secrets.set(secret, (now + lifetime) as Duration);
    return secret;
  }

  #holds(secrets: ReadonlyMap<string, Duration>, given: string): boolean {
    const now = this.#options.clock.monotonic();
    let holds = false;
    for (const [secret, until] of secrets) {
      if (sameText(secret, given) && until >= now) holds = true;
    }
    return holds;
  }

  #refuse(request: HttpRequest, given: string | undefined): RestError {
    const now = this.#options.clock.monotonic();
    const known = this.#refusals.get(request.remote);
    const recent = known !== undefined && now - known.since < REFUSAL_SPAN ? known : undefined;
    const entry = recent ?? { count: 0, since: now };
    entry.count += given === undefined ? 0 : 1;
    if (this.#refusals.size >= ADDRESSES_MAX) this.#refusals.clear();
    this.#refusals.set(request.remote, entry);
    if (given !== undefined && entry.count <= REFUSALS_TOLD) {
      this.#options.onRefused?.(request.remote);
    }
    if (entry.count > REFUSALS_MAX) {
      const headers = { 'retry-after': String(Math.ceil(REFUSAL_SPAN / seconds(1))) };
      return new RestError(429, ['Too many requests with a wrong token.'], { headers });
    }
    const what = given === undefined ? 'needs the token of the cluster' : 'refuses this token';
    return new RestError(401, [`The REST interface ${what}. ${HOW}`], {
      headers: { 'www-authenticate': 'Bearer realm="millrace"' },
    });
  }
}

/** A1. */
function sameText(left: string, right: string): boolean {
  let difference = left.length ^ right.length;
  for (let i = 0; i < left.length; i++) {
    difference |= left.charCodeAt(i) ^ right.charCodeAt(i % Math.max(right.length, 1));
  }
  return difference === 0;
}

/** @param hosts names beside addresses, in small letters */
export function isKnownHost(header: string, hosts: ReadonlySet<string>): boolean {
  const name = /^(\[[0-9a-fA-F:.]+\]|[^:@/\s]+)(?::\d+)?$/.exec(header)?.[1]?.toLowerCase();
  return name !== undefined && (isAddress(name) || hosts.has(name.replace(/\.$/, '')));
}

function isAddress(name: string): boolean {
  return name.startsWith('[') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(name);
}

/** `null` and what is no URL are of nobody. */
function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host.toLowerCase();
  } catch {
    return undefined;
  }
}

function cookieOf(header: string): string | undefined {
  const pairs = header.split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** As it may stand in an answer. */
function shown(header: string): string {
  return header.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
}
