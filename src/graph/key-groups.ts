/**
 * Key groups: the unit in which keyed state is moved between subtasks. A key's group is its hash
 * modulo the maximal parallelism; each subtask owns one contiguous range. The arithmetic is
 * Flink's, so that ranges, and what moves when a job is rescaled, are those its users know.
 */
import { assert } from '../base/assert.ts';
import { MAX_PARALLELISM_LIMIT } from '../config/options/pipeline-options.ts';

/** First and last group, both included. */
export interface KeyGroupRange {
  readonly first: number;
  readonly last: number;
}

/** `hash` is any 32-bit integer, signed or not. */
export function keyGroupOf(hash: number, maxParallelism: number): number {
  // The same number for a power of two, which it nearly always is, without a division.
  if ((maxParallelism & (maxParallelism - 1)) === 0) return hash & (maxParallelism - 1);
  return (hash >>> 0) % maxParallelism;
}

/** The subtask that owns a key group. */
export function subtaskOfKeyGroup(
  keyGroup: number,
  maxParallelism: number,
  parallelism: number,
): number {
  return Math.floor((keyGroup * parallelism) / maxParallelism);
}

/** The groups of one subtask; never empty, as the parallelism is at most the maximal one. */
export function keyGroupRange(
  subtask: number,
  maxParallelism: number,
  parallelism: number,
): KeyGroupRange {
  assert(
    parallelism >= 1 && parallelism <= maxParallelism && maxParallelism <= MAX_PARALLELISM_LIMIT,
    `key groups of parallelism ${parallelism} and maximal parallelism ${maxParallelism}`,
  );
  assert(subtask >= 0 && subtask < parallelism, `subtask ${subtask} of ${parallelism}`);
  return {
    first: Math.ceil((subtask * maxParallelism) / parallelism),
    last: Math.ceil(((subtask + 1) * maxParallelism) / parallelism) - 1,
  };
}

/** The owner of every key group, for a partitioner: `owners[keyGroup]` is a subtask. */
export function keyGroupOwners(maxParallelism: number, parallelism: number): Uint16Array {
  const owners = new Uint16Array(maxParallelism);
  for (let group = 0; group < maxParallelism; group++) {
    owners[group] = subtaskOfKeyGroup(group, maxParallelism, parallelism);
  }
  return owners;
}

/** Half as much again as the parallelism, rounded up to a power of two, within 128 and 32,768. */
export function defaultMaxParallelism(parallelism: number): number {
  const wanted = 2 ** Math.ceil(Math.log2(parallelism + Math.floor(parallelism / 2)));
  return Math.min(Math.max(wanted, 128), MAX_PARALLELISM_LIMIT);
}
