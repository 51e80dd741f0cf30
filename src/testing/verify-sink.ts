/**
 * Holds an exactly-once sink to its contract: subtasks of it are driven as a job with checkpoints
 * drives them, killed and restored at any point, at another parallelism too, while a reader outside
 * looks on.
 *
 * Invariants
 * V1. The reader sees what complete checkpoints hold, all of it once they are, and nothing else.
 * V2. What the same records bring again after a restore, is seen once.
 */
import { assert } from '../base/assert.ts';
import { Prng } from '../base/prng.ts';
import type { FileSystem } from '../functions/file-system.ts';
import type { AnySink } from '../functions/sink.ts';
import type { ConnectorEnv } from '../functions/source.ts';
import type { OperatorContext } from '../operators/operator.ts';
import type { CommittablesOfCheckpoint } from '../operators/sink-commits.ts';
import { SinkOperator } from '../operators/sink-operator.ts';
import { MemorySnapshot } from '../state/memory-snapshot.ts';
import { OperatorStateBackend } from '../state/operator-state.ts';
import type { SnapshotInput } from '../state/snapshot.ts';
import { FileSystems } from '../storage/file-systems.ts';

export interface SinkUnderTest<T> {
  readonly env: ConnectorEnv;
  /** Where the sink's files are, if it has some. Default: what `env` has. */
  readonly fileSystem?: ((uri: string) => FileSystem) | undefined;
  /** A sink as the job's module makes it, again for each attempt. */
  sink(): AnySink<T>;
  /** The record of that number. */
  record(number: number): T;
  /** The numbers that a reader sees now, in any order. */
  visible(): Promise<readonly number[]>;
  /** At the end of the job: nothing else is left of it. */
  finished?(): Promise<void>;
}

export interface VerifySinkOptions {
  readonly seed: number;
  /** Each with another story of writes, checkpoints and failures. Default 30. */
  readonly stories?: number | undefined;
  /** Default 60. */
  readonly steps?: number | undefined;
  /** Parallelism changes at restores. Default true. */
  readonly rescales?: boolean | undefined;
  /**
   * What a complete checkpoint holds may be seen later, at the end of the job at the latest.
   * Default false.
   */
  readonly lags?: boolean | undefined;
}

/**
 * @example
 * await verifySink(() => ({ env, sink: () => mySink(), record: String, visible }), { seed: 1 });
 * @throws AssertionError that names the seed and the step
 */
export async function verifySink<T>(
  make: () => SinkUnderTest<T> | Promise<SinkUnderTest<T>>,
  options: VerifySinkOptions,
): Promise<void> {
  const { stories = 30, seed } = options;
  for (let story = 0; story < stories; story += 1) {
    await new Story(await make(), seed + story, options).run();
  }
}

/** What a checkpoint holds. */
interface Checkpoint {
  readonly id: number;
  /** Records up to here are in it. */
  readonly position: number;
  readonly parallelism: number;
  readonly states: readonly SnapshotInput[];
  readonly committables: readonly (readonly CommittablesOfCheckpoint[])[];
}

interface Subtask {
  readonly operator: SinkOperator;
  readonly state: OperatorStateBackend;
  readonly place: { readonly subtask: number; readonly parallelism: number };
  readonly mails: (() => void)[];
  held: number;
}

