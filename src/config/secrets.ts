/** Which options hold secrets. Their values are stored and sent, but never shown. */
import { MASK } from '../base/redact-text.ts';

/** Parts of keys, as in Flink, and a few more. */
const SECRET_PARTS: readonly string[] = [
  'password',
  'secret',
  'token',
  'apikey',
  'api-key',
  'access-key',
  'access.key',
  'account.key',
  'private-key',
  'service-key',
  'auth-params',
  'basic-auth',
  'jaas.config',
  'http-headers',
  'credential',
];

/** @example isSecretKey('security.ssl.internal.keystore-password') // true */
export function isSecretKey(key: string): boolean {
  const lower = key.toLowerCase();
  return SECRET_PARTS.some((part) => lower.includes(part));
}

/** The value of an option as it may be printed, logged and answered. */
export function shownValue(key: string, text: string): string {
  return isSecretKey(key) ? MASK : text;
}
