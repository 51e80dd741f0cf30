// Checkpoints of a whole slot: taken at any moment of a job, in every mode, and gone on from in
// another slot at the same or another parallelism. What comes out is what an undisturbed job gives.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cases } from '../src/base/cases.test-kit.ts';
import type { CheckpointOptions } from '../src/protocol/checkpoint.ts';
import type { CheckpointAnswer } from '../src/taskexecutor/slot/checkpoint/task-checkpoints.ts';
import { CheckpointedSlot, MemoryStorage, urisOf } from './slot-checkpoints.test-kit.ts';
import type { Completed } from './slot-checkpoints.test-kit.ts';
import { assign, expected, summing, sumsIn } from './summing-job.test-kit.ts';
import type { Outcome } from './summing-job.test-kit.ts';

const EACH = 6000;
const MODES: readonly Partial<CheckpointOptions>[] = [
  { alignment: 'aligned' },
  { alignment: 'unaligned' },
  { alignment: 'aligned', alignedTimeout: 0 as never },
];

interface Run {
  readonly mode: number;
  readonly before: number;
  readonly after: number;
  readonly steps: readonly boolean[];
  readonly more: readonly boolean[];
}

const run: fc.Arbitrary<Run> = fc.record({
  mode: fc.nat(MODES.length - 1),
  before: fc.integer({ min: 1, max: 4 }),
  after: fc.integer({ min: 1, max: 4 }),
  // `true`: the most upstream task goes first, so that much lies between.
  steps: fc.array(fc.boolean(), { maxLength: 200 }),
  more: fc.array(fc.boolean(), { maxLength: 60 }),
});

/** Runs a job for some steps, takes a checkpoint while it goes on. */
async function takenFrom(slot: CheckpointedSlot, run: Run): Promise<Completed> {
  await slot.open();
  assign(slot, EACH);
  for (const up of run.steps) slot.step(up ? 'up' : 'down');
  slot.trigger(7, MODES[run.mode]);
  for (const up of run.more) slot.step(up ? 'up' : 'down');
  await slot.settle();
  const completed = slot.completed(7);
  assert.ok(completed !== undefined, `declined: ${slot.declined(7).join()}`);
  return completed;
}

