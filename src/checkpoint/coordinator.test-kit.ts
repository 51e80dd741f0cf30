/** A coordinator machine on a clock that stands still until it is told. */
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { Timestamp } from '../base/units.ts';
import { Configuration } from '../config/configuration.ts';
import type { SubtaskCheckpointMetrics, TaskSnapshot } from '../protocol/checkpoint.ts';
import { checkpointConfigOf } from './checkpoint-config.ts';
import type { TaskStanding } from './checkpoint-plan.ts';
import { initialCoordinator, nextTickOf, stepCoordinator } from './coordinator-machine.ts';
import type {
  CheckpointRequest,
  CoordinatorEffect,
  CoordinatorEvent,
  CoordinatorState,
} from './coordinator-state.ts';

export const NOTHING: TaskSnapshot = { operators: [], inputs: [], outputs: [], finished: false };
export const NO_METRICS: SubtaskCheckpointMetrics = {
  ...{ startDelayMillis: 0, alignmentMillis: 0, syncMillis: 0, asyncMillis: 0 },
  ...{ writtenBytes: 0, stateBytes: 0, processedBytes: 0, inFlightBytes: 0, unaligned: false },
};
export const BROKEN: EngineError = new EngineError('INTERNAL', { message: 'no space' });

/** A source (0), two maps (1, 2) that read it, and a sink (3) that reads both. */
const PRODUCERS = [[], [0], [0], [1, 2]] as const;

type EffectOf<K extends CoordinatorEffect['kind']> = Extract<CoordinatorEffect, { kind: K }>;

export class CoordinatorUnderTest {
  state: CoordinatorState;
  effects: CoordinatorEffect[] = [];
  now = 0;

  constructor(options: Readonly<Record<string, string>> = {}) {
    const config = checkpointConfigOf(
      Configuration.parse({ 'execution.checkpointing.interval': '100 ms', ...options }),
    );
    this.state = initialCoordinator(config, { producers: PRODUCERS }, 1);
  }

  feed(event: CoordinatorEvent, draw = 0): readonly CoordinatorEffect[] {
    const input = { now: milliseconds(this.now), wall: (1000 + this.now) as Timestamp, draw };
    const [state, effects] = stepCoordinator(this.state, event, input);
    this.state = state;
    this.effects.push(...effects);
    return effects;
  }

  /** Moves the clock, with the ticks that the machine wants on the way. */
  pass(duration: number): void {
    const end = this.now + duration;
    for (let tick = nextTickOf(this.state); tick !== undefined; tick = nextTickOf(this.state)) {
      if (tick > end) break;
      this.now = Math.max(tick, this.now);
      this.feed({ kind: 'tick' });
    }
    this.now = end;
  }

  run(tasks: readonly TaskStanding[] = ['running', 'running', 'running', 'running']): void {
    this.feed({ kind: 'tasks', tasks });
  }

  request(request: Partial<CheckpointRequest> & { readonly requestId: number }): void {
    this.feed({ kind: 'request', request: { full: false, savepoint: undefined, ...request } });
  }

  /** Folder and enumerators answer. */
  trigger(checkpointId: number): void {
    this.feed({ kind: 'prepared', checkpointId, location: `chk-${checkpointId}` });
    this.feed({ kind: 'sources-snapshot', checkpointId, sources: [] });
  }

  acknowledge(checkpointId: number, ...executions: number[]): void {
    for (const execution of executions) {
      const answer = { snapshot: NOTHING, metrics: NO_METRICS };
      this.feed({ kind: 'acknowledged', checkpointId, execution, ...answer });
    }
  }

  complete(checkpointId: number): void {
    this.trigger(checkpointId);
    this.acknowledge(checkpointId, 0, 1, 2, 3);
    this.feed({ kind: 'completed', checkpointId });
  }

  of<K extends CoordinatorEffect['kind']>(kind: K): EffectOf<K>[] {
    return this.effects.filter((effect): effect is EffectOf<K> => effect.kind === kind);
  }

  /** Ids of those that have begun, and how the others ended. */
  get begun(): number[] {
    return this.of('prepare').map(({ pending }) => pending.checkpointId);
  }

  get aborted(): (readonly [number, string])[] {
    return this.of('aborted').map(({ pending, error }) => [pending.checkpointId, error.code]);
  }

  get notices(): string[] {
    return this.of('notify').map(
      ({ notice: { checkpointId, outcome, latestComplete } }) =>
        `${checkpointId} ${outcome} (${latestComplete})`,
    );
  }
}
