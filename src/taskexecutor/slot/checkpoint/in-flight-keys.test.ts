// Records in flight by key are read only by a program that finds the same keys in them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isEngineError } from '../../../base/errors.ts';
import { keyGroupOf, keyGroupRange } from '../../../graph/key-groups.ts';
import { ObjectBatch } from '../../../network/batch.ts';
import { InFlight } from '../../../network/in-flight.ts';
import type { ChannelState } from '../../../protocol/checkpoint.ts';
import { t } from '../../../types/index.ts';
import { hashKey } from '../../../types/key.ts';
import type { Key } from '../../../types/schema.ts';
import { restoreInputs, restoreOutputs, StateFiles } from './restore-states.ts';

const MAX_PARALLELISM = 16;
const former = (n: number): Key => n % 7;

type Select = (value: number) => Key;

const groupOf = (key: Key): number => keyGroupOf(hashKey(key), MAX_PARALLELISM);
const OWN = keyGroupRange(0, MAX_PARALLELISM, 2);
const NUMBERS = Array.from({ length: 50 }, (_, n) => n).filter(
  (n) => groupOf(former(n)) <= OWN.last,
);

/** Records for the first of two subtasks. */
function channel(keyed = true): ChannelState {
  const batch = new ObjectBatch();
  for (const n of NUMBERS) {
    if (keyed) batch.appendKeyed(n, n, groupOf(former(n)));
    else batch.append(n, n);
  }
  const flight = new InFlight({ producer: 1, consumer: 2 });
  flight.batch(batch, t.int32.codec);
  return {
    ...{ edge: 'e', producer: 0, consumer: 0 },
    handle: { kind: 'inline', bytes: flight.bytes() },
  };
}

function edgeOf(select: Select | undefined, consumers: number) {
  const names = { source: 'numbers', target: 'sums', checkpointId: 7 };
  const selector = select && { select: select as (value: unknown) => Key, schema: undefined };
  return {
    ...{ edge: 'e', codec: t.int32.codec, input: 0 as const, placeOf: () => 0 },
    parallelism: { producer: 1, consumer: consumers },
    keys: selector && { selector, maxParallelism: MAX_PARALLELISM, ...names },
  };
}

async function read(select: Select | undefined, consumers = 2, keyed = true): Promise<number> {
  const own = { subtask: 0, maxParallelism: MAX_PARALLELISM };
  const files = new StateFiles(undefined as never);
  const found = await restoreInputs([channel(keyed)], [edgeOf(select, consumers)], own, files);
  return found.reduce((sum, { element }) => sum + (element as ObjectBatch).size, 0);
}

const refused = (error: unknown): boolean => {
  assert.ok(isEngineError(error, 'RESTORE_IN_FLIGHT_KEYS'), String(error));
  assert.equal(error.retry, 'never');
  assert.match(error.message, /checkpoint 7: .* from "numbers" to "sums"/);
  return true;
};

describe('G1: records in flight', () => {
  test('are read by the selector that dealt them out, at another parallelism too', async () => {
    const all = await read(former);
    assert.equal(all, await read(undefined), 'without keys nothing is left out');
    assert.ok((await read(former, 3)) < all, 'the others are those of another subtask');
  });

  test('are not read by one that finds another key, or none, at any parallelism', async () => {
    const last = NUMBERS.at(-1)!;
    const elsewhere = [1, 2, 3, 4, 5, 6].find((key) => groupOf(key) !== groupOf(former(last)))!;
    const others: readonly Select[] = [
      (n) => n % 5,
      (n) => String(n % 7),
      (n) => (n === last ? elsewhere : n % 7),
      () => {
        throw new TypeError('no such field');
      },
    ];
    for (const other of others) {
      for (const consumers of [2, 3]) await assert.rejects(read(other, consumers), refused);
    }
  });

  test('are not read where nothing was dealt out by key', async () => {
    await assert.rejects(read(former, 2, false), refused);
  });

  test('are looked at before they leave their producer, too', async () => {
    const restored: unknown[] = [];
    const output = (select: Select): Parameters<typeof restoreOutputs>[1][0] => ({
      ...edgeOf(select, 2),
      writer: { restored: (element: unknown) => restored.push(element) } as never,
      channelOf: () => 0,
    });
    const files = new StateFiles(undefined as never);
    await assert.rejects(restoreOutputs([channel()], [output((n) => n % 5)], files), refused);
    assert.deepEqual(restored, []);
    await restoreOutputs([channel()], [output(former)], files);
    assert.equal(restored.length, 1);
  });
});
