/**
 * A simulated world under a seed: hosts with processes and their environments, a network, disks,
 * and the one scheduler that runs it all. The composition root of the simulated environment.
 *
 * Invariants
 * X1. The seed and the options decide everything: two runs of a seed have the same trace hash.
 * X2. Draws are forked by purpose, so that a new draw in one place does not move the others.
 */
import { assert } from '../src/base/assert.ts';
import { Prng } from '../src/base/prng.ts';
import type { Duration, Timestamp } from '../src/base/units.ts';
import type { Env, WorkerMain, WorkerRole } from '../src/env/env.ts';
import { SimClock } from './clock.ts';
import type { CrashPoints } from './crash-points.ts';
import { SimCompression } from './compression.ts';
import { simCryptography } from './cryptography.ts';
import { SimDisk, type Mount } from './disk.ts';
import { FileSystem } from './file-system.ts';
import { forbid } from './forbidden.ts';
import { SimHost, type HostWorld } from './host.ts';
import { drawKnobs, type Knobs } from './knobs.ts';
import { SimLog, type LogWatch } from './log.ts';
import { SimMemory } from './memory.ts';
import { SimModules, type JobModules } from './modules.ts';
import { NetworkThread, SimNetwork } from './network.ts';
import type { ProcessSettings, SimProcess } from './process.ts';
import { simProfiler } from './profiler.ts';
import { SimProcesses, type ProcessMains } from './processes.ts';
import { Buggify, SimRandom } from './random.ts';
import { Scheduler, type Failure } from './scheduler.ts';
import { portableStacks } from './stacks.ts';
import { SimTerminal } from './terminal.ts';
import type { SimThread } from './thread.ts';
import { Trace } from './trace.ts';
import { SimWorkers } from './workers.ts';

/** Events after which a simulation is taken for one that never ends. */
const STEP_LIMIT = 50_000_000;

/** Every simulated host. */
const MACHINE = {
  cores: 4,
  memoryBytes: 16 * 2 ** 30,
  freeMemoryBytes: (): number => 8 * 2 ** 30,
  residentBytes: (): number => 64 * 2 ** 20,
};

export interface SimulationOptions {
  readonly seed: number;
  /** What runs in processes that are started through `env.processes`. */
  readonly processes?: ProcessMains | undefined;
  /** What runs in workers. */
  readonly workers?: Readonly<Partial<Record<WorkerRole, WorkerMain>>> | undefined;
  /** Job modules that may be loaded. */
  readonly jobs?: JobModules | undefined;
  /** Absolute paths of folders that all hosts share and that outlive each of them. */
  readonly sharedFolders?: readonly string[] | undefined;
  /** Sizes and speeds that are not to be drawn. */
  readonly knobs?: Partial<Knobs> | undefined;
  /** Whether `random.buggify` is ever true; it is by default. */
  readonly buggify?: boolean | undefined;
  /** Gets a line for every event. */
  readonly print?: ((line: string) => void) | undefined;
  /** Gets the message of every line that is logged. */
  readonly watchLog?: LogWatch | undefined;
  /** Told of every operation and message. */
  readonly points?: CrashPoints | undefined;
  readonly stepLimit?: number | undefined;
  /** See SchedulerOptions. */
  readonly nextTurn?: ((step: () => void) => void) | undefined;
}

/**
 * @example
 * const world = simulation({ seed: 7 });
 * const server = world.host('server').start('echo', serveEcho);
 * await world.run({ until: () => !server.alive, within: minutes(1) });
 * world.trace.hash(); // the same whenever and wherever seed 7 runs
 */
export function simulation(options: SimulationOptions): Simulation {
  return new Simulation(options);
}

export interface RunOptions {
  /** Looked at after every turn. */
  readonly until: () => boolean;
  /** Virtual time, from now, after which the run fails. */
  readonly within: Duration;
}

