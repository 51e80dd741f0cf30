/**
 * A source that a test feeds by hand, in the place of one of the job's: its readers give to their
 * tasks what the test has said, in that order.
 *
 * Invariants
 * F1. Records, watermarks, idleness and the end of a subtask leave in the order in which they were
 *     given.
 * F2. Watermarks of a subtask ascend strictly; an idle one becomes active before anything else.
 */
import { EngineError } from '../base/errors.ts';
import { timestamp } from '../base/units.ts';
import type { Timestamp, TimestampInput } from '../base/units.ts';
import type {
  AnySource,
  PollResult,
  SourceOutput,
  SourceReader,
  SourceReaderContext,
  SplitOutput,
} from '../functions/source.ts';
import { MAX_WATERMARK, MIN_WATERMARK } from '../network/control-element.ts';
import type { StatusElement, WatermarkElement } from '../network/control-element.ts';
import { Deque } from '../network/deque.ts';
import { ExchangeVerifier } from '../network/exchange-verifier.ts';
import type { ReaderOutput } from '../operators/reader-output.ts';
import { invalidSourceTimestamp, millisOf } from '../operators/timestamp-errors.ts';
import { t } from '../types/t.ts';

/** What a snapshot keeps of one subtask. */
export interface FedState {
  readonly watermark: number;
  readonly idle: boolean;
  readonly ended: boolean;
}

/** `split` undefined: of the subtask itself. */
type Item = { readonly split?: string | undefined } & (
  | { readonly kind: 'record'; readonly value: unknown; readonly at: Timestamp | undefined }
  | WatermarkElement
  | StatusElement
  | { readonly kind: 'open' | 'release' }
  | { readonly kind: 'end' }
);

export class FedSource {
  readonly name: string;
  readonly subtasks: readonly FedSubtask[];
  readonly #verifier: ExchangeVerifier;
  readonly #splits = new Map<string, FedSubtask>();
  #turn = 0;

  constructor(name: string, original: AnySource, parallelism: number) {
    this.name = name;
    this.subtasks = Array.from({ length: parallelism }, () => new FedSubtask(this));
    this.#verifier = new ExchangeVerifier(original.produces.codec, name, 'all');
  }

  /** The original with readers of this one. */
  inPlaceOf(original: AnySource): AnySource {
    return {
      ...original,
      split: t.struct({ id: t.string }),
      enumeratorState: t.boolean,
      createEnumerator: () => ({
        start: () => undefined,
        addReader: () => undefined,
        handleSplitRequest: () => undefined,
        addSplitsBack: () => undefined,
        snapshot: () => true,
        close: () => undefined,
      }),
      createReader: (context) => new FedReader(this.subtasks[context.subtask]!, context),
    };
  }

  /** The subtasks in turn, as a source with a split for each would be read. */
  next(): FedSubtask {
    const subtask = this.subtasks[this.#turn]!;
    this.#turn = this.#turn + 1 === this.subtasks.length ? 0 : this.#turn + 1;
    return subtask;
  }

  /** The subtask that reads a split: the next one in turn, when it is first asked for. */
  ofSplit(id: string): FedSubtask {
    let subtask = this.#splits.get(id);
    if (subtask === undefined) {
      subtask = this.next();
      this.#splits.set(id, subtask);
    }
    return subtask;
  }

  /** Freezes a value as whatever came out of a source, if it fits the source's schema. */
  take(value: unknown): void {
    this.#verifier.verify(value);
  }

  snapshot(): readonly FedState[] {
    return this.subtasks.map((subtask) => subtask.state);
  }

  /**
   * As many states as subtasks: each its own. Otherwise a subtask is where the last of all is, as
   * if it had got splits of each of them. Splits come back by `FedSubtask.adopt`.
   */
  restore(states: readonly FedState[]): void {
    const count = this.subtasks.length;
    const same = states.length === count;
    for (const [index, subtask] of this.subtasks.entries()) {
      subtask.restore(same ? states[index]! : together(states));
    }
  }

  /** A subtask has got a split back. */
  adopted(split: string, subtask: FedSubtask): void {
    this.#splits.set(split, subtask);
  }
}

function together(states: readonly FedState[]): FedState {
  const open = states.filter(({ ended }) => !ended);
  const active = open.filter(({ idle }) => !idle);
  const watermarks = (active.length > 0 ? active : open).map(({ watermark }) => watermark);
  return {
    watermark: Math.min(...watermarks),
    idle: open.length > 0 && active.length === 0,
    ended: open.length === 0,
  };
}

export class FedSubtask {
  readonly queue: Deque<Item> = new Deque<Item>();
  readonly #source: FedSource;
  #watermark = MIN_WATERMARK;
  #idle = false;
  #ended = false;
  readonly #splits = new Set<string>();
  /** Tells the task that there is something to read. */
  available: () => void = () => undefined;

  constructor(source: FedSource) {
    this.#source = source;
  }

