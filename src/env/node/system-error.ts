/**
 * The operating system's errors in words, as EngineErrors: every failure of disk, network and
 * processes passes through here, so that a user reads what happened to which path or address, and
 * never a bare `ENOENT`.
 */
import { messageOf, EngineError, isEngineError } from '../../base/errors.ts';

const WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken by another process',
  EADDRNOTAVAIL: 'this machine does not have that address',
  EAI_AGAIN: 'the name cannot be looked up at the moment',
  EBADF: 'the file was opened for something else',
  EBUSY: 'it is in use',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side broke off the connection',
  EHOSTUNREACH: 'the host cannot be reached',
  EINVAL: 'it does not support this',
  EIO: 'the device failed',
  EISDIR: 'it is a folder',
  ELOOP: 'its links go in a circle',
  EMFILE: 'this process has too many files open',
  EMLINK: 'it has too many links',
  ENAMETOOLONG: 'the name is too long',
  ENETUNREACH: 'the network cannot be reached',
  ENFILE: 'this machine has too many files open',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of the path is not a folder',
  ENOTEMPTY: 'the folder is not empty',
  ENOTFOUND: 'there is no host of that name',
  EPIPE: 'the other side has closed',
  ETIMEDOUT: 'no answer came',
  ETXTBSY: 'it is being executed',
  EXDEV: 'the two paths are on different file systems',
};

/** What goes wrong between two sides of TLS, by the codes of Node and OpenSSL. */
const TLS_WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: are the clocks right?',
  CERT_SIGNATURE_FAILURE: 'its certificate is of another authority than the one that is believed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is its own, and not of the authority',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not take the certificate of this process',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the certificate of this process has expired',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'it wants a certificate of this process',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it does not speak TLS 1.3',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not believe the authority of this process',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it does not speak TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
  ERR_TLS_HANDSHAKE_TIMEOUT: 'the TLS handshake took too long',
  INVALID_PURPOSE: 'its certificate may not be used for this: it needs serverAuth and clientAuth',
  SELF_SIGNED_CERT_IN_CHAIN:
    'its certificate is of another authority than the one that is believed',
  UNABLE_TO_GET_ISSUER_CERT:
    'its certificate is of another authority than the one that is believed',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is of another authority than the one that is believed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is of another authority than the one that is believed',
};

/** The code of an operating system's error, e.g. `ENOENT`; undefined for anything else. */
export function systemCode(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null) return undefined;
  const code = (thrown as { readonly code?: unknown }).code;
  return typeof code === 'string' ? code : undefined;
}

/** Why something failed, in words, with the system's code in brackets. */
export function systemReason(thrown: unknown): string {
  const code = systemCode(thrown);
  const words = code === undefined ? undefined : (WORDS[code] ?? TLS_WORDS[code]);
  if (words !== undefined) return `${words} (${String(code)})`;
  // Node's error for "all addresses of the name failed" has no message, but its parts have.
  if (thrown instanceof AggregateError && thrown.errors.length > 0) {
    return systemReason(thrown.errors[0]);
  }
  return messageOf(thrown);
}

/** The IO_* error of a failed disk operation; an EngineError stays what it is. */
export function diskError(thrown: unknown, operation: string, path: string): EngineError {
  if (isEngineError(thrown)) return thrown;
  const options = { cause: thrown };
  switch (systemCode(thrown)) {
    case 'ENOENT':
      return new EngineError('IO_NOT_FOUND', { path }, options);
    case 'EEXIST':
      return new EngineError('IO_EXISTS', { path }, options);
    case 'EACCES':
    case 'EPERM':
      return new EngineError('IO_ACCESS_DENIED', { operation, path }, options);
    case 'EROFS':
      return new EngineError('IO_READ_ONLY', { operation, path }, options);
    case 'ENOSPC':
    case 'EDQUOT':
      return new EngineError('IO_NO_SPACE', { operation, path }, options);
    default:
      return new EngineError(
        'IO_FAILED',
        { operation, path, reason: systemReason(thrown) },
        options,
      );
  }
}

/** NETWORK_FAILED with the address and the reason. */
export function networkError(
  thrown: unknown,
  operation: string,
  host: string,
  port: number,
): EngineError {
  const parameters = {
    ...{ operation, address: addressOf(host, port), reason: systemReason(thrown) },
    // Waiting does not heal it.
    ...(Object.hasOwn(TLS_WORDS, systemCode(thrown) ?? '') ? { tls: 'refused' } : {}),
  };
  return new EngineError('NETWORK_FAILED', parameters, { cause: thrown });
}

/** `host:port`, with an IPv6 address in brackets. */
export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
