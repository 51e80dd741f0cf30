/** One seed of the durable counter with all faults, to the end, and what is to be said of it. */
import { AssertionError } from '../../src/base/assert.ts';
import { minutes, seconds } from '../../src/base/units.ts';
import type { Checker } from '../checkers/checker.ts';
import { nothingLeft } from '../checkers/nothing-left.ts';
import { FaultPlan } from '../fault-plan.ts';
import { everyFault } from '../faults/every-fault.ts';
import { runPhases } from '../phases.ts';
import { simulation, type Simulation } from '../simulation.ts';
import { counterWorker, readLog, startCounter, type Mistake } from './durable-counter.test-kit.ts';

const CLIENTS = 3;
const INCREMENTS = 120;

export interface CounterOutcome {
  readonly hash: string;
  readonly steps: number;
  readonly injected: ReadonlyMap<string, number>;
}

/** @throws if an acknowledged increment is lost, one is counted twice, or the work never ends */
export async function runCounter(seed: number, mistake?: Mistake): Promise<CounterOutcome> {
  const world = simulation({ seed, workers: { slot: counterWorker(mistake) } });
  const run = startCounter(world, { clients: CLIENTS, increments: INCREMENTS, mistake });
  // The counter opens its file once: a disk that fails then is for programs that try again.
  const classes = everyFault(400).filter(({ name }) => name !== 'disk-error');
  const plan = new FaultPlan(world, { classes });
  await runPhases(world, {
    plan,
    faultsFor: seconds(30),
    until: run.done,
    convergeWithin: minutes(3),
    checkers: [onlyInjectedFailures(world)],
  });
  await checkLog(world, run.acknowledged);
  return { hash: world.trace.hash(), steps: world.scheduler.steps, injected: plan.injected };
}

/** Whatever happens before, the power is lost once more: what was acknowledged must be there. */
async function checkLog(world: Simulation, acknowledged: readonly Set<number>[]): Promise<void> {
  const host = world.host('server');
  for (const supervised of host.supervised) supervised.release();
  host.crash(world.random('last crash'));
  host.restart();
  const log = await world.runProcess(host, readLog, minutes(1));
  for (const [client, seen] of acknowledged.entries()) {
    for (const sequence of seen) {
      if (log.has(`${client}:${sequence}`)) continue;
      throw new AssertionError(`seed ${world.seed}: increment ${client}:${sequence} is lost`);
    }
  }
}

/** A log that cannot be written fails its worker, by design; anything else is a mistake. */
function onlyInjectedFailures(world: Simulation): Checker {
  return nothingLeft(world, {
    keeps: () => true,
    expects: ({ error }) => error instanceof Error && error.message.includes('/data/log'),
  });
}
