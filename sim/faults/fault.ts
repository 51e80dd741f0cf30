/** What a class of faults is: something that can go wrong now, somewhere that the seed draws. */
import type { Prng } from '../../src/base/prng.ts';
import type { SimHost } from '../host.ts';
import type { Mount } from '../disk.ts';
import type { SimNetwork } from '../network.ts';
import type { Scheduler } from '../scheduler.ts';

/** What a fault may lay its hands on. */
export interface FaultWorld {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly hosts: readonly SimHost[];
  readonly mounts: readonly Mount[];
  /** Draws of this class alone. */
  readonly random: Prng;
}

/** A fault that has been injected. */
export interface Fault {
  /** What was hit, for the trace. */
  readonly what: string;
  /** Microseconds until it is over; undefined for one that is over at once. */
  readonly micros?: number | undefined;
  /** Ends it. Called once, when its time is over or everything is healed. */
  readonly heal?: (() => void) | undefined;
}

export interface FaultClass {
  readonly name: string;
  /** Milliseconds between two faults of this class, on average, while it is enabled. */
  readonly everyMillis: number;
  /** Injects one; undefined if there is nothing that it could hit now. */
  strike(world: FaultWorld): Fault | undefined;
}

/** Limits a class to some targets, and says how often it strikes. */
export interface FaultOptions {
  readonly everyMillis: number;
  /** Whether a host, process or thread of this name may be hit; any may, if it is left out. */
  readonly target?: ((name: string) => boolean) | undefined;
}

export function hits(options: FaultOptions, name: string): boolean {
  return options.target === undefined || options.target(name);
}

/** Microseconds between `least` and `most`, short ones as likely as long ones. */
export function drawMicros(random: Prng, least: number, most: number): number {
  return Math.round(least * (most / least) ** random.unit());
}
