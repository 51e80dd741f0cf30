/**
 * Gives the records of a batch to the head of a chain, from the batch's cursor on: one loop for
 * each kind of head, so that each stays monomorphic. It stops where output is held, and when it has
 * done as many as a step may.
 */
import { assert } from '../../base/assert.ts';
import type { Batch, ObjectBatch } from '../../network/batch.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import type { Pressure } from '../../network/pressure.ts';
import { RECORDS_AHEAD } from '../../operators/operator.ts';
import type {
  KeyedOperator,
  OneInputOperator,
  Operator,
  TwoInputOperator,
} from '../../operators/operator.ts';

export interface BatchStep {
  readonly head: Operator;
  /** The side on which the batch has come. */
  readonly input: 0 | 1;
  readonly pressure: Pressure;
  /** At most. */
  readonly records: number;
}

/** Leaves the cursor behind the last record that was processed. */
export function processBatch(batch: Batch, step: BatchStep): void {
  const { head, pressure } = step;
  if (batch.kind === 'rows') {
    (head as OneInputOperator).processRows!(batch);
    batch.cursor = batch.size;
    return;
  }
  const end = Math.min(batch.size, batch.cursor + step.records);
  if ('processLeft' in head) {
    processTwo(batch, head as TwoInputOperator, { end, pressure, left: step.input === 0 });
  } else if ('processKeyed' in head) processKeyed(batch, head as KeyedOperator, end, pressure);
  else processOne(batch, head as OneInputOperator, end, pressure);
}

function processOne(
  batch: ObjectBatch,
  head: OneInputOperator,
  end: number,
  pressure: Pressure,
): void {
  const { values, timestamps, hasTimestamps } = batch;
  let i = batch.cursor;
  while (i < end) {
    head.process(values[i], hasTimestamps ? timestamps![i]! : NO_TIMESTAMP);
    i += 1;
    if (pressure.holds !== 0) break;
  }
  batch.cursor = i;
}

function processKeyed(
  batch: ObjectBatch,
  head: KeyedOperator,
  end: number,
  pressure: Pressure,
): void {
  const { values, timestamps, hasTimestamps, keyGroups } = batch;
  assert(batch.hasKeyGroups, 'T1: a keyed operator gets records of a hash edge');
  let i = batch.cursor;
  while (i < end && (i === batch.cursor || pressure.holds === 0)) {
    const stop = Math.min(end, i + RECORDS_AHEAD);
    head.approach?.({ values, keyGroups: keyGroups!, from: i, end: stop });
    while (i < stop) {
      head.processKeyed(values[i], hasTimestamps ? timestamps![i]! : NO_TIMESTAMP, keyGroups![i]!);
      i += 1;
      if (pressure.holds !== 0) break;
    }
  }
  batch.cursor = i;
}

function processTwo(
  batch: ObjectBatch,
  head: TwoInputOperator,
  step: { readonly end: number; readonly left: boolean; readonly pressure: Pressure },
): void {
  const { end, left, pressure } = step;
  let i = batch.cursor;
  while (i < end) {
    const group = batch.hasKeyGroups ? batch.keyGroups![i]! : -1;
    if (left) head.processLeft(batch.values[i], batch.timestampAt(i), group);
    else head.processRight(batch.values[i], batch.timestampAt(i), group);
    i += 1;
    if (pressure.holds !== 0) break;
  }
  batch.cursor = i;
}
