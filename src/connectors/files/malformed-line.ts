/** A line that is no record of its format: as a record of a side output, and as an error. */
import { EngineError } from '../../base/errors.ts';
import type { LineProblem } from '../../formats/format.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';

/** What the side output `malformed` of a file source carries. */
export interface MalformedLine {
  /** As the source's path names it. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Of the mistake, in characters from 1. */
  readonly column: number;
  /** Of the line's first byte in the file (in its content, if it is compressed). */
  readonly offset: number;
  /** The field that was being read, if any. */
  readonly field?: string | undefined;
  readonly reason: string;
  /** The line without its end; what is not UTF-8 in it is replaced by U+FFFD. */
  readonly text: string;
}

export const MalformedLineSchema: Schema<MalformedLine> = t.struct({
  file: t.string,
  line: t.integer,
  column: t.integer,
  offset: t.integer,
  field: t.optional(t.string),
  reason: t.string,
  text: t.string,
});

/** A malformed line whose number may still have to be counted. */
export interface RefusedLine extends Omit<MalformedLine, 'line'> {
  readonly fix: string | undefined;
  /** The line's number less that of the split's first line. */
  readonly linesAfterFirst: number;
}

export function refusedLine(
  place: { readonly file: string; readonly offset: number; readonly linesAfterFirst: number },
  problem: LineProblem,
  line: Uint8Array,
): RefusedLine {
  const { column, field, reason, fix } = problem;
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(line);
  return { ...place, column, ...(field === undefined ? {} : { field }), reason, fix, text };
}

export function malformedLine(refused: RefusedLine, line: number): MalformedLine {
  const { file, column, offset, field, reason, text } = refused;
  return { file, line, column, offset, ...(field === undefined ? {} : { field }), reason, text };
}

const TEXT_MAX = 120;

export function malformedLineError(refused: RefusedLine, line: number | undefined): EngineError {
  const { file, column, offset, field, reason, fix, text } = refused;
  const place = line === undefined ? `${file}, byte ${offset}` : `${file}:${line}:${column}`;
  return new EngineError('CONNECTOR_MALFORMED_LINE', {
    place,
    field: field === undefined ? '' : `field "${field}": `,
    reason,
    offset,
    text: excerpt(text, column),
    advice: fix === undefined ? '' : `${fix} `,
  });
}

/** The part of a long line around the column. */
function excerpt(text: string, column: number): string {
  const characters = Array.from(text.slice(0, column * 2 + TEXT_MAX * 2));
  const from = column <= TEXT_MAX ? 0 : column - TEXT_MAX / 2;
  const shown = characters.slice(from, from + TEXT_MAX).join('');
  const isAll = from === 0 && shown.length === text.length;
  return isAll ? shown : `${from === 0 ? '' : '...'}${shown}...`;
}
