// Sources in checkpoints, as the coordinator worker and the readers of a job play together: random
// requests, assignments, discoveries, checkpoints that complete or not, failures of readers and of
// all, over the worker's own messages. Whatever happens, every record counts once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { defineJob, discard, t } from 'millrace';
import type { Source, SplitEnumeratorContext } from 'millrace';
import { cases } from '../src/base/cases.test-kit.ts';
import { ByteReader } from '../src/base/byte-reader.ts';
import { milliseconds } from '../src/base/units.ts';
import { EngineError } from '../src/base/errors.ts';
import { coordinatorWorker } from '../src/jobmaster/coordinator-worker.ts';
import {
  decodeFromCoordinator,
  encodeCoordinatorMessage,
} from '../src/protocol/coordinator-messages.ts';
import type {
  FromCoordinator,
  SourceState,
  ToCoordinator,
} from '../src/protocol/coordinator-messages.ts';
import type { SourceEventToEnumerator } from '../src/protocol/slot-messages.ts';
import { ManualClock } from '../src/rpc/manual-clock.test-kit.ts';

const READERS = 3;
const SPLIT_RECORDS = 3;

interface Split {
  readonly id: string;
  readonly next: number;
}

const SplitSchema = t.struct({ id: t.string, next: t.integer });
const StateSchema = t.struct({ pending: t.array(t.string), found: t.integer });

/** Finds splits when it is told to, and gives them to whoever has asked, now or a turn later. */
class Finder {
  pending: string[];
  found: number;
  readonly #name: string;
  readonly #context: SplitEnumeratorContext<Split>;
  readonly #waiting = new Set<number>();

  constructor(
    name: string,
    context: SplitEnumeratorContext<Split>,
    restored: { readonly pending: readonly string[]; readonly found: number } | undefined,
  ) {
    this.#name = name;
    this.#context = context;
    this.pending = [...(restored?.pending ?? [])];
    this.found = restored?.found ?? 0;
    if (restored === undefined) this.find(4);
  }

  find(count: number): void {
    for (let i = 0; i < count; i += 1) this.pending.push(`${this.#name}${(this.found += 1)}`);
  }

