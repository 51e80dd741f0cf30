/**
 * Joins two keyed streams within windows. It is the window operator in its general form, whose
 * records say which side they come from; each side has its own key.
 */
import type { Timestamp } from '../../base/units.ts';
import type { JoinElement } from '../../functions/join-function.ts';
import type { WindowJoinSpec } from '../../graph/join-spec.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Key } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import type { OperatorContext, TwoInputOperator } from '../operator.ts';
import { WindowOperator } from '../windows/window-operator.ts';
import { windowJoinFunction } from './window-join-functions.ts';

export class WindowJoinOperator implements TwoInputOperator {
  readonly #windows: WindowOperator;

  constructor(spec: WindowJoinSpec) {
    this.#windows = new WindowOperator(windowSpecOf(spec));
  }

  open(context: OperatorContext): void | Promise<void> {
    return this.#windows.open(context);
  }

  close(): void | Promise<void> {
    return this.#windows.close();
  }

  processLeft(value: unknown, timestamp: number, keyGroup: number): void {
    this.#windows.processKeyed({ side: 'left', value }, timestamp, keyGroup);
  }

  processRight(value: unknown, timestamp: number, keyGroup: number): void {
    this.#windows.processKeyed({ side: 'right', value }, timestamp, keyGroup);
  }

  watermark(timestamp: number): boolean {
    return this.#windows.watermark(timestamp);
  }

  processingTime(now: Timestamp): boolean {
    return this.#windows.processingTime(now);
  }

  finish(): boolean {
    return this.#windows.finish();
  }
}

function windowSpecOf(spec: WindowJoinSpec): WindowSpec {
  const { assigner, trigger, evictor, allowedLateness, sides } = spec;
  const [left, right] = [spec.leftKey.select, spec.rightKey.select];
  const select = ({ side, value }: JoinElement<unknown, unknown>): Key =>
    side === 'left' ? left(value) : right(value);
  return {
    kind: 'window',
    key: { select, schema: spec.leftKey.schema },
    keyed: true,
    assigner,
    trigger,
    evictor,
    allowedLateness,
    contents: { kind: 'list' },
    function: windowJoinFunction(spec.result),
    value: t.oneOf({ left: sides.left, right: sides.right }),
  };
}
