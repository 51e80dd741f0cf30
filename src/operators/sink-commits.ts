/**
 * What the writer of a sink's subtask has prepared and nobody knows to be committed yet, and the
 * committing of it: one commit after another, tried again until it is known to have happened.
 *
 * Invariants
 * C1. A committable is pending from its preparation (or restore) until its commit is known to have
 *     succeeded, or was given up by the committer's own word; whatever is pending is in snapshots.
 * C2. Commits of a subtask do not overlap, and none begins while the lease has lapsed.
 * C3. Nothing is committed before the checkpoint that it belongs to is complete, or the job has
 *     reached its end.
 * C4. What a former program prepared and this one cannot commit is refused for good, by the sink's
 *     name: a restart would bring the same.
 * C5. Whatever is pending is encoded with this program's schema, to its last byte.
 */
import { assert } from '../base/assert.ts';
import { EngineError, isEngineError, messageOf } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { AnySink, CommitRequest, Committer, SinkWriterContext } from '../functions/sink.ts';
import type { SchemaDescription } from '../types/schema-description.ts';
import type { Schema } from '../types/schema.ts';
import {
  decodeCommittable,
  encodeCommittable,
  evolutionOfCommittables,
} from './restored-committables.ts';

/** As snapshots hold them; without an id where they belong to the end of the job. */
export interface CommittablesOfCheckpoint<Id extends number | undefined = number> {
  readonly checkpointId: Id;
  /** Each encoded with the sink's committable schema. */
  readonly committables: readonly Uint8Array[];
}

/** How a subtask may act on the world outside. */
export interface CommitWiring {
  /** Calls it as soon as the task holds its lease, and never once it has been replaced. */
  underLease(effect: () => void): void;
  /** Of one committable, before the task fails and commits after its restart. */
  readonly commitRetries: number;
}

interface Pending {
  /** Undefined: prepared at the end of the input, and in no checkpoint yet. */
  checkpointId: number | undefined;
  encoded: Uint8Array;
}

const PAUSE_MIN_MILLIS = 100;
const PAUSE_MAX_MILLIS = 10_000;

export class SinkCommits {
  readonly #sink: AnySink;
  readonly #context: SinkWriterContext;
  readonly #wiring: CommitWiring;
  /** C1, in the order in which they were prepared. */
  #pending: Pending[] = [];
  #committer: Committer<unknown> | undefined;
  /** C2 */
  #turn: Promise<void> = Promise.resolve();
  #closed = false;
  #pause: { readonly end: () => void } | undefined;

  constructor(sink: AnySink, context: SinkWriterContext, wiring: CommitWiring) {
    this.#sink = sink;
    this.#context = context;
    this.#wiring = wiring;
  }

