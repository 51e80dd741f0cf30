/**
 * The operators of one JobVertex in one subtask, wired by direct calls. The chain meets its driver
 * at the head (records, control, "call me again") and at its edges (RecordWriters); inside it a
 * record passes from operator to operator without a queue.
 *
 * Invariants
 * C1. Operators are opened from tail to head, so that whoever can emit has somebody to emit to, and
 *     closed from head to tail, each exactly once if its `open` was called.
 * C2. A control element reaches an edge after every record emitted before it by any operator of the
 * chain.
 * C3. `finish` runs operator by operator from the head; one that answered true is not called again.
 * C4. Event time reaches a member or an edge from one side only: from the driver, or from the last
 *     operator before it that generates event time.
 */
import { assert } from '../base/assert.ts';
import { SharedValues, type VerifyMode } from '../network/exchange-verifier.ts';
import type { RecordWriter, RowRouter } from '../network/record-writer.ts';
import type { ControlElement } from '../network/control-element.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../network/control-element.ts';
import type { Downstream, Operator, OperatorContext, RowDownstream } from './operator.ts';

/** An operator with its place in the chain. */
export interface ChainMember {
  readonly id: string;
  readonly name: string;
  readonly operator: Operator;
  /** Where its outputs go; `tag` undefined is the main output. */
  readonly outputs: readonly ChainOutput[];
}

export type ChainOutput =
  | { readonly tag: string | undefined; readonly member: number }
  | { readonly tag: string | undefined; readonly writer: RecordWriter };

export type ContextOf = (member: ChainMember, outputs: MemberOutputs) => OperatorContext;

export interface MemberOutputs {
  readonly main: Downstream;
  side(tag: string): Downstream;
  /** Whether the side output of that name has a reader. */
  isRead(tag: string): boolean;
  rows(routeRow: RowRouter | undefined): RowDownstream;
  /** Of the member itself: how far event time has come. */
  watermark(): number;
  /** Of a member that generates event time, for what is behind it. */
  emitWatermark(timestamp: number): void;
  emitStatus(status: 'active' | 'idle'): void;
}

/** What an operator of a chain was given and has emitted. */
export interface OperatorRecords {
  readonly recordsIn: number;
  readonly recordsOut: number;
}

/** Whoever counts what it is given. */
type Taker = Downstream & { readonly recordsIn: number };

function isTaker(target: Downstream): target is Taker {
  return 'recordsIn' in target;
}

/** What one clock of event time reaches. */
interface Reach {
  /** Positions, producers first. */
  readonly members: number[];
  /** Where another clock begins. */
  readonly generators: number[];
  readonly writers: RecordWriter[];
}

export class OperatorChain {
  readonly members: readonly ChainMember[];
  readonly writers: readonly RecordWriter[];
  #opened = 0;
  #closed = 0;
  #finished = 0;
  readonly #verify: VerifyMode | 'off';
  /** C4. Of the driver, and of each member that generates event time. */
  readonly #fromDriver: Reach;
  readonly #fromMember: ReadonlyMap<number, Reach>;
  /** Of each member. */
  readonly #watermarks: number[];
  /** Of each output of each member, by tag: who counts what goes there. */
  readonly #takers: readonly Map<string | undefined, Taker | undefined>[];

