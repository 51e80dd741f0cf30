/**
 * The sources of a job that wait for each other, by group: gathers how far each reader is, and
 * tells the readers how far they may go. Flink's SourceCoordinators do this together.
 *
 * Invariants
 * W1. The limit of a source is the least watermark that the readers of its group have told, and its
 *     own drift. Who has told none, is idle or has ended holds nobody.
 * W2. A reader is told a limit once, and again when it has changed.
 */
import { assert } from '../base/assert.ts';
import type { Duration } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import type { OperatorId } from '../graph/job-graph.ts';

export interface AlignedSource {
  readonly operator: OperatorId;
  readonly group: string;
  readonly maxDrift: Duration;
  readonly updateInterval: Duration;
}

type Tell = (operator: OperatorId, subtask: number, limit: number) => void;

interface Member extends AlignedSource {
  /** Of each reader, as it told last. */
  readonly watermarks: Map<number, number>;
  /** Of each registered reader: the limit it knows. */
  readonly told: Map<number, number>;
}

export class AlignmentGroups {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #tell: Tell;
  readonly #members = new Map<OperatorId, Member>();
  readonly #timers = new Map<OperatorId, Disposable>();

  constructor(clock: Pick<Clock, 'after'>, tell: Tell) {
    this.#clock = clock;
    this.#tell = tell;
  }

  add(source: AlignedSource): void {
    assert(!this.#members.has(source.operator), 'a source has one group');
    const member = { ...source, watermarks: new Map(), told: new Map() };
    this.#members.set(source.operator, member);
    this.#announceLater(member);
  }

  /** A reader has come: it needs to know at once where the others are. */
  register(operator: OperatorId, subtask: number): void {
    const member = this.#members.get(operator);
    if (member === undefined || member.told.has(subtask)) return;
    member.told.set(subtask, Number.POSITIVE_INFINITY);
    this.#announce(member);
  }

  /** A reader starts again: it has told nothing and knows nothing yet. */
  reset(operator: OperatorId, subtask: number): void {
    const member = this.#members.get(operator);
    member?.told.delete(subtask);
    member?.watermarks.delete(subtask);
  }

  report(operator: OperatorId, subtask: number, watermark: number): void {
    const member = this.#members.get(operator);
    assert(member !== undefined, 'only sources with a group tell how far they are');
    member.watermarks.set(subtask, watermark);
  }

  close(): void {
    for (const timer of this.#timers.values()) timer[Symbol.dispose]();
    this.#timers.clear();
    this.#members.clear();
  }

  #announceLater(member: Member): void {
    const timer = this.#clock.after(member.updateInterval, () => {
      this.#announceLater(member);
      this.#announce(member);
    });
    this.#timers.set(member.operator, timer);
  }

  #announce(member: Member): void {
    const limit = this.#leastOf(member.group) + member.maxDrift;
    for (const [subtask, told] of member.told) {
      if (told === limit) continue;
      member.told.set(subtask, limit);
      this.#tell(member.operator, subtask, limit);
    }
  }

  /** W1 */
  #leastOf(group: string): number {
    let least = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      if (member.group !== group) continue;
      for (const watermark of member.watermarks.values()) least = Math.min(least, watermark);
    }
    return least;
  }
}