  /**
   * Those of a checkpoint that is complete: to be committed before anything else.
   * @param stored the schema with which they are encoded; undefined: this program's
   * @throws EngineError C4: RESTORE_STATE_UNCLAIMED, RESTORE_COMMITTABLES_CHANGED
   */
  restore(
    restored: readonly CommittablesOfCheckpoint<number | undefined>[],
    stored: SchemaDescription | undefined,
  ): void {
    for (const { checkpointId, committables } of restored) {
      if (committables.length === 0) continue;
      if (!this.#canCommit) throw this.#unclaimed(checkpointId);
      const names = { operator: this.#operator, checkpointId: this.#restoredFrom(checkpointId) };
      const { committable: schema, migrations } = this.#sink;
      const declared = { schema: schema!, migrations: migrations?.committable ?? [] };
      const evolved = stored && evolutionOfCommittables(stored, declared, names);
      for (const each of committables) {
        const encoded = evolved === undefined ? each : evolved(each);
        this.#pending.push({ checkpointId, encoded });
      }
    }
  }

  prepared(checkpointId: number | undefined, committables: readonly unknown[]): void {
    if (committables.length === 0) return;
    const schema = this.#sink.committable;
    assert(schema !== undefined && this.#canCommit, 'C1: no committer for these');
    for (const committable of committables) {
      this.#pending.push({ checkpointId, encoded: encodeCommittable(schema, committable) });
    }
  }

  /** The end of the input belongs to this checkpoint, which comes after it. */
  adopt(checkpointId: number): void {
    for (const each of this.#pending) each.checkpointId ??= checkpointId;
  }

  /** All that is pending. */
  get all(): readonly Uint8Array[] {
    return this.#pending.map(({ encoded }) => encoded);
  }

  /** What a snapshot holds (C1). */
  get byCheckpoint(): readonly CommittablesOfCheckpoint[] {
    const groups = new Map<number, Uint8Array[]>();
    for (const { checkpointId, encoded } of this.#pending) {
      assert(checkpointId !== undefined, 'C1: a snapshot adopts what belongs to no checkpoint');
      const group = groups.get(checkpointId);
      if (group === undefined) groups.set(checkpointId, [encoded]);
      else group.push(encoded);
    }
    return Array.from(groups, ([checkpointId, committables]) => ({ checkpointId, committables }));
  }

  /**
   * C3. Answers true when all that was prepared up to there is known to be committed, and false
   * when it was closed before that. Never answers if the task has been replaced.
   * @throws EngineError CONNECTOR_COMMIT_FAILED, or what the committer throws
   */
  commit(upTo: number | 'end'): Promise<boolean> {
    const turn = this.#turn.then(() => this.#commit(upTo));
    const done = (): void => undefined;
    this.#turn = turn.then(done, done);
    return turn;
  }

  /** Waits for the commit that is at work; begins no other. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#pause?.end();
    await this.#turn;
    await this.#committer?.close?.();
  }

  get #operator(): string {
    return this.#context.operatorName;
  }

  get #canCommit(): boolean {
    return this.#sink.committable !== undefined && this.#sink.createCommitter !== undefined;
  }

  async #commit(upTo: number | 'end'): Promise<boolean> {
    if (this.#closed) return false;
    const isDue = ({ checkpointId }: Pending): boolean =>
      upTo === 'end' || (checkpointId !== undefined && checkpointId <= upTo);
    let due = this.#pending.filter(isDue);
    for (let retries = 0; due.length > 0; retries += 1) {
      if (!(await this.#leased())) return false;
      const requests = due.map((each) => this.#request(each, retries));
      // At the end of the job its master tries again.
      const failure = await this.#attempt(requests, upTo !== 'end');
      const again = new Set<Pending>();
      for (const request of requests) if (request.retry()) again.add(request.pending);
      this.#pending = this.#pending.filter((each) => !due.includes(each) || again.has(each));
      due = due.filter((each) => again.has(each));
      if (due.length === 0) return true;
      if (retries >= this.#wiring.commitRetries)
        throw this.#exhausted(due.length, retries, failure);
      this.#context.logger.warn(
        `${due.length} committables could not be committed yet, and are tried again` +
          (failure === undefined ? '' : `: ${failure.message}`),
      );
      await this.#wait(Math.min(PAUSE_MAX_MILLIS, PAUSE_MIN_MILLIS * 2 ** retries));
    }
    return true;
  }

  /** @returns the error for which all are tried again, if there was one */
  async #attempt(
    requests: readonly Request[],
    retriesErrors: boolean,
  ): Promise<EngineError | undefined> {
    this.#committer ??= this.#sink.createCommitter!(this.#context);
    try {
      await this.#committer.commit(requests);
      return undefined;
    } catch (thrown) {
      if (!retriesErrors || !isEngineError(thrown) || thrown.retry === 'never') throw thrown;
      for (const request of requests) request.thrown();
      return thrown;
    }
  }

  #request(pending: Pending, retries: number): Request {
    const schema: Schema<unknown> = this.#sink.committable!;
    return new Request({
      pending,
      retries,
      decode: () => decodeCommittable(schema, pending.encoded, this.#operator),
      encode: (committable) => encodeCommittable(schema, committable),
      givenUp: (error) => {
        this.#context.metrics.counter('committablesFailed').increment();
        this.#context.logger.error(
          `a committable was given up, its output is lost: ${messageOf(error)}`,
        );
      },
    });
  }

  /** C2. @returns false if there will be no lease any more. */
  #leased(): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#closed) resolve(false);
      else {
        this.#pause = { end: () => resolve(false) };
        this.#wiring.underLease(() => {
          this.#pause = undefined;
          resolve(!this.#closed);
        });
      }
    });
  }

  #wait(millis: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.env.clock.after(milliseconds(millis), () => {
        this.#pause = undefined;
        resolve();
      });
      const end = (): void => {
        timer[Symbol.dispose]();
        resolve();
      };
      this.#pause = { end };
    });
  }

  /** C4 */
  #unclaimed(checkpointId: number | undefined): EngineError {
    const now =
      this.#sink.createGlobalCommitter === undefined
        ? 'has no committer'
        : 'has a global committer in place of its own';
    return new EngineError('RESTORE_STATE_UNCLAIMED', {
      checkpointId: this.#restoredFrom(checkpointId),
      operators: `"${this.#operator}", whose sink has prepared output to commit and ${now} now`,
    });
  }

  #restoredFrom(checkpointId: number | undefined): number | string {
    return this.#context.restoredCheckpointId ?? checkpointId ?? 'at its end';
  }

  #exhausted(pending: number, retries: number, cause: EngineError | undefined): EngineError {
    if (cause !== undefined) return cause;
    const parameters = { operator: this.#operator, pending, attempts: retries + 1 };
    return new EngineError('CONNECTOR_COMMIT_FAILED', parameters);
  }
}