export class Simulation {
  readonly seed: number;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly buggify: Buggify;
  readonly hosts: SimHost[] = [];
  readonly mounts: readonly Mount[];
  readonly #options: SimulationOptions;
  readonly #random: Prng;
  #pids = 0;
  #threads = 0;
  #ports = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.seed = options.seed;
    this.#random = Prng.of(options.seed);
    this.knobs = { ...drawKnobs(this.random('knobs')), ...options.knobs };
    this.trace = new Trace({ print: options.print });
    this.scheduler = new Scheduler({
      seed: options.seed,
      random: this.random('schedule'),
      trace: this.trace,
      stepLimit: options.stepLimit ?? STEP_LIMIT,
      nextTurn: options.nextTurn,
    });
    this.network = new SimNetwork(
      this.scheduler,
      this.random('network'),
      this.knobs,
      options.points,
    );
    this.buggify = new Buggify(this.random('buggify'), options.buggify ?? true);
    this.mounts = (options.sharedFolders ?? []).map((path) => ({ path, files: new FileSystem() }));
    for (const { path, files } of this.mounts) {
      files.makeDirectory(path, { host: '', now: 0 as Timestamp });
    }
  }

  /** A generator of its own for a purpose; the same purpose gives the same draws. */
  random(purpose: string): Prng {
    return this.#random.fork(purpose);
  }

  /** Milliseconds of virtual time so far. */
  get elapsed(): Duration {
    return (this.scheduler.time / 1000) as Duration;
  }

  /** Errors that nobody handled in a simulated thread. */
  get failures(): readonly Failure[] {
    return this.scheduler.failures;
  }

  /** The host of a name, made when it is first asked for. */
  host(name: string): SimHost {
    const known = this.hosts.find((host) => host.name === name);
    if (known !== undefined) return known;
    const address = `10.0.0.${this.hosts.length + 1}`;
    const host = new SimHost(name, address, new FileSystem(), this.#hostWorld(name));
    this.hosts.push(host);
    this.network.add(host);
    return host;
  }

  /** @throws SimulationError if `until` has not come true in time, or cannot any more */
  async run(options: RunOptions): Promise<void> {
    const { scheduler } = this;
    const allow = forbid((error) => {
      if (scheduler.current !== undefined) scheduler.uncaught(scheduler.current, error);
    });
    const unportable = portableStacks();
    try {
      await scheduler.run(options.until, scheduler.time + options.within * 1000);
    } finally {
      unportable();
      allow();
    }
  }

  /** Lets virtual time pass. */
  async pass(duration: Duration): Promise<void> {
    let over = false;
    this.scheduler.world(duration * 1000, 'pass', 0, 0, () => {
      over = true;
    });
    await this.run({ until: () => over, within: (duration + 1) as Duration });
  }

  /** Runs `body` as a process of its own on a host, to its end. @throws what `body` throws */
  async runProcess<T>(host: SimHost, body: (env: Env) => Promise<T>, within: Duration): Promise<T> {
    let outcome: { readonly value: T } | undefined;
    const process = host.start('body', async (env) => {
      outcome = { value: await body(env) };
      return 0;
    });
    await this.run({ until: () => !process.alive, within });
    if (outcome !== undefined) return outcome.value;
    const failure = this.failures.find((each) => each.thread === process.main.name);
    assert(failure !== undefined, `${process.main.name} was ended from outside`);
    throw failure.error;
  }

  #hostWorld(name: string): HostWorld {
    return {
      scheduler: this.scheduler,
      random: this.random(`host ${name}`),
      settings: (host) => this.#processSettings(host),
      powerLost: (host, random) => {
        host.files.crash(random, host.name);
        for (const { files } of this.mounts) files.crash(random, host.name);
      },
      powerBack: (host) => this.network.powerBack(host),
    };
  }

  #processSettings(host: SimHost): ProcessSettings {
    const starts = this.random(`starts on ${host.name}`).fork(String(this.#pids));
    return {
      scheduler: this.scheduler,
      random: this.random('threads'),
      turnCostMicros: this.knobs.turnCostMicros,
      nextPid: () => (this.#pids += 1),
      nextThreadId: () => (this.#threads += 1),
      startMicros: () => this.knobs.startMicros + starts.below(this.knobs.startMicros),
      environment: (process, thread) => this.#environment(process, thread),
    };
  }

  #environment(process: SimProcess, thread: SimThread): Env {
    const { host } = process;
    const random = this.random(`thread ${thread.name}`);
    const starts = random.fork('starts');
    const terminal = new SimTerminal(process, thread);
    const network = new NetworkThread(this.network, thread, host);
    return {
      clock: new SimClock(thread, host, random.fork('clock')),
      random: new SimRandom(thread, random.fork('random'), this.buggify),
      cryptography: simCryptography,
      network,
      securedNetwork: () => network,
      compression: new SimCompression(),
      disk: new SimDisk({
        thread,
        host,
        mounts: this.mounts,
        workingDirectory: terminal.workingDirectory,
        random: random.fork('disk'),
        micros: this.knobs.diskMicros,
        points: this.#options.points,
      }),
      memory: new SimMemory(process, thread, random.fork('memory')),
      workers: new SimWorkers({
        process,
        thread,
        random: random.fork('workers'),
        mains: this.#options.workers ?? {},
        nextPort: () => (this.#ports += 1),
        startMicros: () => this.knobs.startMicros + starts.below(20_000),
      }),
      processes: new SimProcesses(thread, process, this.#options.processes ?? {}),
      machine: { ...MACHINE, hostName: host.name },
      modules: new SimModules(thread, this.#options.jobs),
      profiler: simProfiler,
      terminal,
      log: new SimLog(thread, this.#options.watchLog),
    };
  }
}
