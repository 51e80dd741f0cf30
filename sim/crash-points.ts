/**
 * Every operation on a disk and every message of the processes that a simulation is about, counted
 * as they happen; at one of them its process is killed. As a run is the same up to there, the
 * points of one run are those of all.
 *
 * Invariants
 * Z1. Counting changes nothing of a run.
 * Z2. At most one process is killed, at the point and in the way that was asked for.
 */

/**
 * Before it happens, after it has and before its process hears of it, or in the middle of a write.
 */
export type CrashMode = 'before' | 'after' | 'torn';

export type CrashKind = 'disk' | 'send' | 'receive';

export interface CrashPoint {
  readonly kind: CrashKind;
  /** Of the scenario. */
  readonly phase: string;
  readonly process: string;
  readonly what: string;
  readonly modes: readonly CrashMode[];
}

export interface CrashTarget {
  /** Of the point, from 0. */
  readonly index: number;
  readonly mode: CrashMode;
}

export class CrashPoints {
  /** In which points are counted; undefined: they are not. */
  phase: string | undefined = undefined;
  readonly points: CrashPoint[] = [];
  readonly #isMeant: (process: string) => boolean;
  readonly #target: CrashTarget | undefined;
  #struck = false;

  /** `isMeant`: by the name of a process. */
  constructor(isMeant: (process: string) => boolean, target?: CrashTarget) {
    this.#isMeant = isMeant;
    this.#target = target;
  }

  /** Z2. */
  get struck(): boolean {
    return this.#struck;
  }

  /** How the process is to be killed at this point; undefined: it lives. */
  reach(
    kind: CrashKind,
    process: string | undefined,
    what: string,
    modes: readonly CrashMode[],
  ): CrashMode | undefined {
    if (this.phase === undefined || process === undefined || !this.#isMeant(process)) {
      return undefined;
    }
    const index = this.points.length;
    this.points.push({ kind, phase: this.phase, process, what, modes });
    if (this.#target?.index !== index) return undefined;
    this.#struck = true;
    return this.#target.mode;
  }
}