  get state(): FedState {
    return { watermark: this.#watermark, idle: this.#idle, ended: this.#ended };
  }

  /** Those that are open. */
  get splits(): readonly { readonly id: string }[] {
    return Array.from(this.#splits, (id) => ({ id }));
  }

  /** Splits of a restored source, which are open already. */
  adopt(splits: readonly { readonly id: string }[]): void {
    for (const { id } of splits) {
      this.#splits.add(id);
      this.#source.adopted(id, this);
    }
  }

  /** @throws EngineError DATA_NOT_SERIALIZABLE, DATA_INVALID_TIMESTAMP, API_INVALID_ARGUMENT */
  emit(value: unknown, at: TimestampInput | undefined): void {
    this.#source.take(value);
    this.#wake('emit');
    this.#push({ kind: 'record', value, at: this.#timeOf(value, at) });
  }

  /** An equal one says nothing new. */
  watermark(at: TimestampInput): void {
    const value = at === Number.POSITIVE_INFINITY ? at : timestamp(at);
    if (value < this.#watermark) {
      this.#refuse('watermark', `watermarks ascend, and ${value} is below ${this.#watermark}`);
    }
    this.#wake('watermark');
    if (value === this.#watermark) return;
    this.#watermark = value;
    this.#push({ kind: 'watermark', timestamp: value });
  }

  idle(): void {
    this.#requireOpen('idle');
    if (this.#idle) return;
    this.#idle = true;
    this.#push({ kind: 'status', status: 'idle' });
  }

  end(): void {
    this.#requireOpen('end');
    this.#ended = true;
    this.#push({ kind: 'end' });
  }

  // Of a split, whose event time is the source operator's to keep.

  openSplit(split: string): void {
    this.#requireOpen('split');
    if (this.#splits.has(split)) return;
    this.#splits.add(split);
    this.#push({ kind: 'open', split });
  }

  emitTo(split: string, value: unknown, at: TimestampInput | undefined): void {
    this.#source.take(value);
    this.openSplit(split);
    this.#push({ kind: 'record', value, at: this.#timeOf(value, at), split });
  }

  watermarkOf(split: string, at: TimestampInput): void {
    this.openSplit(split);
    this.#push({ kind: 'watermark', timestamp: timestamp(at), split });
  }

  idleSplit(split: string): void {
    this.openSplit(split);
    this.#push({ kind: 'status', status: 'idle', split });
  }

  endSplit(split: string): void {
    if (this.#splits.delete(split)) this.#push({ kind: 'release', split });
  }

  restore(state: FedState): void {
    if (state.watermark !== MIN_WATERMARK && !state.ended) {
      this.#watermark = state.watermark;
      this.#push({ kind: 'watermark', timestamp: state.watermark });
    }
    if (state.idle) this.idle();
    if (state.ended) this.end();
  }

  #timeOf(value: unknown, at: TimestampInput | undefined): Timestamp | undefined {
    if (at === undefined) return undefined;
    const millis = millisOf(at);
    if (millis !== undefined) return millis as Timestamp;
    throw invalidSourceTimestamp(this.#source.name, at, value);
  }

  #wake(call: string): void {
    this.#requireOpen(call);
    if (!this.#idle) return;
    this.#idle = false;
    this.#push({ kind: 'status', status: 'active' });
  }

  #push(item: Item): void {
    this.queue.push(item);
    this.available();
  }

  #requireOpen(call: string): void {
    if (this.#ended) this.#refuse(call, 'it has ended');
  }

  #refuse(call: string, reason: string): never {
    const what = `source("${this.#source.name}").${call}`;
    throw new EngineError('API_INVALID_ARGUMENT', { call: what, reason });
  }
}

class FedReader implements SourceReader<unknown, { readonly id: string }> {
  readonly #subtask: FedSubtask;

  constructor(subtask: FedSubtask, context: SourceReaderContext) {
    this.#subtask = subtask;
    subtask.available = () => context.available();
  }

  poll(output: SourceOutput<unknown>): PollResult {
    const { queue } = this.#subtask;
    while (!output.full) {
      const item = queue.shift();
      if (item === undefined) return 'nothing';
      if (item.kind === 'end') return 'end';
      if (item.kind === 'release') output.releaseSplit(item.split!);
      else give(item, item.split === undefined ? output : output.forSplit(item.split));
    }
    return 'more';
  }

  start(): void {}

  addSplits(splits: readonly { readonly id: string }[]): void {
    this.#subtask.adopt(splits);
  }

  noMoreSplits(): void {}

  snapshot(): readonly { readonly id: string }[] {
    return this.#subtask.splits;
  }

  close(): void {}
}

function give(item: Item, output: SplitOutput<unknown>): void {
  if (item.kind === 'record') output.collect(item.value, item.at);
  else if (item.kind === 'watermark' && item.timestamp === MAX_WATERMARK) {
    (output as ReaderOutput).endTime();
  } else if (item.kind === 'watermark') output.emitWatermark(item.timestamp as Timestamp);
  else if (item.kind === 'status' && item.status === 'idle') output.markIdle();
  else if (item.kind === 'status') output.markActive();
}
