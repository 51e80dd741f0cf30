/**
 * What a reader of files is given to read: a file, or a part of one. A split owns the lines that
 * start in [from, to), so that the splits of a file own every line exactly once wherever they are
 * cut; `next` is the start of the first line not yet read.
 */
import type { SourceSplit } from '../../functions/source.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';

export interface FileSplit extends SourceSplit {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  /** As messages name the file: the user's path, with what was found below it. */
  readonly name: string;
  readonly from: number;
  /** `Number.MAX_SAFE_INTEGER` where nobody knows how long the content is (compressed files). */
  readonly to: number;
  /** Undefined: nothing of it has been read. */
  readonly next?: number | undefined;
}

export const FileSplitSchema: Schema<FileSplit> = t.struct({
  id: t.string,
  path: t.string,
  name: t.string,
  from: t.integer,
  to: t.integer,
  next: t.optional(t.integer),
});

/** A file that a source is to read. */
export interface FoundFile {
  readonly path: string;
  readonly name: string;
  readonly size: number;
}

export const WITHOUT_END: number = Number.MAX_SAFE_INTEGER;

/** Cuts a file into splits of nearly equal length, none longer than `splitBytes`. */
export function cutFile(file: FoundFile, splitBytes: number): readonly FileSplit[] {
  const { path, name, size } = file;
  const count = Math.ceil(size / splitBytes);
  const cut = (part: number): number => Math.floor((size / count) * part);
  return Array.from({ length: count }, (_, i) => {
    const to = i === count - 1 ? size : cut(i + 1);
    return { id: `${path}:${cut(i)}`, path, name, from: cut(i), to };
  });
}

/** A file that can only be read from its beginning. */
export function wholeFile({ path, name }: FoundFile): FileSplit {
  return { id: `${path}:0`, path, name, from: 0, to: WITHOUT_END };
}