  /** One of the two takes its time. */
  start(): void | Promise<void> {
    if (this.#name === 'a') return;
    const { clock } = this.#context.env;
    return new Promise((resolve) => void clock.after(milliseconds(1), resolve));
  }

  addReader(): void {}

  handleSplitRequest(subtask: number): void {
    this.#waiting.add(subtask);
    this.#serve();
  }

  handleReaderEvent(): void {
    this.find(2);
    // Outside of its calls, as after a look at a disk.
    queueMicrotask(() => this.#serve());
  }

  addSplitsBack(splits: readonly Split[], subtask: number): void {
    this.#waiting.delete(subtask);
    this.pending.unshift(...splits.map(({ id }) => id));
    this.#serve();
  }

  snapshot(): { pending: readonly string[]; found: number } {
    return { pending: [...this.pending], found: this.found };
  }

  close(): void {}

  #serve(): void {
    for (const subtask of this.#waiting) {
      const id = this.pending[0];
      if (id === undefined) return;
      if (!this.#context.readers.has(subtask)) continue;
      this.pending.shift();
      this.#waiting.delete(subtask);
      this.#context.assign(subtask, [{ id, next: 0 }]);
    }
  }
}

type Message =
  | { readonly kind: 'splits'; readonly splits: readonly Split[] }
  | { readonly kind: 'trigger'; readonly checkpointId: number };

interface ReaderState {
  readonly splits: readonly Split[];
  readonly emitted: readonly string[];
}

/** A reader as a task would run it, with what is on its way to it and from it. */
class Reader {
  readonly operator: string;
  readonly subtask: number;
  generation = 0;
  inbox: Message[] = [];
  outbox: SourceEventToEnumerator[] = [];
  #splits: Split[] = [];
  emitted: string[] = [];
  #asked = false;

  constructor(operator: string, subtask: number) {
    this.operator = operator;
    this.subtask = subtask;
  }

  start(generation: number, from: ReaderState | undefined): void {
    this.generation = generation;
    this.inbox = [];
    this.outbox = [{ kind: 'reader-registered' }];
    this.#splits = [...(from?.splits ?? [])];
    this.emitted = [...(from?.emitted ?? [])];
    this.#asked = false;
  }

  get state(): ReaderState {
    return { splits: [...this.#splits], emitted: [...this.emitted] };
  }

  take(splits: readonly Split[]): void {
    this.#splits.push(...splits);
    this.#asked = false;
  }

  /** A record, or the wish for a split. */
  read(): void {
    const split = this.#splits[0];
    if (split === undefined) {
      if (!this.#asked) this.outbox.push({ kind: 'split-request' });
      this.#asked = true;
      return;
    }
    this.emitted.push(`${split.id}:${split.next}`);
    const next = split.next + 1;
    if (next < SPLIT_RECORDS) this.#splits[0] = { ...split, next };
    else this.#splits.shift();
  }
}

interface Checkpoint {
  readonly id: number;
  sources: readonly SourceState[] | undefined;
  readonly readers: Map<Reader, ReaderState>;
}

/** A JobMaster with its readers, and the worker itself. */
class World {
  readonly clock = new ManualClock();
  readonly finders = new Map<string, Finder>();
  readonly readers: Reader[] = [];
  readonly failures: string[] = [];
  readonly snapshotFailures: string[] = [];
  /** From a checkpoint. */
  restores = 0;
  snapshotError: (() => never) | undefined;
  #receive!: (bytes: Uint8Array) => void;
  #pending: Checkpoint[] = [];
  #complete: Checkpoint | undefined;
  #lastId = 0;
  #generation = 0;
  #epoch = 0;

  async start(): Promise<this> {
    const job = defineJob({
      name: 'two sources',
      build: (env) => {
        for (const name of ['a', 'b']) env.from(this.#source(name)).uid(name).sinkTo(discard());
      },
    });
    const modules = { load: async () => ({ default: job }) };
    await coordinatorWorker()({
      env: { modules, clock: this.clock, log: { write: () => undefined } },
      port: {
        receive: (handler: (bytes: Uint8Array) => void) => void (this.#receive = handler),
        post: (bytes: Uint8Array) => this.#hear(decodeFromCoordinator(bytes)),
      },
    } as never);
    const configuration = { 'parallelism.default': String(READERS) };
    const reference = { jobId: 'j', moduleUrl: 'file:///job.js', exportName: undefined };
    this.#tell({ kind: 'build', job: { ...reference, parameters: {}, configuration } });
    await this.clock.pass();
    assert.equal(this.readers.length, 2 * READERS, this.failures.join());
    this.failAll();
    return this;
  }

  request(reader: Reader): void {
    const event = reader.outbox.shift();
    if (event === undefined) return;
    const { operator, subtask } = reader;
    this.#tell({ kind: 'source-event', operator, subtask, event });
  }

  deliver(reader: Reader): void {
    const message = reader.inbox.shift();
    if (message?.kind === 'splits') reader.take(message.splits);
    if (message?.kind !== 'trigger') return;
    const { checkpointId } = message;
    this.#pending.find(({ id }) => id === checkpointId)?.readers.set(reader, reader.state);
  }

  trigger(): void {
    this.#lastId += 1;
    this.#pending.push({ id: this.#lastId, sources: undefined, readers: new Map() });
    this.#tell({ kind: 'snapshot-sources', checkpointId: this.#lastId });
  }

  /** The newest that everybody has acknowledged; the others before it are subsumed. */
  complete(): void {
    const done = this.#pending.findLast(
      ({ sources, readers }) => sources !== undefined && readers.size === this.readers.length,
    );
    if (done === undefined) return;
    this.#abort(({ id }) => id < done.id);
    this.#pending = this.#pending.filter(({ id }) => id > done.id);
    this.#complete = done;
    this.#tell({ kind: 'checkpoint-complete', checkpointId: done.id });
  }

  abort(): void {
    const [first] = this.#pending;
    if (first !== undefined) this.#abort(({ id }) => id === first.id);
  }

  fail(reader: Reader): void {
    this.#abort(() => true);
    const { operator, subtask } = reader;
    reader.start((this.#generation += 1), this.#complete?.readers.get(reader));
    this.#attach([{ operator, subtask }]);
  }

  failAll(): void {
    this.#abort(() => true);
    const from = this.#complete;
    this.#epoch += 1;
    this.#tell({
      kind: 'start-sources',
      epoch: this.#epoch,
      restored: from && {
        checkpointId: from.id,
        sources: from.sources!.map((each) => ({ ...each, schema: StateSchema.description })),
      },
    });
    this.#generation += 1;
    for (const reader of this.readers) reader.start(this.#generation, from?.readers.get(reader));
    this.#attach(this.readers.map(({ operator, subtask }) => ({ operator, subtask })));
  }

  get emitted(): readonly string[] {
    return this.readers.flatMap(({ emitted }) => emitted).sort();
  }

  get expected(): readonly string[] {
    const records = [...this.finders].flatMap(([name, { found }]) =>
      Array.from({ length: found * SPLIT_RECORDS }, (_, index) => {
        return `${name}${1 + Math.floor(index / SPLIT_RECORDS)}:${index % SPLIT_RECORDS}`;
      }),
    );
    return records.sort();
  }

  async drain(): Promise<void> {
    for (let round = 0; round < 400; round += 1) {
      for (const reader of this.readers) {
        this.request(reader);
        this.deliver(reader);
        reader.read();
      }
      await this.clock.pass(1);
      if (this.emitted.length >= this.expected.length) break;
    }
  }

  #attach(readers: Extract<ToCoordinator, { kind: 'attach-readers' }>['readers']): void {
    const restoredCheckpoint = this.#complete?.id ?? 0;
    if (restoredCheckpoint > 0) this.restores += 1;
    this.#tell({
      kind: 'attach-readers',
      generation: this.#generation,
      restoredCheckpoint,
      readers,
    });
  }

  #abort(which: (checkpoint: Checkpoint) => boolean): void {
    for (const checkpoint of this.#pending.filter(which)) {
      this.#tell({ kind: 'checkpoint-aborted', checkpointId: checkpoint.id });
    }
    this.#pending = this.#pending.filter((checkpoint) => !which(checkpoint));
  }

  #tell(message: ToCoordinator): void {
    this.#receive(encodeCoordinatorMessage(message));
  }

  #hear(message: FromCoordinator): void {
    if (message.kind === 'built') {
      for (const { operators } of message.graph.vertices) {
        const source = operators.find(({ name }) => name.startsWith('Source'));
        if (source === undefined) continue;
        for (let i = 0; i < READERS; i += 1) this.readers.push(new Reader(source.id, i));
      }
    } else if (message.kind === 'source-event') {
      const { operator, subtask, generation, event } = message;
      const reader = this.readers.find(
        (each) => each.operator === operator && each.subtask === subtask,
      )!;
      if (reader.generation !== generation || event.kind !== 'splits') return;
      const splits = event.splits.map((bytes) => SplitSchema.codec.decode(new ByteReader(bytes)));
      reader.inbox.push({ kind: 'splits', splits });
    } else if (message.kind === 'sources-snapshot') {
      const checkpoint = this.#pending.find(({ id }) => id === message.checkpointId);
      if (checkpoint === undefined) return;
      checkpoint.sources = message.sources;
      for (const reader of this.readers) {
        reader.inbox.push({ kind: 'trigger', checkpointId: checkpoint.id });
      }
    } else if (message.kind === 'sources-snapshot-failed') {
      this.snapshotFailures.push(message.error.code);
      this.#abort(({ id }) => id === message.checkpointId);
    } else this.failures.push(message.error.code, String(message.error.parameters['message']));
  }

  #source(name: string): Source<string, Split, { pending: readonly string[]; found: number }> {
    return {
      kind: 'source',
      name,
      produces: t.string,
      boundedness: 'unbounded',
      split: SplitSchema,
      enumeratorState: StateSchema,
      createEnumerator: (context, restored) => {
        const finder = new Finder(name, context, restored);
        this.finders.set(name, finder);
        if (name === 'b') {
          const snapshot = finder.snapshot.bind(finder);
          finder.snapshot = () => this.snapshotError?.() ?? snapshot();
        }
        return finder;
      },
      createReader: () => assert.fail('readers run elsewhere'),
    };
  }
}

