/** The public subpath `millrace/connectors/files`: reads and writes files of lines. */
import { byDateTime } from './buckets.ts';
import { fileSink } from './file-sink.ts';
import { fileSource } from './file-source.ts';

/**
 * @example
 * env
 *   .from(files.source({ path: 'data/flights.jsonl', format: json(Flight) }))
 *   .sinkTo(files.sink({ path: 'out/flights', format: csv(Flight) }));
 */
export const files: FileConnector = Object.freeze({
  source: fileSource,
  sink: fileSink,
  byDateTime,
});

export interface FileConnector {
  readonly source: typeof fileSource;
  readonly sink: typeof fileSink;
  readonly byDateTime: typeof byDateTime;
}

export type { BucketAssigner, BucketContext, DateTimeBuckets } from './buckets.ts';
export type { FileSink, FileSinkOptions } from './file-sink.ts';
export type { FileSource, FileSourceOptions, FileSourceWithSide } from './file-source.ts';
export type { MalformedLine } from './malformed-line.ts';
export type { OnError } from './file-reader.ts';
export type { OnExisting } from './output-folder.ts';
