/**
 * When faults happen: each seed enables some of the classes, each of which then strikes at times of
 * its own until everything is healed. What was injected is counted by class.
 *
 * Invariants
 * Y1. No fault is injected before `begin` or after `heal`.
 * Y2. After `heal` no fault of this plan lasts: what it began, it has ended, once each.
 * Y3. Enabling a class or not does not move the draws of the others.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Fault, FaultClass } from './faults/fault.ts';
import type { Simulation } from './simulation.ts';

export interface FaultPlanOptions {
  readonly classes: readonly FaultClass[];
  /** Probability that a seed enables a class; 1 for all of them. */
  readonly enabled?: number | undefined;
}

interface Enabled {
  readonly fault: FaultClass;
  readonly random: Prng;
  injected: number;
}

export class FaultPlan {
  readonly #world: Simulation;
  readonly #enabled: readonly Enabled[];
  readonly #lasting: Set<Fault> = new Set();
  #phase: 'before' | 'faults' | 'healed' = 'before';

  constructor(world: Simulation, options: FaultPlanOptions) {
    this.#world = world;
    const probability = options.enabled ?? 0.5;
    this.#enabled = options.classes.flatMap((fault) => {
      const random = world.random(`fault ${fault.name}`);
      return random.fork('enabled').chance(probability) ? [{ fault, random, injected: 0 }] : [];
    });
  }

  /** How many faults of each enabled class were injected. */
  get injected(): ReadonlyMap<string, number> {
    return new Map(this.#enabled.map(({ fault, injected }) => [fault.name, injected]));
  }

  begin(): void {
    assert(this.#phase === 'before', 'Y1: a plan begins once');
    this.#phase = 'faults';
    for (const each of this.#enabled) this.#next(each);
  }

  /** Ends all that lasts, gives power back, and lets no more happen. */
  heal(): void {
    this.#phase = 'healed';
    const { scheduler } = this.#world;
    for (const fault of this.#lasting) {
      this.#lasting.delete(fault);
      fault.heal?.();
    }
    scheduler.trace.record(scheduler.eventTime, undefined, 'heal', 0, 0, 'all');
  }

  #next(each: Enabled): void {
    const wait = -Math.log(1 - each.random.unit()) * each.fault.everyMillis * 1000;
    this.#world.scheduler.world(wait, 'fault', 0, 0, () => {
      if (this.#phase !== 'faults') return;
      this.#strike(each);
      this.#next(each);
    });
  }

  #strike(each: Enabled): void {
    const { scheduler, network, hosts, mounts } = this.#world;
    const { random } = each;
    const fault = each.fault.strike({ scheduler, network, hosts, mounts, random });
    if (fault === undefined) return;
    each.injected += 1;
    const text = `${each.fault.name}: ${fault.what}`;
    scheduler.trace.record(scheduler.eventTime, undefined, 'fault', each.injected, 0, text);
    if (fault.heal === undefined || fault.micros === undefined) return;
    this.#lasting.add(fault);
    scheduler.world(fault.micros, 'heal', each.injected, 0, () => {
      if (!this.#lasting.delete(fault)) return;
      scheduler.trace.record(scheduler.eventTime, undefined, 'heal', each.injected, 0, text);
      fault.heal?.();
    });
  }
}
