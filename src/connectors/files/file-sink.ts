/** The sink that writes records into files of a folder, or into one file. */
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Sink, SinkWriterContext } from '../../functions/sink.ts';
import type { LineFormat } from '../../formats/format.ts';
import type { BucketAssigner } from './buckets.ts';
import { FileCommitter, FileCommittableSchema, type FileCommittable } from './file-committer.ts';
import {
  FileWriter,
  FileWriterStateSchema,
  type FileWriterOptions,
  type FileWriterState,
} from './file-writer.ts';
import type { OnExisting } from './output-folder.ts';
import { drawWriter, jobTag, type PartNames } from './part-files.ts';
import { requirePositive } from './require-positive.ts';

export interface FileSinkOptions<T> {
  /**
   * The folder; made if it does not exist: a path of a disk that all TaskManagers share, relative
   * to the working directory of the process, or `s3://BUCKET/PATH`.
   */
  readonly path: string;
  /** `json(schema)`, `csv(schema)` or `text()` of `millrace/formats`. */
  readonly format: LineFormat<T>;
  /**
   * Puts each record into a folder of the folder: `files.byDateTime()`, or a function of the
   * record. Default: all are in the folder itself.
   */
  readonly bucketBy?: BucketAssigner<T> | undefined;
  /**
   * If the folder holds files already: `fail` says so before anything is written (the default);
   * `replace` removes those that a sink of the same prefix wrote, when the new ones have come;
   * `append` leaves them.
   */
  readonly onExisting?: OnExisting | undefined;
  /** A file ends when it has this many bytes (about a block more). Default: never. */
  readonly rollBytes?: number | undefined;
  /** A file ends when it has been open for this long. Default: never. */
  readonly rollInterval?: Duration | undefined;
  /** A file ends when no record has come for this long. Default: never. */
  readonly rollInactivity?: Duration | undefined;
  /**
   * A file ends at every checkpoint (the default), so that its records are seen when that is
   * complete. `false`: files go on over checkpoints until one of the other rules ends them, and are
   * seen then; savepoints end them in any case.
   */
  readonly rollOnCheckpoint?: boolean | undefined;
  /** Default none. */
  readonly compression?: 'gzip' | undefined;
  /**
   * Files are called `part-<job>-<subtask>-<attempt>-<writer>-<number>` and the suffix, and no two
   * ever have the same name; this is another word for `part`.
   */
  readonly prefix?: string | undefined;
  /** What names of files end with. Default: as the format and the compression are, `.csv.gz`. */
  readonly suffix?: string | undefined;
  /** One file of this name in the folder, instead; the sink must run with parallelism 1. */
  readonly singleFile?: string | undefined;
}

export type FileSink<T> = Sink<T, FileCommittable, FileWriterState>;

const BLOCK_BYTES = 256 * 1024;

/**
 * Every record is in exactly one file, and a file is seen under its name when it is complete and
 * the job has committed it; before that its name begins with a dot, or it is not there at all. A
 * job with checkpoints commits at each that is complete: what it has committed stays when it fails.
 * A bounded one without them commits all at its end, and shows nothing if it fails before.
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
    createWriter: (context, restored) =>
      new FileWriter(context, writerOptions(options, context), restored),
    createCommitter: ({ fileSystem }) => new FileCommitter(fileSystem),
  };
}

function writerOptions<T>(
  options: FileSinkOptions<T>,
  context: SinkWriterContext,
): FileWriterOptions<unknown> {
  const { path, singleFile, compression, rollBytes, rollInterval, rollInactivity } = options;
  const { parallelism } = context;
  const shown = singleFile === undefined ? path : `${path}/${singleFile}`;
  if (singleFile !== undefined && parallelism !== 1) {
    throw new EngineError('CONNECTOR_SINGLE_FILE', { parallelism, path: shown });
  }
  const fileSystem = context.fileSystem(path);
  return {
    fileSystem,
    folder: withoutSlash(fileSystem.resolve(path)),
    names: partNames(options, context),
    shown,
    format: options.format,
    compression,
    onExisting: options.onExisting ?? 'fail',
    rolling: { bytes: rollBytes, interval: rollInterval, inactivity: rollInactivity },
    rollOnCheckpoint: options.rollOnCheckpoint ?? true,
    bucketBy: options.bucketBy as BucketAssigner<unknown> | undefined,
    blockBytes: BLOCK_BYTES,
  };
}

/** Of a bucket, or of the root of the disk. */
function withoutSlash(uri: string): string {
  return uri.endsWith('/') ? uri.slice(0, -1) : uri;
}

function partNames<T>(
  { prefix = 'part', suffix, format, compression, singleFile }: FileSinkOptions<T>,
  { jobId, operatorId, subtask, attempt, env }: SinkWriterContext,
): PartNames {
  return {
    prefix,
    suffix: suffix ?? `.${format.extension}${compression === 'gzip' ? '.gz' : ''}`,
    job: jobTag(jobId, operatorId),
    subtask,
    attempt,
    writer: drawWriter(env.random),
    single: singleFile,
  };
}

const ON_EXISTING: readonly OnExisting[] = ['fail', 'replace', 'append'];

function checkOptions<T>(options: FileSinkOptions<T>): void {
  const { path, format, onExisting = 'fail', singleFile, prefix, suffix, compression } = options;
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
  if (suffix !== undefined && !/^[^/\\\0]*$/u.test(suffix)) {
    refuse(`suffix is the end of a file name, not ${JSON.stringify(suffix)}`);
  }
  if (options.bucketBy !== undefined && typeof options.bucketBy !== 'function') {
    refuse('bucketBy is a function, e.g. files.byDateTime()');
  }
  requirePositive('files.sink', 'rollBytes', options.rollBytes);
  for (const name of ['rollInterval', 'rollInactivity'] as const) {
    const value = options[name];
    if (value !== undefined && !(value > 0)) {
      refuse(`${name} is a duration above 0, e.g. minutes(10)`);
    }
  }
  if (singleFile !== undefined) checkSingle(options);
}

function checkSingle<T>(options: FileSinkOptions<T>): void {
  if (options.onExisting === 'append') refuse('a single file is not appended to: replace it');
  const { rollBytes, rollInterval, rollInactivity, rollOnCheckpoint } = options;
  const rolls = [rollBytes, rollInterval, rollInactivity, rollOnCheckpoint];
  if (rolls.some((each) => each !== undefined)) {
    refuse('a single file does not roll: leave out rollBytes and the other rules');
  }
  if (options.bucketBy !== undefined || options.suffix !== undefined) {
    refuse('a single file has a name and no folder: leave out bucketBy and suffix');
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
