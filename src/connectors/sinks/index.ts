/** Parts to make sinks of: `millrace/connectors/sinks`. */
export { twoPhaseCommitSink } from './two-phase-commit-sink.ts';
export type { TwoPhaseCommitSinkOptions } from './two-phase-commit-sink.ts';
export { upsertSink } from './upsert-sink.ts';
export type { UpsertSinkOptions } from './upsert-sink.ts';
export { writeAheadSink } from './write-ahead-sink.ts';
export type { CheckpointCommitter, WriteAheadSinkOptions } from './write-ahead-sink.ts';
export type { WriteAheadBatch } from './write-ahead-batch.ts';
