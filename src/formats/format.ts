/**
 * A format turns the bytes of a file (or message) into records and back. Decoding is by line: a
 * decoder sees a block of bytes and emits the records of all lines that are complete in it,
 * straight from the bytes; positions are absolute, so that an error can say where. A line ends with
 * LF or CR LF; a CR alone ends nothing.
 */
import type { RecordOrigins } from '../functions/record-origins.ts';
import type { Schema } from '../types/schema.ts';

/** What a decoder does with a line: a record, or a refusal that names the place. */
export interface LineHandler<T> {
  /** @returns false to stop after this record (the consumer is full). */
  record(value: T): boolean;
  /**
   * A line that is not a record. The line's bytes are `bytes[start, end)`, without its end.
   * @returns as `record`.
   */
  malformed(problem: LineProblem, bytes: Uint8Array, start: number, end: number): boolean;
}

/** Why a line is no record, e.g. at `{ column: 17, field: 'delay', reason: 'it is missing' }`. */
export interface LineProblem {
  /** From the start of the line, in bytes; where the mistake is. */
  readonly offset: number;
  /** 1-based column in characters, from the start of the line. */
  readonly column: number;
  /** The field being read, if any, e.g. `delay` or `items[2].price`. */
  readonly field: string | undefined;
  /** What was found and what was expected, without a full stop. */
  readonly reason: string;
  /** What to do about it, as a sentence. */
  readonly fix: string | undefined;
}

/**
 * Belongs to one file, or to one part of it, and reads it from front to back; blocks may be reused
 * between calls, because nothing that is handed over refers to them.
 */
export interface LineDecoder<T> {
  /**
   * Decodes the lines of `bytes[start, end)`, where `start` is the start of a line. With `last`,
   * the rest after the last line end is a line as well. @returns the index of the first byte that
   * was not consumed: the start of a line that is not complete, or that came after the handler said
   * stop.
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    last: boolean,
    handler: LineHandler<T>,
  ): number;
  /**
   * Line ends passed so far (of records, blank lines and malformed ones), for line numbers. During
   * a call of the handler its line is not among them.
   */
  readonly lines: number;
  /** During a call of the handler: the index in `bytes` where its line starts. */
  readonly lineStart: number;
}

/** Writes the lines of one file; see `LineFormat.createEncoder`. */
export interface LineEncoder<T> {
  /** Bytes before the first record of a file, e.g. a CSV header. */
  readonly header: Uint8Array | undefined;
  /**
   * Writes the record with its line end into `out` from index `at`.
   * @returns the index after it; -1 if there is no room, and then call again with more of it.
   * @throws EngineError DATA_NOT_SERIALIZABLE if the value does not fit the schema.
   */
  encode(value: T, out: Uint8Array, at: number): number;
}

/**
 * A line-based format: `json()`, `csv()`, `text()`.
 * @example
 * const format = json(t.struct({ origin: t.string, delay: t.int32 }));
 * const records: unknown[] = [];
 * const bytes = new TextEncoder().encode('{"origin":"DTW","delay":66}\n');
 * format.createDecoder().decode(bytes, 0, bytes.length, true, {
 *   record: (value) => records.push(value) > 0,
 *   malformed: (problem) => {
 *     throw new Error(problem.reason);
 *   },
 * });
 */
export interface LineFormat<T> {
  readonly kind: 'json' | 'csv' | 'text';
  readonly schema: Schema<T>;
  /** Whether the first line of every file is not a record (CSV with header). */
  readonly skipsFirstLine: boolean;
  /** False if a record may go over several lines, so that a file must be read in one piece. */
  readonly splittable: boolean;
  /** Extension of files that are written, without the dot. */
  readonly extension: string;
  /**
   * `header` is the first line of the file, with or without its end, and is needed where
   * `skipsFirstLine`, so that columns are found by name. `origins` are those of the context of a
   * source: where they are wanted by what writes in the same task, they are noted.
   * @throws EngineError DATA_BAD_HEADER if the header cannot be used.
   */
  createDecoder(header?: Uint8Array, origins?: RecordOrigins): LineDecoder<T>;
  /**
   * `origins` are those of the context of a sink: what was read in this format and is written
   * again may then be copied. Made before the first record comes, so that they are noted.
   */
  createEncoder(origins?: RecordOrigins): LineEncoder<T>;
}
