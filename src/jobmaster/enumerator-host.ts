/**
 * One source's SplitEnumerator in the coordinator worker: calls it in order, never while an earlier
 * call of it is still at work, and carries its assignments away. Readers come and go with the
 * regions of the job; the enumerator lives until all regions are stopped.
 *
 * N1. Calls of the enumerator never overlap, and none comes before `start` has ended.
 * N2. After `close` the enumerator is called only to be closed, and nothing it says is carried on.
 * N3. A split is with one generation of one reader, or with the enumerator: what a reader was given
 *     after the checkpoint that it goes on from goes back when its next generation is attached,
 *     whether it had arrived or not.
 * N4. Nothing goes to a reader that would not fit into a frame, with what comes around it.
 * N5. What the enumerator says after its part of a checkpoint was taken is held until the
 * checkpoint
 *     is triggered at the readers: else it would be in both their parts, or in neither.
 */
import { assert } from '../base/assert.ts';
import { ByteWriter } from '../base/byte-writer.ts';
import { EngineError, messageOf } from '../base/errors.ts';
import { seconds } from '../base/units.ts';
import type { ConnectorEnv, SourceSplit, SplitEnumerator } from '../functions/source.ts';
import type { AnySource } from '../functions/source.ts';
import type { SourceEventToEnumerator, SourceEventToReader } from '../protocol/slot-messages.ts';
import { SplitAssignmentTracker } from './split-assignment-tracker.ts';

const CLOSE_TIMEOUT = seconds(10);
const EVENT_BYTES_MAX = 8 * 1024 * 1024;

export interface EnumeratorSurroundings {
  readonly env: ConnectorEnv;
  readonly parallelism: number;
  /** `generation`: of the reader that it is for. */
  toReader(subtask: number, generation: number, event: SourceEventToReader): void;
  failed(error: unknown): void;
  /** That the enumerator goes on from; undefined: a fresh start. */
  readonly restored?: RestoredEnumerator | undefined;
}

export interface RestoredEnumerator {
  readonly checkpointId: number;
  /** What it gave then; undefined: the source was not part of it. */
  readonly state: unknown;
}

/** Watermarks are not the enumerator's. */
export type EnumeratorEvent = Exclude<SourceEventToEnumerator, { readonly kind: 'watermark' }>;

export class EnumeratorHost {
  readonly #source: AnySource;
  readonly #surroundings: EnumeratorSurroundings;
  readonly #readers = new Set<number>();
  readonly #generations = new Map<number, number>();
  /** N3 */
  readonly #tracker: SplitAssignmentTracker;
  /** N5. Undefined: nothing is held. */
  #held: (() => void)[] | undefined;
  readonly #enumerator: SplitEnumerator<SourceSplit, unknown>;
  /** The calls so far, one after another. */
  #calls: Promise<void>;
  #closed = false;

