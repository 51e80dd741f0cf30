/** The part of the error table for state: what is put into it, its snapshots, its evolution. */
import type { ErrorCode } from './error-code.ts';
import { user } from './error-entry.ts';
import type { ErrorEntry } from './errors.ts';

type StateErrorCode = Extract<ErrorCode, `STATE_${string}`>;

export const STATE_ERRORS: Readonly<Record<StateErrorCode, ErrorEntry>> = {
  STATE_INCOMPATIBLE: user(
    'The state "{state}" of "{operator}" is {saved} where it was saved or declared first, and {declared} in this program.',
    'Give the new state another name, or keep its kind and schema.',
  ),
  STATE_KEY_FAMILY: user(
    'The key {key} of "{operator}" is a {family}, but the keys of its state are of the family {pinned}.',
    'Let the key selector always return the same kind of value.',
  ),
  STATE_MIGRATION_FAILED: user(
    'The migration of the state "{state}" of "{operator}" failed: {reason}',
    'Make the function take every value that may have been stored.',
  ),
  STATE_NOT_EVOLVABLE: user(
    'What was stored of the state "{state}" of "{operator}" cannot go on as what this program declares, because of {field}: {reason}.',
    '{fix}',
  ),
  STATE_NOT_SERIALIZABLE: user(
    'The state "{state}" of "{operator}" holds a value that does not fit its schema, at the key {key}: {reason}',
    'Store only what the declared schema describes.',
  ),
  STATE_SNAPSHOT_CORRUPT: {
    domain: 'external',
    retry: 'never',
    message: 'The snapshot {source} is damaged: {reason}.',
    fix: 'Restore an older snapshot, and look at the disk or the store that it was read from.',
  },
  STATE_SNAPSHOT_MISMATCH: user(
    'The snapshot {source} cannot be restored here: {reason}.',
    'Restore with the program, the settings and the version that belong to it.',
  ),
  STATE_VALUE_INVALID: user(
    'The state "{state}" of "{operator}" cannot hold {value}: its schema is {wanted}.',
    'Store only what the declared schema describes, or declare another schema.',
  ),
};
