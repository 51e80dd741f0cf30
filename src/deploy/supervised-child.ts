/**
 * One process under a supervisor, as a pure machine: started, kept, started again when it has
 * ended, given up when it has never managed to start.
 *
 * K1. There is at most one process: the next is started only when the one before has ended.
 * K2. A process that had been ready is replaced at once; only one that keeps ending is waited for,
 *     up to `LONGEST_PAUSE`.
 * K3. After `stop` none is started.
 */
import { milliseconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';

export type ChildState =
  | { readonly kind: 'starting'; readonly history: History }
  | { readonly kind: 'running'; readonly history: History }
  /** Between two processes. */
  | { readonly kind: 'waiting'; readonly history: History }
  | { readonly kind: 'stopping' }
  | { readonly kind: 'ended' };

interface History {
  /** Whether any process of it has been ready. */
  readonly wasReady: boolean;
  /** Ends without having been ready since the last that was. */
  readonly failures: number;
  /** When the last ones ended that had been ready, within `WINDOW`. */
  readonly ends: readonly Duration[];
}

export type ChildEvent = 'ready' | 'exited' | 'pause-over' | 'stop';

export type ChildEffect =
  | { readonly kind: 'start' }
  | { readonly kind: 'pause'; readonly pause: Duration }
  | { readonly kind: 'terminate' }
  | { readonly kind: 'give-up' };

type Step = readonly [ChildState, readonly ChildEffect[]];

const WINDOW = milliseconds(10_000);
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;
/** For one that gets ready each time: others of the cluster wait for it. */
const LONGEST_PAUSE_AFTER_READY = 500;

export const FIRST_CHILD: ChildState = {
  kind: 'starting',
  history: { wasReady: false, failures: 0, ends: [] },
};

export function stepChild(state: ChildState, event: ChildEvent, now: Duration): Step {
  switch (state.kind) {
    case 'starting':
    case 'running':
      return stepAlive(state, event, now);
    case 'waiting':
      if (event === 'stop') return [{ kind: 'ended' }, []];
      if (event !== 'pause-over') return [state, []];
      return [{ kind: 'starting', history: state.history }, [{ kind: 'start' }]];
    case 'stopping':
      return event === 'exited' ? [{ kind: 'ended' }, []] : [state, []];
    case 'ended':
      return [state, []];
  }
}

function stepAlive(
  state: Extract<ChildState, { kind: 'starting' | 'running' }>,
  event: ChildEvent,
  now: Duration,
): Step {
  const { history } = state;
  switch (event) {
    case 'ready':
      return [{ kind: 'running', history: { ...history, wasReady: true, failures: 0 } }, []];
    case 'stop':
      return [{ kind: 'stopping' }, [{ kind: 'terminate' }]];
    case 'exited':
      if (!history.wasReady) return [{ kind: 'ended' }, [{ kind: 'give-up' }]];
      return replace(state.kind, history, now);
    case 'pause-over':
      return [state, []];
  }
}

/** K2. */
function replace(kind: 'starting' | 'running', history: History, now: Duration): Step {
  const lately = history.ends.filter((end) => now - end < WINDOW);
  if (kind === 'starting') {
    const failures = history.failures + 1;
    const pause = Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
    return waiting({ ...history, failures, ends: lately }, pause);
  }
  const pause = Math.min(FIRST_PAUSE * lately.length, LONGEST_PAUSE_AFTER_READY);
  return waiting({ ...history, ends: [...lately, now] }, pause);
}

function waiting(history: History, pause: number): Step {
  return [{ kind: 'waiting', history }, [{ kind: 'pause', pause: milliseconds(pause) }]];
}
