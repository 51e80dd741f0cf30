/** The file sink of the jobs of the simulator, in the ways that a seed draws. */
import { param, t } from 'millrace';
import type { Schema } from 'millrace';
import { files } from 'millrace/connectors/files';
import { csv } from 'millrace/formats';

/** Of every job. */
export const sinkParams = {
  out: param(t.string, '/out'),
  /** Files end with every checkpoint; else with savepoints, by their size, and at the end. */
  rolls: param(t.boolean, true),
  /** Folders that records are put into; 0: none. */
  buckets: param(t.int32, 0),
};

/** Of files that go on over checkpoints. */
const ROLL_BYTES = 2_000;

interface SinkParameters {
  readonly out: string;
  readonly rolls: boolean;
  readonly buckets: number;
}

/** `numberOf`: by which a record is put into a folder. */
export function drawnSink<T>(
  schema: Schema<T>,
  { out, rolls, buckets }: SinkParameters,
  numberOf: (record: T) => number,
) {
  return files.sink<T>({
    path: out,
    format: csv(schema),
    onExisting: 'replace',
    rollOnCheckpoint: rolls,
    rollBytes: rolls ? undefined : ROLL_BYTES,
    bucketBy:
      buckets === 0 ? undefined : (record) => `bucket=${Math.abs(numberOf(record)) % buckets}`,
  });
}