  /** @throws whatever the source throws when it makes its enumerator */
  constructor(source: AnySource, surroundings: EnumeratorSurroundings) {
    this.#source = source;
    this.#surroundings = surroundings;
    const { restored } = surroundings;
    this.#tracker = new SplitAssignmentTracker(restored?.checkpointId);
    this.#enumerator = source.createEnumerator(
      {
        env: surroundings.env,
        parallelism: surroundings.parallelism,
        readers: this.#readers,
        assign: (subtask, splits) => this.#assign(subtask, splits),
        signalNoMoreSplits: (subtask) => this.#toReader(subtask, { kind: 'no-more-splits' }),
        sendToReader: (subtask, payload) => this.#toReader(subtask, { kind: 'user', payload }),
        fail: (error) => this.#fail(error),
      },
      restored?.state,
    ) as SplitEnumerator<SourceSplit, unknown>;
    this.#calls = this.#guarded(() => this.#enumerator.start());
  }

  /**
   * N3: a new generation of the reader is about to come, which goes on from that checkpoint; 0:
   * from none.
   */
  attach(subtask: number, generation: number, restoredCheckpoint: number = 0): void {
    this.#call(() => this.#attach(subtask, generation, restoredCheckpoint));
  }

  handle(subtask: number, event: EnumeratorEvent): void {
    this.#call(() => this.#dispatch(subtask, event));
  }

  /**
   * The enumerator's part of a checkpoint, after all calls so far; `release` must follow (N5).
   * Undefined if it was closed before.
   * @throws what the enumerator throws, EngineError DATA_NOT_SERIALIZABLE
   */
  snapshot(checkpointId: number): Promise<Uint8Array | undefined> {
    const taken = this.#calls.then(() => (this.#closed ? undefined : this.#snapshot(checkpointId)));
    const done = (): void => undefined;
    this.#calls = taken.then(done, done);
    return taken;
  }

  /** N5. The checkpoint is triggered, or given up. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) if (!this.#closed) send();
  }

  checkpointComplete(checkpointId: number): void {
    this.#call(() => {
      this.#tracker.complete(checkpointId);
      return this.#enumerator.checkpointComplete?.(checkpointId);
    });
  }

  checkpointAborted(checkpointId: number): void {
    this.#call(() => this.#enumerator.checkpointAborted?.(checkpointId));
  }

  /** Resolves when the enumerator is closed, or when it has had its time for that. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#calls = this.#closeInTime();
    }
    return this.#calls;
  }

  /** N1 */
  #call(call: () => void | Promise<void>): void {
    this.#calls = this.#calls.then(() => (this.#closed ? undefined : this.#guarded(call)));
  }

  #snapshot(checkpointId: number): Uint8Array {
    const out = new ByteWriter();
    this.#source.enumeratorState.codec.encode(this.#enumerator.snapshot(checkpointId), out);
    this.#tracker.taken(checkpointId);
    this.#held ??= [];
    return out.copy();
  }

  async #close(): Promise<void> {
    try {
      await this.#enumerator.close();
    } catch (error) {
      this.#warn(`could not be closed: ${messageOf(error)}`);
    }
  }

  /** User code that hangs must not hold up the next attempt of the job. */
  #closeInTime(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#surroundings.env.clock.after(CLOSE_TIMEOUT, () => {
        this.#warn(`was not closed after ${CLOSE_TIMEOUT} ms; going on without it`);
        resolve();
      });
      const done = (): void => {
        timer[Symbol.dispose]();
        resolve();
      };
      this.#calls.then(() => this.#close()).then(done, done);
    });
  }

  #warn(what: string): void {
    this.#surroundings.env.log.write(
      'warn',
      `the split enumerator of ${this.#source.name} ${what}`,
    );
  }

  #attach(subtask: number, generation: number, restoredCheckpoint: number): void {
    const isFirst = !this.#generations.has(subtask);
    this.#generations.set(subtask, generation);
    const given = this.#tracker.restored(subtask, restoredCheckpoint);
    this.#readers.delete(subtask);
    if (!isFirst) this.#enumerator.addSplitsBack(given, subtask);
  }

  #dispatch(subtask: number, event: EnumeratorEvent): void {
    // A reader may ask for splits while it starts, before its task reports it.
    if (!this.#readers.has(subtask)) {
      this.#readers.add(subtask);
      this.#enumerator.addReader(subtask);
    }
    switch (event.kind) {
      case 'reader-registered':
        break;
      case 'split-request':
        this.#enumerator.handleSplitRequest(subtask);
        break;
      case 'user':
        this.#enumerator.handleReaderEvent?.(subtask, event.payload);
    }
  }

  async #guarded(call: () => void | Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#surroundings.failed(error);
  }

  #assign(subtask: number, splits: readonly SourceSplit[]): void {
    if (this.#closed) return;
    assert(
      this.#readers.has(subtask),
      `reader ${subtask} of ${this.#source.name} is not registered`,
    );
    const encoded = splits.map((split) => {
      const out = new ByteWriter();
      this.#source.split.codec.encode(split, out);
      return out.copy();
    });
    this.#tracker.assigned(subtask, splits);
    this.#toReader(subtask, { kind: 'splits', splits: encoded });
  }

  /** N4. */
  #toReader(subtask: number, event: SourceEventToReader): void {
    if (this.#closed) return;
    const generation = this.#generations.get(subtask);
    assert(generation !== undefined, `reader ${subtask} of ${this.#source.name} was not attached`);
    const bytes = bytesOf(event);
    if (bytes > EVENT_BYTES_MAX) {
      const { name: source } = this.#source;
      throw new EngineError('SOURCE_MESSAGE_TOO_LARGE', { source, bytes, limit: EVENT_BYTES_MAX });
    }
    const send = (): void => this.#surroundings.toReader(subtask, generation, event);
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }
}

function bytesOf(event: SourceEventToReader): number {
  if (event.kind === 'user') return event.payload.length;
  if (event.kind === 'splits') return event.splits.reduce((sum, { length }) => sum + length, 0);
  return 0;
}
