/**
 * Keeps secrets out of what is answered: the values of keys that name one, and in any text the
 * passwords of URLs and what follows words such as `token=`.
 */
import { MASK, redactText } from '../base/redact-text.ts';
import { isSecretKey } from '../config/secrets.ts';

/** Keys of parameters are written without hyphens, too: `apiKey`, `accessKey`. */
const MORE_SECRETS =
  /pass(?:word|wd|phrase)|(?:api|access|account|private|service|secret|shared)key|sastoken|sharedaccesssignature|^(?:key|sas|sig|pwd)$/;

export function isSecret(key: string): boolean {
  return isSecretKey(key) || MORE_SECRETS.test(key.toLowerCase().replace(/[-_.]/g, ''));
}

/** The value of a key: masked if the key names a secret, else without the secrets in it. */
export function redactValue(key: string, value: string): string {
  return isSecret(key) && value !== '' ? MASK : redactText(value);
}

/** Plain data with every text in it redacted. */
export function redact(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return redactValue(key, value);
  if (Array.isArray(value)) return value.map((item) => redact(item, key));
  if (typeof value !== 'object' || value === null) {
    return isSecret(key) && value !== null && value !== undefined ? MASK : value;
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, redact(each, name)]),
  );
}
