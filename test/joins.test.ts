/** Joins in whole jobs: at any parallelism, restored at any moment at any other one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { milliseconds, type StreamEnvironment } from 'millrace';
import { builtOnce, JobHarness } from 'millrace/testing';
import { defineJob } from '../src/api/define-job.ts';
import {
  broadcastJoinOf,
  intervalJoinOf,
  isDeletion,
  TemporalJoin,
} from '../src/operators/joins/join-definitions.test-kit.ts';
import { events, Item } from '../src/operators/joins/join.test-kit.ts';
import type { Event } from '../src/operators/joins/join.test-kit.ts';
import { placeholderSource } from '../src/testing/placeholder-source.ts';

const BOUNDS = { lower: -2, upper: 5 };

function build(env: StreamEnvironment): void {
  const lefts = env.from(placeholderSource('left', Item));
  const rights = env.from(placeholderSource('right', Item));
  const near = lefts
    .keyBy((item) => item.key)
    .intervalJoin(rights.keyBy((item) => item.key))
    .between(milliseconds(BOUNDS.lower), milliseconds(BOUNDS.upper))
    .inner((left, right) => [left.id, right.id] as const);
  near.print('near');
  near.side.lateLeft.print('near late left');
  near.side.lateRight.print('near late right');
  const valid = lefts
    .temporalJoin(rights, { isDeletion })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .left((left, right) => [left.id, right?.id ?? null] as const);
  valid.print('valid');
  valid.side.lateLeft.print('valid late left');
  lefts
    .broadcastJoin(rights, { isDeletion })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .left((left, right) => [left.id, right?.id ?? null] as const)
    .print('latest');
  lefts
    .broadcastJoin(rights, { isDeletion, holdUntilEnd: true })
    .on(
      (left) => left.key,
      (right) => right.key,
    )
    .inner((left, right) => [left.id, right.id] as const)
    .print('complete');
}

const job = builtOnce(defineJob({ name: 'joins', build }));

const SINKS = [
  'near',
  'near late left',
  'near late right',
  'valid',
  'valid late left',
  'latest',
  'complete',
] as const;

interface Restore {
  readonly at: number;
  readonly parallelism: number;
}

async function outputsOf(
  list: readonly Event[],
  parallelism: number,
  restores: readonly Restore[],
): Promise<Readonly<Record<string, readonly string[]>>> {
  let harness = await JobHarness.start(job, { parallelism });
  const outputs: Record<string, string[]> = {};
  for (const sink of SINKS) outputs[sink] = [];
  const take = (): void => {
    for (const sink of SINKS) {
      for (const { value, timestamp } of harness.records(sink)) {
        outputs[sink]!.push(`${JSON.stringify(value)} @${String(timestamp)}`);
      }
    }
  };
  for (const [index, event] of list.entries()) {
    for (const restore of restores) {
      if (restore.at !== index) continue;
      const snapshot = await harness.snapshot();
      take();
      await harness.close();
      harness = await JobHarness.restore(snapshot, { parallelism: restore.parallelism });
    }
    if (event.kind === 'watermark') harness.watermark(event.at);
    else harness.source(event.side, Item).emit(event.item, event.item.at);
  }
  await harness.end();
  take();
  for (const of of Object.values(outputs)) of.sort();
  return outputs;
}

const parallelism = fc.integer({ min: 1, max: 4 });
const restores = fc.array(fc.record({ at: fc.nat(24), parallelism }), { maxLength: 2 });

describe('joins', () => {
  it('are what their definitions say, whatever the parallelism and the restores', async () => {
    const property = fc.asyncProperty(
      events({ maxLength: 24 }),
      parallelism,
      restores,
      async (list, initial, again) => {
        const outputs = await outputsOf(list, initial, again);
        const near = intervalJoinOf(list, BOUNDS);
        const valid = new TemporalJoin(list, 'left');
        assert.deepEqual(outputs, {
          near: near.pairs,
          'near late left': near.left,
          'near late right': near.right,
          valid: valid.joined.toSorted(),
          'valid late left': valid.late.left.toSorted(),
          latest: broadcastJoinOf(list, { type: 'left', holdUntilEnd: false }),
          complete: broadcastJoinOf(list, { type: 'inner', holdUntilEnd: true }),
        });
      },
    );
    await fc.assert(property, { numRuns: 150 });
  });
});
