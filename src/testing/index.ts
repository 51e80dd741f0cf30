/** The public subpath `millrace/testing`: operators held to their contract, with time by hand. */
export { OperatorHarness } from './operator-harness.ts';
export type {
  HarnessSnapshot,
  OperatorHarnessOptions,
  OperatorResult,
  OperatorStep,
} from './operator-harness.ts';
export { verifyOperator } from './verify-operator.ts';
export type { VerifyOperatorOptions } from './verify-operator.ts';
export type { KeySelector } from '../graph/operator-spec.ts';
export type { Operator, OperatorContext } from '../operators/operator.ts';
