/** Chooses the operator for windows: what each can do differs, what comes out does not. */
import { assert } from '../../base/assert.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Operator } from '../operator.ts';

export function createWindowOperator(spec: WindowSpec): Operator {
  assert(false, `the operator of ${spec.assigner.kind} windows lands with the next commits`);
}
