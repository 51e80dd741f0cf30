/**
 * How long keyed state lives: what is not touched for some time expires. As in Flink it is measured
 * in processing time, and for lists by element, for maps by entry.
 */
import { EngineError } from '../base/errors.ts';
import type { Duration } from '../base/units.ts';

/**
 * The time of what is stored is that of its last write (or read), and goes into snapshots with it;
 * the rest of this may change from one version of a program to the next. Where a state gets a
 * time-to-live only now, what was restored counts as written at the restore; where it has none any
 * more, everything restored stays.
 *
 * Time does not go back for it: while the clock is behind what it once showed in this attempt,
 * nothing grows older.
 * @example
 * state: { last: state.value(Login, { ttl: { duration: hours(24) } }) }
 */
export interface StateTtl {
  readonly duration: Duration;
  /** What makes it live on; 'disabled' is no time-to-live at all. Default: on-create-and-write. */
  readonly update?: 'disabled' | 'on-create-and-write' | 'on-read-and-write' | undefined;
  /**
   * Whether a read may still give what has expired, if it is still there; reading removes it.
   * Default: never-return-expired.
   */
  readonly visibility?: 'never-return-expired' | 'return-expired-if-not-cleaned-up' | undefined;
  /** How what has expired goes away though nobody reads it; false: not at all. */
  readonly cleanup?: false | StateTtlCleanup | undefined;
}

export interface StateTtlCleanup {
  /**
   * Looks at so many keys at every access to the state, and with `everyRecord` at every record.
   * Default: 5 keys, at accesses. False: not at all.
   */
  readonly incremental?:
    | false
    | { readonly keys?: number | undefined; readonly everyRecord?: boolean | undefined }
    | undefined;
  /** Leaves out of snapshots what has expired when they begin. Default: true. */
  readonly inSnapshots?: boolean | undefined;
}

/**
 * Checks a declaration; undefined where nothing expires.
 * @throws EngineError API_INVALID_ARGUMENT
 */
export function checkedTtl(call: string, ttl: StateTtl | undefined): StateTtl | undefined {
  if (ttl === undefined) return undefined;
  const { duration, update, visibility, cleanup } = ttl;
  const refuse = (reason: string): never => {
    throw new EngineError('API_INVALID_ARGUMENT', { call, reason });
  };
  if (!Number.isFinite(duration) || duration <= 0) {
    refuse(`ttl.duration is ${String(duration)}, and must be more than 0`);
  }
  requireOneOf('ttl.update', update, UPDATES, refuse);
  requireOneOf('ttl.visibility', visibility, VISIBILITIES, refuse);
  const incremental = cleanup === false ? undefined : cleanup?.incremental;
  const keys = incremental === false ? undefined : incremental?.keys;
  if (keys !== undefined && (!Number.isSafeInteger(keys) || keys < 1)) {
    refuse(`ttl.cleanup.incremental.keys is ${keys}, and must be a whole number from 1`);
  }
  return update === 'disabled' ? undefined : ttl;
}

const UPDATES = ['disabled', 'on-create-and-write', 'on-read-and-write'];
const VISIBILITIES = ['never-return-expired', 'return-expired-if-not-cleaned-up'];

function requireOneOf(
  what: string,
  given: string | undefined,
  known: readonly string[],
  refuse: (reason: string) => never,
): void {
  if (given === undefined || known.includes(given)) return;
  refuse(`${what} is ${JSON.stringify(given)}, and must be one of ${known.join(', ')}`);
}