class Story<T> {
  readonly #test: SinkUnderTest<T>;
  readonly #random: Prng;
  readonly #seed: number;
  readonly #steps: number;
  readonly #rescales: boolean;
  readonly #lags: boolean;
  #subtasks: readonly Subtask[] = [];
  #attempt = 0;
  #position = 0;
  #lastId = 0;
  #pending: Checkpoint[] = [];
  #complete: Checkpoint | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(test: SinkUnderTest<T>, seed: number, options: VerifySinkOptions) {
    this.#test = test;
    this.#seed = seed;
    this.#random = Prng.of(seed);
    this.#steps = options.steps ?? 60;
    this.#rescales = options.rescales ?? true;
    this.#lags = options.lags ?? false;
  }

  async run(): Promise<void> {
    await this.#start();
    for (let step = 0; step < this.#steps; step += 1) {
      await this.#step(this.#random.below(20));
      await this.#look(`step ${step}`, this.#complete?.position ?? 0);
    }
    for (const each of this.#subtasks) await this.#finish(each);
    await this.#look('the end of the input', this.#complete?.position ?? 0);
    for (const { operator } of this.#subtasks) await operator.commit();
    await this.#look('the end of the job', this.#position, false);
    for (const { operator } of this.#subtasks) await operator.close();
    await this.#test.finished?.();
  }

  async #step(draw: number): Promise<void> {
    if (draw < 10) await this.#write();
    else if (draw < 14) await this.#barrier();
    else if (draw < 17) await this.#completeOne();
    else if (draw === 17) this.#pending.shift();
    else await this.#restart(draw === 18);
  }

  async #write(): Promise<void> {
    for (let count = 1 + this.#random.below(5); count > 0; count -= 1) {
      const subtask = this.#subtasks[this.#random.below(this.#subtasks.length)]!;
      subtask.operator.process(this.#test.record(this.#position), this.#position);
      this.#position += 1;
      await this.#released(subtask);
    }
  }

  async #barrier(): Promise<void> {
    const id = (this.#lastId += 1);
    const states: SnapshotInput[] = [];
    const committables: (readonly CommittablesOfCheckpoint[])[] = [];
    for (const { operator, state, place } of this.#subtasks) {
      await operator.prepareSnapshot(id);
      committables.push(operator.committables);
      const memory = new MemorySnapshot(`subtask ${place.subtask}`);
      const writer = state.beginSnapshot(memory);
      while (writer.writeSlice(Number.POSITIVE_INFINITY, () => 0) !== 'done');
      states.push(memory.input());
    }
    const parallelism = this.#subtasks.length;
    this.#pending.push({ id, position: this.#position, parallelism, states, committables });
  }

  /** Any of those under way; those before it are subsumed. */
  async #completeOne(): Promise<void> {
    const at = this.#pending.length === 0 ? 0 : this.#random.below(this.#pending.length);
    const done = this.#pending[at];
    if (done === undefined) return;
    this.#pending = this.#pending.slice(at + 1);
    this.#complete = done;
    // Some of them may be killed before they hear of it: a restore tells them.
    for (const { operator } of this.#subtasks) {
      if (this.#random.below(12) === 0) return this.#restart(true);
      await operator.checkpointComplete(done.id);
    }
  }

  async #restart(killed: boolean): Promise<void> {
    if (!killed) for (const { operator } of this.#subtasks) await operator.close();
    this.#pending = [];
    await this.#start();
  }

  async #start(): Promise<void> {
    this.#attempt += 1;
    const from = this.#complete;
    const before = from?.parallelism ?? 1 + this.#random.below(3);
    const parallelism = this.#rescales ? 1 + this.#random.below(3) : before;
    this.#position = from?.position ?? 0;
    const started: Subtask[] = [];
    for (let subtask = 0; subtask < parallelism; subtask += 1) {
      started.push(await this.#open({ subtask, parallelism }, from));
    }
    this.#subtasks = started;
  }

  async #open(place: Subtask['place'], from: Checkpoint | undefined): Promise<Subtask> {
    const operatorName = 'the sink';
    const state = new OperatorStateBackend({ operator: operatorName, ...place });
    const operator = new SinkOperator(this.#test.sink(), {
      env: this.#test.env,
      jobId: 'job',
      operatorId: 'sink',
      fileSystem: (uri) => this.#fileSystem(uri),
      sendToClient: () => undefined,
      underLease: (effect) => effect(),
      commitRetries: 0,
    });
    if (from !== undefined) {
      await state.restore(from.states);
      const own = from.committables.filter(
        (_, former) => former % place.parallelism === place.subtask,
      );
      const restored = { checkpointId: from.id, isClaimed: true, committables: own.flat() };
      operator.restoreCommittables(restored);
    }
    const made: Subtask = { operator, state, place, mails: [], held: 0 };
    await operator.open(this.#contextOf(made));
    return made;
  }

  #fileSystem(uri: string): FileSystem {
    const { env, fileSystem } = this.#test;
    return fileSystem === undefined ? FileSystems.create(env).of(uri) : fileSystem(uri);
  }

  #contextOf(made: Subtask): OperatorContext {
    const quiet = (): void => {};
    const parts: Partial<OperatorContext> = {
      open: {
        jobName: 'job',
        operatorName: 'the sink',
        ...made.place,
        maxParallelism: 128,
        attempt: this.#attempt,
        logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
        metrics: { counter: () => ({ increment: quiet, count: 0 }) } as never,
      },
      operatorState: made.state,
      watermark: () => 0,
      mail: (mail) => void made.mails.push(mail),
      hold: () => void (made.held += 1),
      release: () => void (made.held -= 1),
      fail: (error) => void (this.#failure ??= { error }),
    };
    return parts as OperatorContext;
  }

  async #finish(subtask: Subtask): Promise<void> {
    while (!subtask.operator.finish()) await this.#released(subtask);
  }

  async #released(subtask: Subtask): Promise<void> {
    for (;;) {
      for (const mail of subtask.mails.splice(0)) mail();
      if (this.#failure !== undefined) throw this.#failure.error;
      if (subtask.held === 0) return;
      await new Promise<void>((resolve) => this.#test.env.clock.soon(resolve));
    }
  }

  /** V1, V2 */
  async #look(when: string, position: number, lags: boolean = this.#lags): Promise<void> {
    const seen = [...(await this.#test.visible())].sort((a, b) => a - b);
    const isOnce = seen.every((number, index) => number !== seen[index - 1]);
    const isComplete = lags || seen.length === position;
    const isRight =
      isOnce && isComplete && seen.every((number) => number >= 0 && number < position);
    const range = position === 0 ? 'nothing' : `0 to ${position - 1}`;
    const expected = lags ? `nothing but some of ${range}` : range;
    const where = `at ${when} of seed ${this.#seed}`;
    assert(isRight, `V1: ${where} a reader sees ${seen.join(' ')}, and should see ${expected}`);
  }
}
