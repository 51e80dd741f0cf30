/**
 * The asynchronous part of one task's snapshot: writes what was frozen at the barrier, in slices,
 * waits for what is still in flight and for the storage, and answers with all handles or none.
 *
 * Invariants
 * R1. It ends once: `done` with handles of which each is durable, `failed` when everything it had
 *     written is deleted, or `abort`.
 * R2. After a failure or an abort no backend keeps anything for it.
 */
import { EngineError } from '../../../base/errors.ts';
import type { InFlight } from '../../../network/in-flight.ts';
import type { StateHandle } from '../../../protocol/checkpoint.ts';
import type { SnapshotWriter } from '../../../state/snapshot.ts';
import type { BackgroundJob, BackgroundWork } from './background-work.ts';
import type { SnapshotOutputStream } from './snapshot-streams.ts';

/** A state that is being written. */
export interface RunPart {
  readonly writer: SnapshotWriter;
  readonly output: SnapshotOutputStream;
}

export interface RunOptions {
  readonly parts: readonly RunPart[];
  /** Of all channels; those that turn out to be empty get no handle. */
  readonly inFlight: () => readonly InFlight[];
  /** Whether nothing can be added to `inFlight` any more. */
  readonly isSettled: () => boolean;
  open(): SnapshotOutputStream;
  readonly background: BackgroundWork;
  readonly monotonic: () => number;
  done(result: RunResult): void;
  failed(error: unknown): void;
}

export interface RunResult {
  /** In the order of the parts. */
  readonly parts: readonly StateHandle[];
  readonly inFlight: ReadonlyMap<InFlight, StateHandle>;
}

/** Of one task, within its answer: a message has a limit, and holds other things as well. */
const INLINE_BYTES_MAX = 12 * 1024 * 1024;

/** @throws EngineError CHECKPOINT_STATE_TOO_LARGE */
function requireRoom(handles: readonly StateHandle[]): void {
  const bytes = handles.reduce(
    (sum, handle) => sum + (handle.kind === 'inline' ? handle.bytes.length : 0),
    0,
  );
  if (bytes > INLINE_BYTES_MAX) throw new EngineError('CHECKPOINT_STATE_TOO_LARGE');
}

export class SnapshotRun implements BackgroundJob {
  readonly #options: RunOptions;
  readonly #outputs: SnapshotOutputStream[];
  readonly #handles: Promise<StateHandle>[] = [];
  readonly #ended = Promise.withResolvers<void>();
  #next = 0;
  /** R1 */
  #isOver = false;
  #isFinishing = false;
  #watch: Disposable | undefined;

  constructor(options: RunOptions) {
    this.#options = options;
    this.#outputs = options.parts.map(({ output }) => output);
  }

  /** Resolves when it is over and everybody has been told. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  start(): void {
    this.#options.background.wake(this);
  }

  slice(millis: number): 'more' | 'waiting' | 'done' {
    if (this.#isOver) return 'done';
    try {
      return this.#slice(millis);
    } catch (thrown) {
      this.#fail(thrown);
      return 'done';
    }
  }

  /** R2. Deletes what was written; nobody is told. */
  async abort(): Promise<void> {
    if (this.#isOver) return;
    try {
      await this.#giveUp();
    } finally {
      this.#ended.resolve();
    }
  }

  #slice(millis: number): 'more' | 'waiting' | 'done' {
    const { parts, monotonic } = this.#options;
    const until = monotonic() + millis;
    for (; this.#next < parts.length; this.#next += 1) {
      const { writer, output } = parts[this.#next]!;
      const result = writer.writeSlice(Math.max(0, until - monotonic()), monotonic);
      if (result === 'blocked') {
        this.#again(output.drained());
        return 'waiting';
      }
      if (result === 'more') return 'more';
      this.#finishOutput(output);
      if (monotonic() >= until) {
        this.#next += 1;
        return 'more';
      }
    }
    this.#awaitFlight();
    return 'waiting';
  }

  #again(when: Promise<void>): void {
    when.then(
      () => {
        if (!this.#isOver) this.#options.background.wake(this);
      },
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  #finishOutput(output: SnapshotOutputStream): void {
    const handle = output.finish();
    // It is awaited with the others; until then nobody would hear of a failure.
    handle.catch((thrown: unknown) => this.#fail(thrown));
    this.#handles.push(handle);
  }

  /** All states are written; in flight may be what has not come yet. */
  #awaitFlight(): void {
    if (this.#isFinishing) return;
    if (this.#isReady()) {
      this.#finish();
      return;
    }
    this.#watch ??= this.#options.background.watch(() => {
      if (!this.#isOver && this.#isReady()) this.#finish();
    });
  }

  #isReady(): boolean {
    return (
      this.#options.isSettled() && this.#options.inFlight().every(({ isComplete }) => isComplete)
    );
  }

  #finish(): void {
    this.#isFinishing = true;
    this.#watch?.[Symbol.dispose]();
    this.#complete().catch((thrown: unknown) => this.#fail(thrown));
  }

  async #complete(): Promise<void> {
    const inFlight = this.#options.inFlight().filter(({ isEmpty }) => !isEmpty);
    const flying = inFlight.map((data) => {
      const output = this.#options.open();
      this.#outputs.push(output);
      output.write(data.bytes());
      const handle = output.finish();
      handle.catch(() => undefined);
      return handle;
    });
    const parts = await Promise.all(this.#handles);
    const handles = await Promise.all(flying);
    if (this.#isOver) return;
    requireRoom([...parts, ...handles]);
    this.#isOver = true;
    const byData = new Map(inFlight.map((data, index) => [data, handles[index]!]));
    this.#options.done({ parts, inFlight: byData });
    this.#ended.resolve();
  }

  #fail(thrown: unknown): void {
    if (this.#isOver) return;
    const failed = (): void => {
      this.#options.failed(thrown);
      this.#ended.resolve();
    };
    // What could not be deleted is the master's to delete, with the checkpoint's folder.
    this.#giveUp().then(failed, failed);
  }

  /** R2 */
  async #giveUp(): Promise<void> {
    this.#isOver = true;
    this.#watch?.[Symbol.dispose]();
    this.#options.background.remove(this);
    for (const { writer } of this.#options.parts) writer.abort();
    const aborted = await Promise.allSettled(this.#outputs.map((output) => output.abort()));
    const refused = aborted.find(({ status }) => status === 'rejected');
    if (refused !== undefined) throw (refused as PromiseRejectedResult).reason;
  }
}