  constructor(members: readonly ChainMember[], verify: VerifyMode | 'off' = 'off') {
    this.members = members;
    this.#verify = verify;
    this.#watermarks = members.map(() => MIN_WATERMARK);
    this.#takers = members.map(() => new Map());
    this.#fromDriver = reachInto(members, 0, { members: [], generators: [], writers: [] });
    this.#fromMember = new Map(
      members.flatMap(({ operator }, index) =>
        operator.generatesTime === true ? [[index, reachBehind(members, index)] as const] : [],
      ),
    );
    this.writers = members.flatMap(({ outputs }) =>
      outputs.flatMap((output) => ('writer' in output ? [output.writer] : [])),
    );
  }

  get head(): Operator {
    return this.members[0]!.operator;
  }

  /** Opens all operators. May wait for users' `open`. */
  async open(contextOf: ContextOf): Promise<void> {
    for (let index = this.members.length - 1; index >= 0; index -= 1) {
      const member = this.members[index]!;
      this.#opened += 1;
      const waiting = member.operator.open(contextOf(member, this.#outputsOf(member)));
      if (waiting !== undefined) await waiting;
    }
  }

  /** Closes what was opened; goes on after a failure and throws the first one at the end. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    const first = this.members.length - this.#opened;
    while (this.#closed < this.#opened) {
      const member = this.members[first + this.#closed]!;
      this.#closed += 1;
      try {
        await member.operator.close();
      } catch (thrown) {
        failures.push(thrown);
      }
    }
    if (failures.length > 0) throw failures[0];
  }

  /**
   * Fires what a watermark of the input fires, and sends it on. False: call again when output has
   * drained.
   */
  watermark(timestamp: number): boolean {
    return this.#advance(this.#fromDriver, timestamp);
  }

  /** Sends on whether the input is idle. */
  status(status: 'active' | 'idle'): void {
    for (const writer of this.#fromDriver.writers) writer.control({ kind: 'status', status });
  }

  /** How far event time has come where the chain ends: the least of its last operators. */
  get lastWatermark(): number {
    return this.#watermarks[this.#slowest]!;
  }

  /** The operator that makes `lastWatermark`; undefined: it comes from before the chain. */
  get lastClock(): Operator | undefined {
    for (const [index, reach] of this.#fromMember) {
      const slowest = this.#slowest;
      if (index === slowest || reach.members.includes(slowest)) {
        return this.members[index]!.operator;
      }
    }
    return undefined;
  }

  get #slowest(): number {
    let slowest = -1;
    for (const [index, { outputs }] of this.members.entries()) {
      if (!outputs.every((output) => 'writer' in output)) continue;
      const watermark = this.#watermarks[index]!;
      if (slowest === -1 || watermark < this.#watermarks[slowest]!) slowest = index;
    }
    return slowest;
  }

  /** How far event time has come for an operator, or behind it if it generates event time. */
  watermarkOf(id: string): number {
    return this.#watermarks[this.members.findIndex((member) => member.id === id)]!;
  }

  /**
   * Records count as emitted whether or not anybody reads them, and once, however many do.
   * @param given what the driver has given to the head
   */
  recordsOf(place: number, given: number): OperatorRecords {
    let recordsOut = 0;
    for (const tag of this.#takers[place]!.keys()) recordsOut += this.#emitted(place, tag, given);
    return { recordsIn: this.#recordsIn(place, given), recordsOut };
  }

  closeEpoch(): void {
    for (const { operator } of this.members) operator.closeEpoch?.();
  }

  endInput(input: 0 | 1): boolean {
    return this.head.endInput?.(input) ?? true;
  }

  /**
   * False: call again, now if output is free, else when it has drained or the operator released its
   * hold.
   */
  finish(): boolean {
    while (this.#finished < this.members.length) {
      const { operator } = this.members[this.#finished]!;
      if (operator.finish !== undefined && !operator.finish()) return false;
      this.#finished += 1;
    }
    return true;
  }

  /** Sends a control element that is no event time down every edge. */
  broadcast(element: ControlElement): void {
    for (const writer of this.writers) writer.control(element);
  }

  /** After a failure or cancellation: what was not handed over is dropped. */
  abandon(): void {
    for (const writer of this.writers) writer.abandon();
  }

  flush(): boolean {
    let any = false;
    for (const writer of this.writers) if (writer.flush()) any = true;
    return any;
  }

  #recordsIn(place: number, given: number): number {
    if (place === 0) return given;
    for (const [before, { outputs }] of this.members.entries()) {
      const output = outputs.find((each) => 'member' in each && each.member === place);
      if (output !== undefined) return this.#emitted(before, output.tag, given);
    }
    assert(false, 'C1: a member that nobody gives anything');
  }

  #emitted(place: number, tag: string | undefined, given: number): number {
    const { emits, recordsOut } = this.members[place]!.operator;
    if (tag === undefined && emits === 'one') return this.#recordsIn(place, given);
    if (tag === undefined && recordsOut !== undefined) return recordsOut;
    return this.#takers[place]!.get(tag)?.recordsIn ?? 0;
  }

  /** C4 */
  #advance(reach: Reach, timestamp: number): boolean {
    for (const index of reach.members) this.members[index]!.operator.closeEpoch?.();
    for (const index of reach.members) {
      this.#watermarks[index] = timestamp;
      const { operator } = this.members[index]!;
      if (operator.watermark !== undefined && !operator.watermark(timestamp)) {
        assert(operator === this.head, 'O3: only the head may ask to be called again');
        return false;
      }
    }
    if (timestamp === MAX_WATERMARK) {
      for (const index of reach.generators) {
        const done = this.members[index]!.operator.watermark!(timestamp);
        assert(done, 'O8: who generates event time passes its end on at once');
      }
    }
    for (const writer of reach.writers) writer.control({ kind: 'watermark', timestamp });
    return true;
  }

  #reachOf(index: number): Reach {
    const reach = this.#fromMember.get(index);
    assert(reach !== undefined, 'O8: an operator emits a watermark that does not generate any');
    return reach;
  }

  #targetOf({ outputs }: ChainMember, tag: string | undefined): Downstream {
    const targets = outputs
      .filter((output) => output.tag === tag)
      .map((output) =>
        'writer' in output
          ? output.writer
          : (this.members[output.member]!.operator as Operator & Downstream),
      );
    if (targets.length === 0) return new Dropped();
    if (targets.length === 1) return targets[0]!;
    const copies = new Copies(targets);
    return this.#verify === 'off' ? copies : new VerifiedCopies(copies, this.#verify);
  }

  #outputsOf(member: ChainMember): MemberOutputs {
    const index = this.members.indexOf(member);
    const to = (tag: string | undefined): Downstream => {
      const target = this.#targetOf(member, tag);
      const { emits, recordsOut } = member.operator;
      const countsItself = tag === undefined && (emits === 'one' || recordsOut !== undefined);
      const taker = isTaker(target) || countsItself ? target : new Counted(target);
      this.#takers[index]!.set(tag, isTaker(taker) ? taker : undefined);
      return taker;
    };
    const side = new Map<string, Downstream>();
    return {
      rows: (routeRow) => {
        const [output, ...others] = member.outputs.filter(({ tag }) => tag === undefined);
        assert(
          output !== undefined && 'writer' in output && others.length === 0,
          'rows leave by one edge',
        );
        return output.writer.rowOutput(routeRow);
      },
      watermark: () => this.#watermarks[index]!,
      emitWatermark: (timestamp) => {
        const reach = this.#reachOf(index);
        this.#watermarks[index] = timestamp;
        const done = this.#advance(reach, timestamp);
        assert(done, 'O3: only the head may ask to be called again');
      },
      emitStatus: (status) => {
        for (const writer of this.#reachOf(index).writers) {
          writer.control({ kind: 'status', status });
        }
      },
      main: to(undefined),
      isRead: (tag) => member.outputs.some((output) => output.tag === tag),
      side: (tag) => {
        let output = side.get(tag);
        if (output === undefined) side.set(tag, (output = to(tag)));
        return output;
      },
    };
  }
}

