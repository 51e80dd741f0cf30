/** The public subpath `millrace/testing`: operators held to their contract, with time by hand. */
export { commitRequests, NO_WRITER_STATE } from './commit-requests.ts';
export type { TestCommitRequest } from './commit-requests.ts';
export { JobHarness } from './job-harness.ts';
export type { JobHarnessOptions, JobOrBuild, JobSnapshot } from './job-harness.ts';
export type { OutputRecord } from './captured-sink.ts';
export { builtOnce } from './built-once.ts';
export { manualSource } from './manual-source.ts';
export { harnessOf } from './stream-harness.ts';
export type {
  FurtherOptions,
  HarnessOptions,
  StreamHarness,
  TwoInputHarness,
} from './stream-harness.ts';
export type { StateValues } from './state-view.ts';
export type { TestSource, TestSplit } from './test-source.ts';
export type { LoggedLine } from './test-world.ts';
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
export { verifySink } from './verify-sink.ts';
export type { SinkUnderTest, VerifySinkOptions } from './verify-sink.ts';
