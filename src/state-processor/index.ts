/**
 * The public subpath `millrace/state-processor`: savepoints read and written by a program, as with
 * Flink's State Processor API.
 */
export { SavepointReader } from './savepoint-reader.ts';
export type { KeyedStateEntry, SavepointInfo, SavepointOperator } from './savepoint-reader.ts';
export { SavepointWriter } from './savepoint-writer.ts';
export type {
  KeyedStateBootstrap,
  ListBootstrap,
  MapBootstrap,
  NewSavepointOptions,
  OperatorStateBootstrap,
} from './savepoint-writer.ts';
export type { ProcessorOptions } from './processor-file-systems.ts';