/** Counts what goes by, where neither end does. */
class Counted implements Taker {
  readonly #target: Downstream;
  recordsIn = 0;

  constructor(target: Downstream) {
    this.#target = target;
  }

  process(value: unknown, timestamp: number): void {
    this.recordsIn += 1;
    this.#target.process(value, timestamp);
  }
}

/** What event time reaches that comes to member `index` from before it. */
function reachInto(members: readonly ChainMember[], index: number, into: Reach): Reach {
  if (members[index]!.operator.generatesTime === true) {
    into.generators.push(index);
    return into;
  }
  into.members.push(index);
  return reachOn(members, index, into);
}

/** What event time reaches that begins at member `index`. */
function reachBehind(members: readonly ChainMember[], index: number): Reach {
  return reachOn(members, index, { members: [], generators: [], writers: [] });
}

function reachOn(members: readonly ChainMember[], index: number, into: Reach): Reach {
  for (const output of members[index]!.outputs) {
    if ('writer' in output) into.writers.push(output.writer);
    else reachInto(members, output.member, into);
  }
  return into;
}

/** An output that nobody reads. */
class Dropped implements Taker {
  recordsIn = 0;

  process(): void {
    this.recordsIn += 1;
  }
}

/** An output with several readers. */
class Copies implements Downstream {
  readonly #targets: readonly Downstream[];

  constructor(targets: readonly Downstream[]) {
    this.#targets = targets;
  }

  process(value: unknown, timestamp: number): void {
    for (const target of this.#targets) target.process(value, timestamp);
  }
}

/** The same, so that no reader can change what the next one gets. */
class VerifiedCopies implements Downstream {
  readonly #copies: Copies;
  readonly #shared: SharedValues;

  constructor(copies: Copies, mode: VerifyMode) {
    this.#copies = copies;
    this.#shared = new SharedValues(mode);
  }

  process(value: unknown, timestamp: number): void {
    this.#shared.take(value);
    this.#copies.process(value, timestamp);
  }
}
