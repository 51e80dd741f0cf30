/** Rows of the error table, by whose fault an error is. */
import type { ErrorEntry } from './errors.ts';

export function user(message: string, fix?: string): ErrorEntry {
  return { domain: 'user', retry: 'never', message, ...(fix === undefined ? {} : { fix }) };
}

export function external(message: string, fix?: string): ErrorEntry {
  return { domain: 'external', retry: 'backoff', message, ...(fix === undefined ? {} : { fix }) };
}

export function internal(message: string, retry: ErrorEntry['retry'] = 'backoff'): ErrorEntry {
  return { domain: 'internal', retry, message };
}
