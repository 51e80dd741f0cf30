/**
 * Whether a port may be opened. What other machines can reach must know who calls, and keep what is
 * said to itself; else it stays on this machine, unless somebody has written out that he wants it
 * otherwise. There is no other place where this is decided.
 */
import { EngineError } from '../base/errors.ts';
import type { Configuration } from './configuration.ts';
import { SecurityOptions } from './options/security-options.ts';

export interface BindRequest {
  /** Of the port, for the message, e.g. `the REST interface`. */
  readonly what: string;
  readonly host: string;
  /** The option that says where it listens. */
  readonly hostKey: string;
  /** Callers must show that they know a secret or have a certificate. */
  readonly authenticated: boolean;
  readonly encrypted: boolean;
  /** How to get what is missing, as a sentence. */
  readonly remedy: string;
}

/**
 * @returns what is unsafe about it in words, for the log and the banner; undefined if nothing is
 * @throws EngineError CONFIG_INSECURE_BIND unless `millrace.security.insecure-bind` is set
 * @example
 * const warning = checkBind(configuration, { what: 'the REST interface', host, ... });
 */
export function checkBind(configuration: Configuration, request: BindRequest): string | undefined {
  const { what, host, hostKey, authenticated, encrypted, remedy } = request;
  if (isLoopback(host) || (authenticated && encrypted)) return undefined;
  const missing = [...(authenticated ? [] : ['authentication']), ...(encrypted ? [] : ['TLS'])];
  const without = missing.join(' and ');
  if (!configuration.get(SecurityOptions.insecureBind)) {
    const subject = what.charAt(0).toUpperCase() + what.slice(1);
    throw new EngineError('CONFIG_INSECURE_BIND', { subject, host, hostKey, without, remedy });
  }
  return `${what} listens on ${host} without ${without}: whoever reaches it can ${
    authenticated ? 'read along' : 'use it'
  }`;
}

/** Whether only this machine reaches it. Names other than `localhost` can lead anywhere. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (name === 'localhost' || name === '::1' || name === '0:0:0:0:0:0:0:1') return true;
  const address = name.startsWith('::ffff:') ? name.slice('::ffff:'.length) : name;
  const parts = address.split('.');
  return (
    parts.length === 4 &&
    parts[0] === '127' &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)
  );
}
