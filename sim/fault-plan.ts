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
import type { Duration } from '../src/base/units.ts';
import type { Fault, FaultClass } from './faults/fault.ts';
import type { Simulation } from './simulation.ts';

export interface FaultPlanOptions {
  readonly classes: readonly FaultClass[];
  /** Probability that a seed enables a class; 1 for all of them. */
  readonly enabled?: number | undefined;
  /** Virtual time in which every enabled class strikes once, if it finds anything to hit. */
  readonly firstWithin?: Duration | undefined;
}

interface Enabled {
  readonly fault: FaultClass;
  readonly random: Prng;
  injected: number;
  tries: number;
}

/** A class that found nothing to hit and has to strike once tries again after at most this. */
const RETRY_MILLIS = 50;

export class FaultPlan {
  readonly #world: Simulation;
  readonly #enabled: readonly Enabled[];
  readonly #lasting: Set<Fault> = new Set();
  readonly #firstWithin: Duration | undefined;
  #phase: 'before' | 'faults' | 'healed' = 'before';

  constructor(world: Simulation, options: FaultPlanOptions) {
    this.#world = world;
    const probability = options.enabled ?? 0.5;
    this.#firstWithin = options.firstWithin;
    this.#enabled = options.classes.flatMap((fault) => {
      const random = world.random(`fault ${fault.name}`);
      return random.fork('enabled').chance(probability)
        ? [{ fault, random, injected: 0, tries: 0 }]
        : [];
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
    const wait = this.#wait(each) * 1000;
    this.#world.scheduler.world(wait, 'fault', 0, 0, () => {
      if (this.#phase !== 'faults') return;
      this.#strike(each);
      this.#next(each);
    });
  }

  /** Milliseconds until a class tries again. */
  #wait(each: Enabled): number {
    const unit = each.random.unit();
    if (each.injected > 0 || this.#firstWithin === undefined) {
      return -Math.log(1 - unit) * each.fault.everyMillis;
    }
    each.tries += 1;
    return each.tries === 1 ? unit * this.#firstWithin : unit * RETRY_MILLIS;
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
