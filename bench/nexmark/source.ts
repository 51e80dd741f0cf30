/**
 * Nexmark's events as a source of a job. A split is every `step`th event from `next` on, so that
 * all subtasks are at about the same event time; its position is a number, and reading on from
 * there loses and doubles nothing.
 *
 * Invariants
 * N1. The splits of the enumerator and of all readers together are all events, each once.
 * N2. A reader emits the events of its splits in the order in which they come.
 * N3. With a rate, all readers together give no more events a second by the clock.
 */
import {
  t,
  type PollResult,
  type Schema,
  type Source,
  type SourceOutput,
  type SourceReader,
  type SourceReaderContext,
  type SplitEnumerator,
  type SplitEnumeratorContext,
} from 'millrace';
import { Throttle } from '../../src/connectors/generator/throttle.ts';
import { Bid, Event } from './events.ts';
import { kindOf, NexmarkGenerator, type NexmarkOptions } from './generator.ts';

/** The events `next`, `next + step`, ... of all. */
interface Stride {
  readonly id: string;
  readonly next: number;
  readonly step: number;
}

const Stride: Schema<Stride> = t.struct({ id: t.string, next: t.integer, step: t.integer });
const Strides: Schema<readonly Stride[]> = t.array(Stride);

type NexmarkSource<T> = Source<T, Stride, readonly Stride[]>;

/**
 * Emits the events `first`, `first + step`, ... below `end` until the output is full; returns the
 * next one. A tight loop for each kind of source.
 */
type Emit<T> = (
  output: SourceOutput<T>,
  generator: NexmarkGenerator,
  range: { readonly first: number; readonly end: number; readonly step: number },
) => number;

export interface NexmarkSourceOptions extends NexmarkOptions {
  /** Events a second of the clock, of all subtasks together; 0: as fast as they are taken. */
  readonly ratePerSecond?: number | undefined;
}

/** All events. @example env.from(nexmarkEvents({ events: 100_000 })) */
export function nexmarkEvents(options: NexmarkSourceOptions): NexmarkSource<Event> {
  return source('nexmark', { schema: Event, options, emit: emitEvents });
}

/** Of the events those that are bids; nobody makes the others. */
export function nexmarkBids(options: NexmarkSourceOptions): NexmarkSource<Bid> {
  return source('nexmark bids', { schema: Bid, options, emit: emitBids });
}

const emitEvents: Emit<Event> = (output, generator, { first, end, step }) => {
  let index = first;
  while (index < end && !output.full) {
    const number = generator.numberAt(index);
    const kind = kindOf(number);
    if (kind === 'bid') {
      const bid = generator.bid(number);
      output.collect({ bid }, bid.dateTime);
    } else if (kind === 'auction') {
      const auction = generator.auction(number);
      output.collect({ auction }, auction.dateTime);
    } else {
      const person = generator.person(number);
      output.collect({ person }, person.dateTime);
    }
    index += step;
  }
  return index;
};

const emitBids: Emit<Bid> = (output, generator, { first, end, step }) => {
  let index = first;
  while (index < end && !output.full) {
    const number = generator.numberAt(index);
    if (kindOf(number) === 'bid') {
      const bid = generator.bid(number);
      output.collect(bid, bid.dateTime);
    }
    index += step;
  }
  return index;
};

function source<T>(
  name: string,
  parts: {
    readonly schema: Schema<T>;
    readonly options: NexmarkSourceOptions;
    readonly emit: Emit<T>;
  },
): NexmarkSource<T> {
  const { schema, options, emit } = parts;
  return {
    kind: 'source',
    name: `${name}(${options.events})`,
    produces: schema,
    boundedness: 'bounded',
    timestamps: true,
    split: Stride,
    enumeratorState: Strides,
    createEnumerator: (context, restored) => new Strider(context, restored),
    createReader: (context) => new StrideReader(context, options, emit),
  };
}

/** Gives every reader its part as soon as it asks. */
class Strider implements SplitEnumerator<Stride, readonly Stride[]> {
  readonly #context: SplitEnumeratorContext<Stride>;
  #unassigned: readonly Stride[];

  constructor(context: SplitEnumeratorContext<Stride>, restored: readonly Stride[] | undefined) {
    const step = context.parallelism;
    this.#context = context;
    this.#unassigned =
      restored ?? Array.from({ length: step }, (_, i) => ({ id: `${i}/${step}`, next: i, step }));
  }

  start(): void {}

  addReader(): void {}

  handleSplitRequest(subtask: number): void {
    const { parallelism } = this.#context;
    const own = ({ next, step }: Stride): boolean => (next % step) % parallelism === subtask;
    const mine = this.#unassigned.filter(own);
    this.#unassigned = this.#unassigned.filter((stride) => !own(stride));
    if (mine.length > 0) this.#context.assign(subtask, mine);
    this.#context.signalNoMoreSplits(subtask);
  }

  addSplitsBack(splits: readonly Stride[]): void {
    this.#unassigned = [...this.#unassigned, ...splits];
  }

  snapshot(): readonly Stride[] {
    return this.#unassigned;
  }

  close(): void {}
}

class StrideReader<T> implements SourceReader<T, Stride> {
  readonly #context: SourceReaderContext;
  readonly #generator: NexmarkGenerator;
  readonly #emit: Emit<T>;
  /** N3 */
  readonly #throttle: Throttle | undefined;
  /** By `next`, ascending. */
  #strides: Stride[] = [];
  #noMore = false;

  constructor(context: SourceReaderContext, options: NexmarkSourceOptions, emit: Emit<T>) {
    const { ratePerSecond = 0 } = options;
    this.#context = context;
    this.#generator = new NexmarkGenerator(options);
    this.#emit = emit;
    this.#throttle =
      ratePerSecond === 0
        ? undefined
        : new Throttle(context.env.clock, ratePerSecond / context.parallelism, () =>
            context.available(),
          );
  }

  start(): void {
    this.#context.requestSplit();
  }

  addSplits(splits: readonly Stride[]): void {
    this.#insert(splits);
    this.#context.available();
  }

  noMoreSplits(): void {
    this.#noMore = true;
    this.#context.available();
  }

  poll(output: SourceOutput<T>): PollResult {
    const { count } = this.#generator;
    while (!output.full) {
      const stride = this.#strides.shift();
      if (stride === undefined) return this.#noMore ? 'end' : 'nothing';
      const { next: first, step } = stride;
      const budget = this.#throttle?.budget() ?? Infinity;
      // N2: until another split's turn comes.
      const end = Math.min(count, this.#strides[0]?.next ?? count, first + budget * step);
      const next = this.#emit(output, this.#generator, { first, end, step });
      this.#throttle?.spend((next - first) / step);
      if (next < count) this.#insert([{ ...stride, next }]);
      if (budget === 0) return 'nothing';
    }
    return 'more';
  }

  snapshot(): readonly Stride[] {
    return this.#strides;
  }

  close(): void {
    this.#throttle?.close();
  }

  #insert(strides: readonly Stride[]): void {
    this.#strides = [...this.#strides, ...strides].sort((left, right) => left.next - right.next);
  }
}
