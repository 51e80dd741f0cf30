/**
 * When the work is done, nothing is held any more: no timer, connection, listener, file, worker or
 * operation of a living process, except what the test says a process keeps while it lives; and no
 * error went unhandled, except those that are expected.
 */
import { AssertionError } from '../../src/base/assert.ts';
import type { Failure } from '../scheduler.ts';
import type { Simulation } from '../simulation.ts';
import type { Held, SimThread } from '../thread.ts';
import type { Checker } from './checker.ts';

export interface NothingLeftOptions {
  /** Whether a living thread may keep this. */
  readonly keeps?: ((held: Held, thread: SimThread) => boolean) | undefined;
  /** Whether this unhandled error belongs to the test. */
  readonly expects?: ((failure: Failure) => boolean) | undefined;
}

export function nothingLeft(world: Simulation, options: NothingLeftOptions = {}): Checker {
  let seen = 0;
  return {
    name: 'nothing left',
    check: () => {
      for (; seen < world.failures.length; seen++) {
        const failure = world.failures[seen] as Failure;
        if (options.expects?.(failure) === true) continue;
        const { thread, error } = failure;
        const message = `${thread} failed: ${error instanceof Error ? error.stack : String(error)}`;
        throw new AssertionError(message);
      }
    },
    atEnd: () => {
      const left = world.hosts
        .flatMap((host) => [...host.processes])
        .flatMap((process) => [...process.threads])
        .flatMap((thread) =>
          [...thread.held]
            .filter((held) => options.keeps?.(held, thread) !== true)
            .map((held) => `${thread.name}: ${held.kind} ${held.what}`),
        );
      if (left.length > 0) throw new AssertionError(`left at the end:\n${left.join('\n')}`);
    },
  };
}
