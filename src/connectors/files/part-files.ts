/**
 * The names of the files that a sink writes. A file grows under a hidden name, which readers pass
 * over, and gets its final name when it is committed.
 */

export interface PartNames {
  /** Absolute. */
  readonly folder: string;
  /** `part`, or whatever the user calls them. */
  readonly prefix: string;
  /** With the dot, e.g. `.csv.gz`. */
  readonly ending: string;
  readonly jobId: string;
  readonly subtask: number;
  readonly attempt: number;
  /** The one file's name, if it has a fixed one. */
  readonly single: string | undefined;
}

const ENDING = '.inprogress';

/** @example `part-3-0.csv` */
export function finalName(names: PartNames, number: number): string {
  return names.single ?? `${names.prefix}-${names.subtask}-${number}${names.ending}`;
}

/** @example `.part-3-0.csv.<job>.1.inprogress` */
export function pendingName(names: PartNames, number: number): string {
  const { jobId, subtask, attempt } = names;
  // A single file's name says nothing of the subtask, which is 0.
  return `.${finalName(names, number)}.${fileSafe(jobId)}.${subtask}.${attempt}${ENDING}`;
}

/** What of a folder's names belongs to a sink of these names. */
export interface PartOwner {
  readonly number: number;
  readonly subtask: number;
}

/** Undefined for a name that is not that of a finished file of this prefix, in any format. */
export function parseFinalName(prefix: string, name: string): PartOwner | undefined {
  if (!name.startsWith(`${prefix}-`)) return undefined;
  const match = /^(\d+)-(\d+)\.(?:csv|jsonl|json|txt)(?:\.gz)?$/.exec(
    name.slice(prefix.length + 1),
  );
  if (match === null) return undefined;
  return { subtask: Number(match[1]), number: Number(match[2]) };
}

export interface PendingOwner {
  readonly jobId: string;
  readonly subtask: number;
  readonly attempt: number;
  /** The final name. */
  readonly name: string;
}

/** Undefined for a name that is not that of an unfinished file. */
export function parsePendingName(name: string): PendingOwner | undefined {
  const match = /^\.(.+)\.([\w%-]+)\.(\d+)\.(\d+)\.inprogress$/s.exec(name);
  if (match === null) return undefined;
  return {
    name: match[1]!,
    jobId: match[2]!,
    subtask: Number(match[3]),
    attempt: Number(match[4]),
  };
}

/** Without dots, slashes and whatever else would make a name ambiguous. */
export function fileSafe(text: string): string {
  return text.replaceAll(/[^\w-]/gu, (character) => `%${character.codePointAt(0)!.toString(16)}`);
}
