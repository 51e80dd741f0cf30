/** Two streams partitioned by keys of one type, so that equal keys of both meet in one subtask. */
import type { KeySelector } from '../graph/operator-spec.ts';
import type { Key, Schema } from '../types/schema.ts';
import { requireSchema, requireSynchronous } from './callbacks.ts';
import type { StreamHandle } from './job-builder.ts';
import type { Pair } from './stream-kinds.ts';

export interface KeyedPair extends Pair {
  readonly keys: readonly [left: KeySelector, right: KeySelector];
}

export interface PairKeys {
  readonly left: (value: any) => Key;
  readonly right: (value: any) => Key;
  readonly schema: Schema<Key> | undefined;
}

/** The key selectors that a call was given, checked. */
export function pairKeys(call: string, { left, right, schema }: PairKeys): KeyedPair['keys'] {
  requireSynchronous(left, call);
  requireSynchronous(right, call);
  if (schema !== undefined) requireSchema(schema, call);
  return [
    { select: left, schema },
    { select: right, schema },
  ];
}

export function keyedPair({ left, right }: Pair, keys: KeyedPair['keys']): KeyedPair {
  return { left: hashed(left, keys[0]), right: hashed(right, keys[1]), keys };
}

function hashed({ builder, id }: StreamHandle, key: KeySelector): StreamHandle {
  return builder.way({
    kind: 'partition',
    name: 'keyBy',
    input: id,
    partitioner: { kind: 'hash', key },
  });
}
