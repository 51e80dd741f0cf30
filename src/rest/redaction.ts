/**
 * Keeps secrets out of what is answered: the values of keys that name one, and in any text the
 * passwords of URLs and what follows words such as `token=`.
 */
import { MASK, redactText } from '../base/redact-text.ts';
import type { ErrorData } from '../base/errors.ts';
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

/**
 * An error of the engine. In those about the configuration `key` is the name of an option, which
 * says what is wrong, and `value` what it was given.
 */
export function redactError(error: ErrorData | undefined): unknown {
  if (error === undefined || !error.code.startsWith('CONFIG_')) return redact(error);
  const { key, value, ...rest } = error.parameters;
  if (typeof key !== 'string') return redact(error);
  const option = {
    key: redactText(key),
    ...(value === undefined ? {} : { value: redact(value, key) }),
  };
  return { ...(redact(error) as object), parameters: { ...option, ...(redact(rest) as object) } };
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
