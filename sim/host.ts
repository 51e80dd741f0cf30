/**
 * A simulated machine: processes, one disk, one address, a wall clock of its own. It can lose its
 * power, which ends every process without a word to its peers and takes all that was not synced.
 *
 * Invariants
 * M1. A process starts only on a host that is up, and none is left when the host goes down.
 * M2. A supervised process that has ended is started again while its host is up, as often as that
 *     takes.
 */
import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import type { Timestamp } from '../src/base/units.ts';
import type { Env } from '../src/env/env.ts';
import type { FileSystem } from './file-system.ts';
import { SimProcess, type ProcessSettings } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import type { SimThread } from './thread.ts';

/**
 * What runs in a simulated process. A number ends the process with that code; undefined leaves it
 * alive until it is killed.
 */
export type ProcessMain = (env: Env) => Promise<number | undefined> | number | undefined;

export interface StartOptions {
  readonly args?: readonly string[] | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly workingDirectory?: string | undefined;
}

/** How a supervisor restarts what has ended. */
export interface Supervision extends StartOptions {
  /** Milliseconds between the end and the next start; drawn from half of it to twice as much. */
  readonly restartDelay: number;
}

/** Working directory of processes for which none is given; every host has it. */
export const HOME = '/home';

/** What a host needs of the world. */
export interface HostWorld {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  /** Makes an environment for the main thread of a process, or for a worker. */
  settings(host: SimHost): ProcessSettings;
  /** Takes what the host had not synced. */
  powerLost(host: SimHost, random: Prng): void;
  powerBack(host: SimHost): void;
}

/** A process that is kept running. */
export interface Supervised {
  readonly name: string;
  /** The running process; undefined between two runs. */
  readonly process: SimProcess | undefined;
  /** How often it was started. */
  readonly starts: number;
  /** Does not start it again; the running process is left alone. */
  release(): void;
}

export class SimHost {
  readonly name: string;
  readonly address: string;
  readonly files: FileSystem;
  readonly processes: Set<SimProcess> = new Set();
  /** Milliseconds that the wall clock is off. */
  wallOffset = 0;
  /** Seconds that a second of this host's monotonic clock takes. */
  readonly rate: number;
  /** What the monotonic clock showed when the simulation began, in milliseconds. */
  readonly bootMillis: number;
  #up = true;
  readonly #world: HostWorld;
  readonly #supervised: Supervisor[] = [];

  constructor(name: string, address: string, files: FileSystem, world: HostWorld) {
    this.name = name;
    this.address = address;
    this.files = files;
    this.#world = world;
    this.rate = 1 + (world.random.unit() - 0.5) / 5000;
    files.makeDirectory(HOME, { host: name, now: 0 as Timestamp });
    files.syncDirectory('/');
    this.bootMillis = world.random.below(1_000_000);
  }

  get up(): boolean {
    return this.#up;
  }

  /** Starts a process that runs `main` after the time that a start takes. */
  start(name: string, main: ProcessMain, options: StartOptions = {}): SimProcess {
    assert(this.#up, `M1: ${this.name} is down`);
    const process = new SimProcess(this, name, main, options, this.#world.settings(this));
    this.processes.add(process);
    process.whenExited(() => this.processes.delete(process));
    return process;
  }

  /** Starts a process and keeps it running. */
  supervise(name: string, main: ProcessMain, options: Supervision): Supervised {
    const supervisor = new Supervisor(this, name, main, options, this.#world);
    this.#supervised.push(supervisor);
    supervisor.start();
    return supervisor;
  }

  /**
   * Loses power: all processes end at once, the network falls silent, what was not synced is gone
   * or torn.
   */
  crash(random: Prng): void {
    if (!this.#up) return;
    this.#up = false;
    for (const process of [...this.processes]) process.losePower();
    assert(this.processes.size === 0, `M1: processes outlive the power of ${this.name}`);
    this.#world.powerLost(this, random);
  }

  /** Has power again: the disk is as the crash left it, supervised processes start. */
  restart(): void {
    if (this.#up) return;
    this.#up = true;
    this.#world.powerBack(this);
    for (const supervisor of this.#supervised) supervisor.start();
  }

  /** Of which a thread is; undefined once it has ended. */
  processOf(thread: SimThread): SimProcess | undefined {
    return [...this.processes].find((process) => process.threads.has(thread));
  }

  /** Processes that are to be kept running. */
  get supervised(): readonly Supervised[] {
    return this.#supervised;
  }
}

class Supervisor implements Supervised {
  readonly name: string;
  process: SimProcess | undefined = undefined;
  starts = 0;
  readonly #host: SimHost;
  readonly #main: ProcessMain;
  readonly #options: Supervision;
  readonly #world: HostWorld;
  #released = false;

  constructor(
    host: SimHost,
    name: string,
    main: ProcessMain,
    options: Supervision,
    world: HostWorld,
  ) {
    this.#host = host;
    this.name = name;
    this.#main = main;
    this.#options = options;
    this.#world = world;
  }

  start(): void {
    if (this.#released || !this.#host.up || this.process !== undefined) return;
    this.starts += 1;
    const process = this.#host.start(this.name, this.#main, this.#options);
    this.process = process;
    process.whenExited(() => {
      this.process = undefined;
      const delay = this.#options.restartDelay * 1000;
      const drawn = delay / 2 + this.#world.random.below(Math.ceil(delay * 1.5) + 1);
      this.#world.scheduler.world(drawn, 'start', 0, this.starts, () => this.start());
    });
  }

  release(): void {
    this.#released = true;
  }
}
