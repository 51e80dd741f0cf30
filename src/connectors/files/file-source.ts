/** The source of records in files: lines of a format, read in parallel by ranges of bytes. */
import { EngineError } from '../../base/errors.ts';
import type { Duration } from '../../base/units.ts';
import type { Source } from '../../functions/source.ts';
import type { LineFormat } from '../../formats/format.ts';
import type { Schema } from '../../types/schema.ts';
import {
  FileEnumerator,
  FileEnumeratorStateSchema,
  type FileEnumeratorState,
} from './file-enumerator.ts';
import { FileReader, type OnError } from './file-reader.ts';
import { FileSplitSchema, type FileSplit } from './file-split.ts';
import { MalformedLineSchema, type MalformedLine } from './malformed-line.ts';
import { requirePositive } from './require-positive.ts';

export interface FileSourceOptions<T> {
  /**
   * A file, a folder, or a pattern (`logs/2001-*.jsonl`, `data/**`, `{a,b}.csv`); relative to the
   * working directory of the process that runs the job. Files whose names begin with `.` or `_` are
   * passed over unless they are named. Files that end in .gz, .deflate and .zst are decompressed.
   */
  readonly path: string;
  /** `json(schema)`, `csv(schema)` or `text()` of `millrace/formats`. */
  readonly format: LineFormat<T>;
  /** With a folder: read the folders in it too. Default false. */
  readonly recursive?: boolean | undefined;
  /**
   * Look for new files this often, without end. A file is read once, as it is when it is found, so
   * publish files by renaming them into place; one that grows later is not read again.
   */
  readonly watch?: Duration | undefined;
  /**
   * A line that is no record: `fail` ends the job and says where it is (the default), `skip` counts
   * it in the accumulator `malformedLines`, `side-output` gives it to `stream.side.malformed`.
   */
  readonly onError?: OnError | undefined;
  /** Longer files are cut into ranges of about this length, to be read in parallel. */
  readonly splitBytes?: number | undefined;
  /** What is read at once. Default 256 KiB. */
  readonly blockBytes?: number | undefined;
}

export type FileSource<T> = Source<T, FileSplit, FileEnumeratorState>;

/** A file source whose stream has the side output `malformed`. */
export interface FileSourceWithSide<T> extends FileSource<T> {
  readonly outputs: { readonly malformed: Schema<MalformedLine> };
}

const BLOCK_BYTES = 256 * 1024;

/**
 * The records of files. Lines of a file come in their order within a split (see `splitBytes`), and
 * with parallelism 1 the files come in the order of their paths.
 * @example
 * const flights = env.from(
 *   fileSource({ path: 'data/*.jsonl', format: json(Flight), onError: 'side-output' }),
 * );
 * flights.side.malformed.print('malformed');
 */
export function fileSource<T>(
  options: FileSourceOptions<T> & { readonly onError: 'side-output' },
): FileSourceWithSide<T>;
export function fileSource<T>(options: FileSourceOptions<T>): FileSource<T>;
export function fileSource<T>(options: FileSourceOptions<T>): FileSource<T> {
  checkOptions(options);
  const { path, format, recursive = false, watch, onError = 'fail' } = options;
  const { splitBytes, blockBytes = BLOCK_BYTES } = options;
  const { splittable } = format;
  return {
    kind: 'source',
    name: `files(${path})`,
    produces: format.schema,
    ...(onError === 'side-output' ? { outputs: { malformed: MalformedLineSchema } } : {}),
    boundedness: watch === undefined ? 'bounded' : 'unbounded',
    timestamps: false,
    split: FileSplitSchema,
    enumeratorState: FileEnumeratorStateSchema,
    createEnumerator: (context, restored) =>
      new FileEnumerator(context, { path, recursive, watch, splitBytes, splittable }, restored),
    createReader: (context) => new FileReader<T>(context, { format, onError, blockBytes }),
  };
}

const ON_ERROR: readonly OnError[] = ['fail', 'skip', 'side-output'];

function checkOptions<T>(options: FileSourceOptions<T>): void {
  const { path, format, watch, onError = 'fail' } = options;
  if (typeof path !== 'string' || path === '') refuse('path is a file, a folder or a pattern');
  if (typeof format?.createDecoder !== 'function') {
    refuse('format is one of json(schema), csv(schema) and text() of millrace/formats');
  }
  if (!ON_ERROR.includes(onError)) {
    refuse(`onError is ${ON_ERROR.join(', ')}, not ${String(onError)}`);
  }
  if (watch !== undefined && !(watch > 0)) refuse('watch is a duration above 0, e.g. seconds(10)');
  requirePositive('files.source', 'splitBytes', options.splitBytes);
  requirePositive('files.source', 'blockBytes', options.blockBytes);
}

function refuse(reason: string): never {
  throw new EngineError('API_INVALID_ARGUMENT', { call: 'files.source', reason });
}