interface RequestOptions {
  readonly pending: Pending;
  readonly retries: number;
  readonly decode: () => unknown;
  readonly encode: (committable: unknown) => Uint8Array;
  readonly givenUp: (error: unknown) => void;
}

class Request implements CommitRequest<unknown> {
  readonly #options: RequestOptions;
  #outcome: 'committed' | 'retry' | 'given-up' | 'failed' = 'committed';
  #said = false;
  #error: unknown;

  constructor(options: RequestOptions) {
    this.#options = options;
  }

  get pending(): Pending {
    return this.#options.pending;
  }

  /** Decoded when somebody asks: all that are due need not be in memory as objects at once. */
  get committable(): unknown {
    try {
      return this.#options.decode();
    } catch (error) {
      // Whatever the committer makes of it (C5).
      this.signalFailedWithUnknownReason(error);
      throw error;
    }
  }

  get retries(): number {
    return this.#options.retries;
  }

  get checkpointId(): number | undefined {
    return this.#options.pending.checkpointId;
  }

  retryLater(): void {
    this.#say('retry');
  }

  updateAndRetryLater(committable: unknown): void {
    this.#say('retry');
    this.#options.pending.encoded = this.#options.encode(committable);
  }

  signalAlreadyCommitted(): void {
    this.#say('committed');
  }

  signalFailedWithKnownReason(error: unknown): void {
    this.#say('given-up');
    this.#options.givenUp(error);
  }

  signalFailedWithUnknownReason(error: unknown): void {
    this.#say('failed');
    this.#error = error;
  }

  /** Whether it is to be tried again. @throws what it failed with */
  retry(): boolean {
    if (this.#outcome === 'failed') throw this.#error;
    return this.#outcome === 'retry';
  }

  /** The whole call failed: what nothing was said of may or may not be committed. */
  thrown(): void {
    if (!this.#said) this.#outcome = 'retry';
  }

  #say(outcome: 'committed' | 'retry' | 'given-up' | 'failed'): void {
    if (this.#outcome === 'failed') return;
    this.#outcome = outcome;
    this.#said = true;
  }
}