const who = fc.nat(2 * READERS - 1);
const step = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      do: fc.constantFrom('read' as const, 'request' as const, 'deliver' as const),
      who,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constantFrom('round' as const, 'pass' as const), who }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('trigger' as const, 'complete' as const), who }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('checkpoint' as const), who }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('find' as const, 'abort' as const, 'fail' as const, 'fail all' as const),
      who,
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function take(world: World, { do: what, who: index }: Step): Promise<void> {
  const reader = world.readers[index]!;
  switch (what) {
    case 'read':
      return reader.read();
    case 'request':
      return world.request(reader);
    case 'deliver':
      return world.deliver(reader);
    case 'round':
      await world.clock.pass(1);
      for (const each of world.readers) {
        each.read();
        world.request(each);
        world.deliver(each);
      }
      return;
    case 'pass':
      return world.clock.pass();
    case 'trigger':
      return world.trigger();
    case 'complete':
      return world.complete();
    case 'checkpoint':
      world.trigger();
      await world.clock.pass();
      for (const each of world.readers) while (each.inbox.length > 0) world.deliver(each);
      if (index % 2 === 0) {
        // The next one begins before it is complete.
        world.trigger();
        await world.clock.pass(1);
      }
      return world.complete();
    case 'find':
      reader.outbox.push({ kind: 'user', payload: new Uint8Array(0) });
      return;
    case 'abort':
      return world.abort();
    case 'fail':
      return world.fail(reader);
    case 'fail all':
      world.failAll();
  }
}

