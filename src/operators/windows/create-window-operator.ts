/** Chooses the operator for windows: what each can do differs, what comes out does not. */
import type { WindowSpec } from '../../graph/operator-spec.ts';
import type { Operator } from '../operator.ts';
import { WindowOperator } from './window-operator.ts';

export function createWindowOperator(spec: WindowSpec): Operator {
  return new WindowOperator(spec);
}
