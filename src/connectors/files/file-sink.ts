/** The sink that writes records into files of a folder, or into one file. */
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Disk } from '../../env/env.ts';
import type { Sink, SinkWriterContext } from '../../functions/sink.ts';
import type { LineFormat } from '../../formats/format.ts';
import { FileCommitter, FileCommittableSchema, type FileCommittable } from './file-committer.ts';
import {
  FileWriter,
  FileWriterStateSchema,
  type FileWriterOptions,
  type FileWriterState,
} from './file-writer.ts';
import type { OnExisting } from './output-folder.ts';
import type { PartNames } from './part-files.ts';
import { requirePositive } from './require-positive.ts';

export interface FileSinkOptions<T> {
  /** The folder; made if it does not exist. Relative to the working directory of the process. */
  readonly path: string;
  /** `json(schema)`, `csv(schema)` or `text()` of `millrace/formats`. */
  readonly format: LineFormat<T>;
  /**
   * If the folder holds files already: `fail` says so before anything is written (the default);
   * `replace` removes those that a sink of the same prefix wrote, when the new ones have come;
   * `append` adds files with new numbers.
   */
  readonly onExisting?: OnExisting | undefined;
  /** A file ends when it has this many bytes (about a block more). Default: never. */
  readonly rollBytes?: number | undefined;
  /** A file ends when it has been open for this long. Default: never. */
  readonly rollInterval?: Duration | undefined;
  /** Default none. */
  readonly compression?: 'gzip' | undefined;
  /** Files are called `part-<subtask>-<number>.<ending>`; this is another word for `part`. */
  readonly prefix?: string | undefined;
  /** One file of this name in the folder, instead; the sink must run with parallelism 1. */
  readonly singleFile?: string | undefined;
}

export type FileSink<T> = Sink<T, FileCommittable, FileWriterState>;

const BLOCK_BYTES = 256 * 1024;

/**
 * Every record is in exactly one file, and a file is seen under its name when it is complete and
 * the job has committed it; before that its name begins with a dot. A job that fails leaves none.
 * @example
 * days.sinkTo(fileSink({ path: 'out/days', format: csv(Day), onExisting: 'replace' }));
 */
export function fileSink<T>(options: FileSinkOptions<T>): FileSink<T> {
  checkOptions(options);
  const { path, format, singleFile } = options;
  return {
    kind: 'sink',
    name: `files(${singleFile === undefined ? path : `${path}/${singleFile}`})`,
    accepts: format.schema,
    committable: FileCommittableSchema,
    writerState: FileWriterStateSchema,
    createWriter: (context, { all }) =>
      new FileWriter(context, writerOptions(options, context), all),
    createCommitter: ({ env }) => new FileCommitter(env.disk),
  };
}

function writerOptions<T>(
  options: FileSinkOptions<T>,
  context: SinkWriterContext,
): FileWriterOptions<unknown> {
  const { path, singleFile, compression } = options;
  const { parallelism } = context;
  const shown = singleFile === undefined ? path : `${path}/${singleFile}`;
  if (singleFile !== undefined && parallelism !== 1) {
    throw new EngineError('CONNECTOR_SINGLE_FILE', { parallelism, path: shown });
  }
  return {
    names: partNames(options, context, context.env.disk),
    shown,
    format: options.format,
    compression,
    onExisting: options.onExisting ?? 'fail',
    rollBytes: options.rollBytes,
    rollInterval: options.rollInterval,
    blockBytes: BLOCK_BYTES,
  };
}

function partNames<T>(
  { path, prefix = 'part', format, compression, singleFile }: FileSinkOptions<T>,
  { jobId, subtask, attempt }: SinkWriterContext,
  disk: Disk,
): PartNames {
  const ending = `.${format.extension}${compression === 'gzip' ? '.gz' : ''}`;
  return {
    folder: disk.resolve(path),
    prefix,
    ending,
    jobId,
    subtask,
    attempt,
    single: singleFile,
  };
}

const ON_EXISTING: readonly OnExisting[] = ['fail', 'replace', 'append'];

function checkOptions<T>(options: FileSinkOptions<T>): void {
  const { path, format, onExisting = 'fail', singleFile, prefix, compression } = options;
  if (typeof path !== 'string' || path === '') refuse('path is a folder');
  if (typeof format?.createEncoder !== 'function') {
    refuse('format is one of json(schema), csv(schema) and text() of millrace/formats');
  }
  if (!ON_EXISTING.includes(onExisting)) {
    refuse(`onExisting is ${ON_EXISTING.join(', ')}, not ${String(onExisting)}`);
  }
  if (compression !== undefined && compression !== 'gzip') {
    refuse(`compression is gzip, not ${String(compression)}`);
  }
  requireName('prefix', prefix);
  requireName('singleFile', singleFile);
  requirePositive('files.sink', 'rollBytes', options.rollBytes);
  if (options.rollInterval !== undefined && !(options.rollInterval > 0)) {
    refuse('rollInterval is a duration above 0, e.g. minutes(10)');
  }
  if (singleFile === undefined) return;
  if (onExisting === 'append') refuse('a single file is not appended to: replace it');
  if (options.rollBytes !== undefined || options.rollInterval !== undefined) {
    refuse('a single file does not roll: leave out rollBytes and rollInterval');
  }
}

/** Such that readers of the folder see it, and it stays in the folder. */
function requireName(option: string, name: string | undefined): void {
  if (name === undefined) return;
  if (typeof name === 'string' && /^[^._/\\\0][^/\\\0]*$/u.test(name)) return;
  refuse(`${option} is a file name that does not begin with . or _, not ${JSON.stringify(name)}`);
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'files.sink', reason });
}