describe('splits and checkpoints', () => {
  test('N3, N5, K4, T1 to T3: no split is lost or doubled, whatever fails when', async () => {
    let restores = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 120 }), async (steps) => {
        const world = await new World().start();
        for (const each of steps) await take(world, each);
        await world.drain();
        assert.deepEqual(world.failures, []);
        assert.deepEqual(world.emitted, world.expected);
        restores += world.restores;
      }),
      { seed: 21, numRuns: cases(200) },
    );
    assert.ok(restores > 300, `only ${restores} times something was restored from a checkpoint`);
  });

  test('N5: what is assigned while another source is not through yet, comes after it', async () => {
    const world = await new World().start();
    const a0 = world.readers[0]!;
    a0.read();
    world.request(a0);
    world.trigger();
    world.request(a0);
    await world.clock.pass();
    assert.deepEqual(a0.inbox, [], 'held while b starts');
    await world.clock.pass(1);
    assert.deepEqual(
      a0.inbox.map(({ kind }) => kind),
      ['trigger', 'splits'],
    );
    for (const reader of world.readers) world.deliver(reader);
    world.complete();
    world.failAll();
    assert.equal(world.restores, 1);
    await world.drain();
    assert.deepEqual(world.emitted, world.expected);
  });

  test('an enumerator that cannot give its state declines the checkpoint, and goes on', async () => {
    const world = await new World().start();
    world.snapshotError = () => {
      throw new EngineError('IO_FAILED', { operation: 'read', path: 'x', reason: 'y' });
    };
    world.trigger();
    await world.clock.pass(1);
    assert.deepEqual(world.snapshotFailures, ['IO_FAILED']);
    assert.deepEqual(world.failures, []);
    world.snapshotError = undefined;
    await world.drain();
    assert.deepEqual(world.emitted, world.expected);
  });
});
