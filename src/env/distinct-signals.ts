/**
 * Signals as those mean them who send them: one that is sent to a whole group of processes reaches
 * a process from the group and once more from a parent that passes it on (`bin/millrace.js`, npm),
 * and is still one. Who wants to say something a second time takes longer than that.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { Env } from './env.ts';

/** Those that come so soon after one that counted are the same one. */
export const SAME_SIGNAL: Duration = milliseconds(500);

export function onDistinctSignal(
  { clock, terminal }: Pick<Env, 'clock' | 'terminal'>,
  listener: (signal: 'SIGINT' | 'SIGTERM') => void,
): Disposable {
  let last: Duration | undefined;
  return terminal.onSignal((signal) => {
    const now = clock.monotonic();
    if (last !== undefined && now - last < SAME_SIGNAL) return;
    last = now;
    listener(signal);
  });
}
