/**
 * Holds an operator to its contract (`operators/operator.ts`), by running it many times over the
 * same steps: plainly; with an output that is full after every record; and with a snapshot at every
 * step, restored into a fresh operator that goes on from there. Values are frozen on their way in
 * and out, and go through their codec. All runs must give the same results.
 */
import assert from 'node:assert/strict';
import type { KeySelector } from '../graph/operator-spec.ts';
import { MIN_WATERMARK } from '../network/control-element.ts';
import type { Operator } from '../operators/operator.ts';
import type { Schema } from '../types/schema.ts';
import { OperatorHarness } from './operator-harness.ts';
import type { OperatorResult, OperatorStep } from './operator-harness.ts';

export interface VerifyOperatorOptions {
  /** A fresh operator for each run. */
  readonly create: () => Operator;
  readonly inputs?: 1 | 2 | undefined;
  readonly keys?: readonly (KeySelector | undefined)[] | undefined;
  readonly output: Schema<unknown>;
  readonly sideOutputs?: Readonly<Record<string, Schema<unknown>>> | undefined;
  readonly steps: readonly OperatorStep[];
  /** What the plain run must give, if it is to be compared with something. */
  readonly expected?: readonly OperatorResult[] | undefined;
  /** Compares results as multisets between control elements, for operators without an order. */
  readonly unordered?: boolean | undefined;
}

/**
 * @throws AssertionError naming the run that differs.
 * @example
 * await verifyOperator({
 *   create: () => new MapOperator((n) => (n as number) + 1),
 *   output: t.float64,
 *   steps: [{ kind: 'record', value: 1 }, { kind: 'record', value: 2 }],
 * });
 */
export async function verifyOperator(
  options: VerifyOperatorOptions,
): Promise<readonly OperatorResult[]> {
  const plain = await runAll(options, false);
  if (options.expected !== undefined) {
    assert.deepEqual(plain, options.expected, 'the plain run');
  }
  const compare = (results: readonly OperatorResult[], run: string): void => {
    assert.deepEqual(normal(results, options), normal(plain, options), run);
  };
  compare(await runAll(options, true), 'with an output that is full after every record');
  for (let boundary = 0; boundary <= options.steps.length; boundary += 1) {
    for (const settled of [true, false]) {
      const results = await runWithRestore(options, boundary, settled);
      const moment = settled ? 'after' : 'right at';
      compare(results, `with snapshot and restore ${moment} step ${boundary}`);
    }
  }
  return plain;
}

function harness(options: VerifyOperatorOptions, full: boolean): OperatorHarness {
  return new OperatorHarness({
    operator: options.create(),
    inputs: options.inputs ?? 1,
    keys: options.keys,
    output: options.output,
    sideOutputs: options.sideOutputs,
    fullAfterEveryRecord: full,
  });
}

async function runAll(
  options: VerifyOperatorOptions,
  full: boolean,
): Promise<readonly OperatorResult[]> {
  const run = harness(options, full);
  await run.open();
  for (const step of options.steps) {
    run.step(step);
    await run.settle();
  }
  return finish(run);
}

async function runWithRestore(
  options: VerifyOperatorOptions,
  boundary: number,
  settled: boolean,
): Promise<readonly OperatorResult[]> {
  const before = harness(options, false);
  await before.open();
  for (const [index, step] of options.steps.slice(0, boundary).entries()) {
    before.step(step);
    if (settled || index < boundary - 1) await before.settle();
  }
  const emitted = [...before.results];
  const snapshot = await before.snapshot();
  await before.close();
  const after = harness(options, false);
  await after.open(snapshot);
  await after.settle();
  for (const step of options.steps.slice(boundary)) {
    after.step(step);
    await after.settle();
  }
  return [...emitted, ...(await finish(after))];
}

async function finish(run: OperatorHarness): Promise<readonly OperatorResult[]> {
  run.end();
  await run.settle();
  if (run.failure !== undefined) throw run.failure;
  assert.equal(run.ended, 'FINISHED', 'the task did not finish');
  return run.results;
}

function normal(results: readonly OperatorResult[], options: VerifyOperatorOptions): unknown {
  const once = withoutRepetition(results);
  if (options.unordered !== true) return once;
  const parts: string[][] = [[]];
  for (const result of once) {
    if (result.kind === 'record') {
      parts
        .at(-1)!
        .push(`${result.tag} ${String(result.timestamp)} ${JSON.stringify(result.value)}`);
    } else {
      parts.push([JSON.stringify(result)], []);
    }
  }
  return parts.map((part) => part.toSorted());
}

/** After a restore a watermark may be given out again, which changes nothing for anybody. */
function withoutRepetition(results: readonly OperatorResult[]): readonly OperatorResult[] {
  let last = MIN_WATERMARK;
  return results.filter((result) => {
    if (result.kind !== 'watermark') return true;
    const repeats = result.timestamp === last;
    last = result.timestamp;
    return !repeats;
  });
}
