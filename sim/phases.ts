/**
 * How a simulation with faults runs: a phase in which they happen and only safety is asked for,
 * then all is healed and the work must be done within bounded virtual time, which is liveness.
 * Checkers look on in both, and once more at the end.
 */
import { AssertionError } from '../src/base/assert.ts';
import { seconds, type Duration } from '../src/base/units.ts';
import type { Checker } from './checkers/checker.ts';
import type { FaultPlan } from './fault-plan.ts';
import type { Simulation } from './simulation.ts';
import { SimulationError } from './simulation-error.ts';

/** Checkers look on after this many events. */
const CHECK_EVERY = 32;
const LOOK_EVERY = seconds(1);

export interface PhasesOptions {
  readonly plan: FaultPlan;
  /** Virtual time in which faults happen. */
  readonly faultsFor: Duration;
  /** The work is done. */
  readonly until: () => boolean;
  /** Virtual time after the healing in which it must be. */
  readonly convergeWithin: Duration;
  /**
   * Virtual time that what must hold at the end may still take when the work is done: a process
   * that did not hear of it gives up what it holds once it has missed its master for long enough.
   * None, unless said.
   */
  readonly settleWithin?: Duration | undefined;
  readonly checkers?: readonly Checker[] | undefined;
}

/** @throws SimulationError if a checker objects, or the work is not done in time */
export async function runPhases(world: Simulation, options: PhasesOptions): Promise<void> {
  const { plan, until, faultsFor, convergeWithin } = options;
  const checkers = options.checkers ?? [];
  let over = false;
  plan.begin();
  world.scheduler.world(faultsFor * 1000, 'pass', 0, 0, () => {
    over = true;
  });
  await world.run({
    until: watched(world, checkers, () => over || until()),
    within: (faultsFor + 1) as Duration,
  });
  plan.heal();
  await world.run({ until: watched(world, checkers, until), within: convergeWithin });
  await settle(world, checkers, options.settleWithin ?? (0 as Duration));
  for (const checker of checkers) {
    look(world, checker, () => checker.check());
    look(world, checker, () => checker.atEnd?.());
  }
}

/** Until no checker objects to the end, looking once a second; what one objects to is no error. */
async function settle(
  world: Simulation,
  checkers: readonly Checker[],
  within: Duration,
): Promise<void> {
  const until = world.elapsed + within;
  while (world.elapsed < until && !checkers.every(isSatisfied)) await world.pass(LOOK_EVERY);
}

function isSatisfied(checker: Checker): boolean {
  try {
    checker.atEnd?.();
    return true;
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    return false;
  }
}

function watched(
  world: Simulation,
  checkers: readonly Checker[],
  done: () => boolean,
): () => boolean {
  let next = 0;
  return () => {
    if (world.scheduler.steps >= next) {
      next = world.scheduler.steps + CHECK_EVERY;
      for (const checker of checkers) look(world, checker, () => checker.check());
    }
    return done();
  };
}

function look(world: Simulation, checker: Checker, check: () => void): void {
  try {
    check();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const { seed, scheduler, trace } = world;
    const why = `checker "${checker.name}": ${message}`;
    throw new SimulationError(seed, scheduler.eventTime, why, trace.tail(30));
  }
}
