/**
 * The names of the files that a sink writes. No two writers ever have the same: a name says which
 * sink of which job has written the file, in which subtask, and which start of it. So a job that
 * goes on from an older checkpoint of another one writes beside it, and who cleans up knows what is
 * its own.
 */
import { murmur128 } from '../../base/murmur128.ts';
import type { Random } from '../../env/env.ts';

export interface PartNames {
  /** `part`, or whatever the user calls them. */
  readonly prefix: string;
  /** With the dot, e.g. `.csv.gz`. */
  readonly suffix: string;
  /** Of the job and the sink: see `jobTag`. */
  readonly job: string;
  readonly subtask: number;
  readonly attempt: number;
  /** Drawn by the writer: another job may have the same id, and go on from the same checkpoint. */
  readonly writer: string;
  /** The one file's name, if it has a fixed one. */
  readonly single: string | undefined;
}

/** @example finalName(names, 7) // part-3f9c2a7be01d55c2-0-1-5d1e0c44-7.csv */
export function finalName(names: PartNames, number: number): string {
  return names.single ?? `${uniqueName(names.prefix, names, number)}${names.suffix}`;
}

/** What the file is called until it is committed. */
export function incompleteName(names: PartNames, number: number): string {
  const { single } = names;
  return single === undefined ? finalName(names, number) : uniqueName(single, names, number);
}

function uniqueName(begin: string, names: PartNames, number: number): string {
  const { job, subtask, attempt, writer } = names;
  return `${begin}-${job}-${subtask}-${attempt}-${writer}-${number}`;
}

/** 16 hex digits, the same in all subtasks and attempts of a sink; half of them say the job. */
export function jobTag(jobId: string, operatorId: string): string {
  return murmur128(jobId).slice(0, 8) + murmur128(`${jobId}/${operatorId}`).slice(0, 8);
}

/** Another sink of the same job: it may be writing just now. */
export function isSibling(tag: string, other: string): boolean {
  return tag !== other && tag.slice(0, 8) === other.slice(0, 8);
}

/** 8 hex digits. */
export function drawWriter(random: Pick<Random, 'bytes'>): string {
  return Array.from(random.bytes(4), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Who has written a file. */
export interface PartOwner {
  readonly job: string;
  readonly subtask: number;
  readonly attempt: number;
}

const NAME = /^([0-9a-f]{16})-(\d+)-(\d+)-[0-9a-f]{8}-\d+(?:[^\d-]|$)/;
/** As they were called before jobs had names of their own. */
const PLAIN_NAME = /^(\d+)-\d+\.(?:csv|jsonl|json|txt)(?:\.gz)?$/;

/** Undefined for a name that no sink with this prefix (or single name) has given. */
export function ownerOf({ prefix, single }: PartNames, name: string): PartOwner | undefined {
  const begin = single ?? prefix;
  if (!name.startsWith(`${begin}-`)) return undefined;
  const rest = name.slice(begin.length + 1);
  const match = NAME.exec(rest);
  if (match !== null) {
    return { job: match[1]!, subtask: Number(match[2]), attempt: Number(match[3]) };
  }
  const plain = PLAIN_NAME.exec(rest);
  return plain === null ? undefined : { job: '', subtask: Number(plain[1]), attempt: 0 };
}
