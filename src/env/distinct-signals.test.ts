// Signals that come twice at once are one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onDistinctSignal, SAME_SIGNAL } from './distinct-signals.ts';

type Signal = 'SIGINT' | 'SIGTERM';

/** What is heard of signals at these milliseconds. */
function heard(...sent: readonly (readonly [number, Signal])[]): readonly string[] {
  const listeners = new Set<(signal: Signal) => void>();
  let now = 0;
  const env = {
    clock: { monotonic: () => now },
    terminal: {
      onSignal: (listener: (signal: Signal) => void) => {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    },
  };
  const found: string[] = [];
  const listening = onDistinctSignal(env as never, (signal) => found.push(`${now} ${signal}`));
  for (const [at, signal] of sent) {
    now = at;
    for (const listener of listeners) listener(signal);
  }
  listening[Symbol.dispose]();
  assert.equal(listeners.size, 0);
  return found;
}

test('one that a group and a parent have passed on is one', () => {
  assert.deepEqual(heard([10_000, 'SIGTERM'], [10_000, 'SIGTERM'], [10_400, 'SIGINT']), [
    '10000 SIGTERM',
  ]);
});

test('one that comes later counts again, however many came before', () => {
  assert.deepEqual(heard([0, 'SIGINT'], [SAME_SIGNAL - 1, 'SIGINT'], [SAME_SIGNAL, 'SIGTERM']), [
    '0 SIGINT',
    `${SAME_SIGNAL} SIGTERM`,
  ]);
  assert.deepEqual(
    heard([0, 'SIGINT'], [499, 'SIGINT'], [998, 'SIGINT'], [1400, 'SIGINT'], [1498, 'SIGINT']),
    ['0 SIGINT', '998 SIGINT', '1498 SIGINT'],
  );
});