describe('checkpoints of a slot', () => {
  it('T4, R2: a job goes on from any moment, in any mode, at any parallelism', async () => {
    let inFlight = 0;
    await fc.assert(
      fc.asyncProperty(run, async (run) => {
        const storage = new MemoryStorage();
        const outcome = nothing();
        const job = summing(run.before, outcome);
        const first = new CheckpointedSlot({ job, storage });
        const of = await takenFrom(first, run);
        assert.deepEqual(outcome.sums, expected(run.before, EACH), 'it goes on undisturbed');

        for (const { inputs } of of.values()) inFlight += inputs.length;
        const again = nothing();
        const second = new CheckpointedSlot({
          ...{ job: summing(run.after, again), storage },
          from: { checkpointId: 7, job, of },
        });
        await second.open();
        await second.settle();
        // Keys that had their last record before the checkpoint are not written again.
        const all = expected(run.before, EACH);
        for (const [key, sum] of again.sums) assert.equal(sum, all.get(key), `the sum of ${key}`);
        second.trigger(8);
        await second.settle();
        assert.ok(second.completed(8) !== undefined);
        // And what it keeps is what the first one keeps in the end.
        assert.deepEqual(sumsIn(second), all);
      }),
      { seed: 3, numRuns: cases(60, 1000) },
    );
    assert.ok(inFlight > 20, `only ${inFlight} channels had something in flight`);
  });

  it('T2: a storage that fails declines the checkpoint, leaves nothing, and the job goes on', async () => {
    const { slot, storage, outcome } = await started(2);
    storage.failure = new Error('the disk is full');
    slot.trigger(1);
    await slot.settle();
    assert.ok(slot.declined(1).length > 0);
    for (const reason of slot.declined(1)) assert.match(reason, /the disk is full/);
    slot.notify(1, 'aborted');
    await slot.settle();
    assert.deepEqual([...storage.files.keys()], []);
    storage.failure = undefined;
    slot.trigger(2);
    await slot.settle();
    const of = slot.completed(2)!;
    assert.deepEqual([...storage.files.keys()].toSorted(), urisOf(of).toSorted());
    assert.deepEqual(outcome.sums, expected(2, EACH));
  });

  it('T1, T2: an aborted checkpoint is deleted while it is being written, and not answered', async () => {
    const { slot, storage } = await started(2);
    const durable = Promise.withResolvers<void>();
    storage.gate = durable.promise;
    slot.trigger(1);
    await slot.settle();
    slot.notify(1, 'aborted');
    durable.resolve();
    await slot.settle();
    assert.deepEqual([...storage.files.keys()], []);
    assert.deepEqual(slot.answers.flatMap(filesOf), [], 'only tasks without state have answered');
  });

  it('T2: what a task was writing when it was cancelled is gone before it has ended', async () => {
    const { slot, storage } = await started(2);
    const durable = Promise.withResolvers<void>();
    storage.gate = durable.promise;
    slot.trigger(1);
    await slot.settle();
    for (const { task } of slot.tasks) task.cancel();
    durable.resolve();
    await slot.settle();
    assert.equal(slot.ended.size, slot.tasks.length);
    assert.deepEqual([...storage.files.keys()], []);
    assert.deepEqual(slot.answers.flatMap(filesOf), [], 'only tasks without state have answered');
  });

  it('A1: several checkpoints at once, each exact', async () => {
    const { slot, storage, job } = await started(3);
    for (const id of [1, 2, 3]) {
      slot.trigger(id);
      for (let i = 0; i < 20; i += 1) slot.step('up');
    }
    await slot.settle();
    for (const checkpointId of [1, 2, 3]) {
      const of = slot.completed(checkpointId)!;
      const again = await goneOn({ job, checkpointId, of }, storage, 3);
      assert.deepEqual(sumsIn(again), expected(3, EACH));
    }
  });

  it('B1: while a sink flushes, its task does nothing, and then takes its state', async () => {
    const { slot, outcome } = await started(1);
    await slot.settle();
    outcome.busy = Promise.withResolvers<void>();
    slot.trigger(1);
    await slot.settle();
    assert.equal(slot.completed(1), undefined);
    const { busy } = outcome;
    outcome.busy = undefined;
    busy.resolve();
    await slot.settle();
    assert.ok(slot.completed(1) !== undefined);
  });

  it('I1: increments are based on complete checkpoints, and whole again where they must be', async () => {
    const { slot, storage, job } = await started(1, true);
    const partsOf = (id: number): number =>
      Math.max(
        ...[...slot.completed(id)!.values()].flatMap(({ operators }) =>
          operators.map(({ keyed }) => keyed?.parts.length ?? 0),
        ),
      );
    for (let i = 0; i < 40; i += 1) slot.step('up');
    slot.trigger(1);
    await slot.settle();
    slot.notify(1, 'complete');
    slot.trigger(2);
    await slot.settle();
    assert.deepEqual([partsOf(1), partsOf(2)], [1, 2]);
    slot.trigger(3);
    await slot.settle();
    assert.equal(partsOf(3), 2, 'it is based on checkpoint 1, not on one that may still fail');
    slot.notify(2, 'aborted');
    slot.notify(3, 'aborted');
    slot.trigger(4);
    await slot.settle();
    assert.equal(partsOf(4), 2, 'it is based on checkpoint 1, not on the aborted ones');
    const again = await goneOn({ job, checkpointId: 4, of: slot.completed(4)! }, storage, 2);
    assert.deepEqual(sumsIn(again), expected(1, EACH));
    slot.trigger(5, { full: true });
    await slot.settle();
    assert.equal(partsOf(5), 1);
    slot.trigger(6, { purpose: 'savepoint', format: 'canonical' });
    await slot.settle();
    assert.equal(partsOf(6), 1);
    const saved = await goneOn({ job, checkpointId: 6, of: slot.completed(6)! }, storage, 3);
    assert.deepEqual(sumsIn(saved), expected(1, EACH));
  });

  for (const stop of ['suspend', 'drain'] as const) {
    it(`T7: a savepoint that stops the job (${stop}): nothing after it, then all end`, async () => {
      const { slot, storage, outcome, job } = await started(2);
      for (let i = 0; i < 9; i += 1) slot.step('up');
      slot.trigger(1, { purpose: 'savepoint', stop });
      await slot.settle();
      const of = slot.completed(1)!;
      const read = slot.tasks.map(({ task }) => task.recordsIn);
      await slot.settle();
      assert.deepEqual(
        slot.tasks.map(({ task }) => task.recordsIn),
        read,
      );
      slot.notify(1, 'complete');
      await slot.settle();
      assert.deepEqual(new Set(slot.ended.values()), new Set(['FINISHED']));
      assert.equal(outcome.ends, stop === 'drain' ? 2 : 0, 'onEnd');
      if (stop === 'drain') return;
      const again = await goneOn({ job, checkpointId: 1, of }, storage, 3);
      assert.deepEqual(sumsIn(again), expected(2, EACH));
    });
  }

  it('tasks that had read all their input only pass on the end, and are not opened', async () => {
    const { slot, storage, job } = await started(2);
    slot.trigger(1);
    await slot.settle();
    const of = new Map(
      [...slot.completed(1)!].map(([place, snapshot]) => [place, { ...snapshot, finished: true }]),
    );
    const again = nothing();
    const second = new CheckpointedSlot({
      ...{ job: summing(2, again), storage, from: { checkpointId: 1, job, of } },
    });
    await second.open();
    second.trigger(2);
    await second.settle();
    assert.equal(second.ended.size, second.tasks.length);
    assert.deepEqual(new Set(second.ended.values()), new Set(['FINISHED']));
    assert.deepEqual([again.sums.size, again.ends], [0, 0]);
    const answers = second.answers.map(({ kind }) => kind);
    assert.ok(
      answers.every((kind) => kind === 'decline-checkpoint'),
      'T8: after the end, none',
    );
  });

  it('T7: after a suspend that was aborted the job goes on', async () => {
    const { slot, outcome } = await started(2);
    for (let i = 0; i < 9; i += 1) slot.step('up');
    slot.trigger(1, { purpose: 'savepoint', stop: 'suspend' });
    await slot.settle();
    slot.notify(1, 'aborted');
    await slot.settle();
    assert.deepEqual(outcome.sums, expected(2, EACH));
  });
});

interface Started {
  readonly slot: CheckpointedSlot;
  readonly storage: MemoryStorage;
  readonly outcome: Outcome;
  readonly job: ReturnType<typeof summing>;
}

async function started(parallelism: number, incremental = false): Promise<Started> {
  const storage = new MemoryStorage();
  const outcome = nothing();
  const job = summing(parallelism, outcome);
  const slot = new CheckpointedSlot({ job, storage, incremental });
  await slot.open();
  assign(slot, EACH);
  return { slot, storage, outcome, job };
}

/** Another slot that has gone on to the end of the numbers. */
async function goneOn(
  from: NonNullable<ConstructorParameters<typeof CheckpointedSlot>[0]['from']>,
  storage: MemoryStorage,
  parallelism: number,
): Promise<CheckpointedSlot> {
  const slot = new CheckpointedSlot({ job: summing(parallelism, nothing()), storage, from });
  await slot.open();
  await slot.settle();
  return slot;
}

function nothing(): Outcome {
  return { sums: new Map(), busy: undefined, ends: 0 };
}

function filesOf(answer: CheckpointAnswer): string[] {
  if (answer.kind !== 'acknowledge-checkpoint') return [answer.kind];
  return urisOf(new Map([['', answer.snapshot]]));
}
