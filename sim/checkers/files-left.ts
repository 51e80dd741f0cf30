/**
 * What files there are when all jobs have ended, in the folders of their checkpoints, of their
 * output, and of the copies of state that slots keep. Whoever could not remove a file has said so.
 *
 * Invariants
 * L1. Of the checkpoints of a job nothing stays when it has finished, or was cancelled and keeps
 *     none, no empty folder either; of one that keeps them, what is there are whole checkpoints and
 *     what they refer to. The same of savepoints, which stay.
 * L2. A checkpoint or savepoint that somebody may go on from is whole: all that it names is there,
 *     in its size. What a job has claimed that keeps nothing is gone, with the files that it shared
 *     with older checkpoints of the same job: as in Flink, those are of no use to anybody then.
 * L3. No unfinished file of the output stays, except of a job that was cancelled and whose files no
 *     later job has taken over.
 * L4. No slot has a copy of state.
 */
import { AssertionError } from '../../src/base/assert.ts';
import { isEngineError } from '../../src/base/errors.ts';
import { murmur128 } from '../../src/base/murmur128.ts';
import type { Env } from '../../src/env/env.ts';
import { handlesOf } from '../../src/storage/checkpoint-metadata.ts';
import { FileSystems } from '../../src/storage/file-systems.ts';
import { openHandle, readCheckpoint } from '../../src/storage/stored-checkpoint.ts';
import {
  CHECKPOINTS,
  COPIES,
  emptyFoldersBelow,
  filesBelow,
  isHidden,
  OUT,
} from '../cluster/places.ts';
import { SAVEPOINTS, STOPS } from './checkpoints-kept.ts';

/** A job that has ended. */
export interface EndedJob {
  readonly jobId: string;
  /** What it was given to go on from. */
  readonly from: string | undefined;
  /** Whether that is its own since. */
  readonly claims: boolean;
  /** Whether checkpoints of it may stay: it was cancelled, and retains them then. */
  readonly keeps: boolean;
}

export interface FilesLeftOptions {
  /** In the order in which they ran, each from what the one before it has left. */
  readonly jobs: readonly EndedJob[];
  /** Files of checkpoints stayed because of a fault, which was told. */
  readonly isTold: boolean;
  /** Of which a user was told that they are complete. */
  readonly savepoints: readonly string[];
}

/** L1, L2. @throws AssertionError */
export async function requireCheckpointsTidy(env: Env, options: FilesLeftOptions): Promise<void> {
  const { jobs, isTold } = options;
  const gone = claimedAndGone(jobs);
  for (const path of options.savepoints) await requireWhole(env, path);
  for (const { from, claims } of jobs) {
    if (from !== undefined && !claims && !gone.has(pathOf(from))) await requireWhole(env, from);
  }
  if (isTold) return;
  const left = await filesBelow(env, CHECKPOINTS);
  const claimed = jobs.flatMap(({ from, claims }) => (claims && from !== undefined ? [from] : []));
  const folders = new Set(claimed.map((path) => folderOf(pathOf(path))));
  const isSibling = (location: string): boolean =>
    !isOfSavepoint(location) && folders.has(folderOf(location));
  const referred = new Set<string>();
  for (const path of left.filter((each) => each.endsWith('/_metadata'))) {
    const location = folderOf(path);
    if (gone.has(location)) throw new AssertionError(`L2: ${location} was claimed, and stays`);
    const { files, claims } = await (isSibling(location) ? filesOf : requireWhole)(env, location);
    for (const file of [...files, ...claims, path]) referred.add(file);
  }
  const mayStay = [SAVEPOINTS, STOPS, ...jobs.flatMap((job) => (job.keeps ? job.jobId : []))];
  const isSurplus = (path: string): boolean =>
    !referred.has(path) || !mayStay.some((part) => path.includes(part));
  const isPlace = (path: string): boolean =>
    [SAVEPOINTS, STOPS].includes(`${path.slice(CHECKPOINTS.length)}/`) ||
    jobs.some(({ jobId, keeps }) => keeps && path === `${CHECKPOINTS}/${jobId}/shared`);
  const empty = await emptyFoldersBelow(env, CHECKPOINTS);
  const surplus = [...left.filter(isSurplus), ...empty.filter((path) => !isPlace(path))];
  if (surplus.length > 0)
    throw new AssertionError(`L1: checkpoints have left ${surplus.join(' ')}`);
}

/** L3. @throws AssertionError */
export async function requireOutputTidy(env: Env, jobs: readonly EndedJob[]): Promise<void> {
  const answerable = new Set<string>();
  for (const { jobId, from, claims } of jobs.toReversed()) {
    answerable.add(murmur128(jobId).slice(0, 8));
    // One that begins anew replaces everything.
    if (from === undefined)
      for (const each of jobs) answerable.add(murmur128(each.jobId).slice(0, 8));
    if (!claims) break;
  }
  const left = (await filesBelow(env, OUT)).filter((path) => {
    const job = /\/\.writing-part-([0-9a-f]{8})/.exec(path)?.[1];
    return isHidden(path) && (job === undefined || answerable.has(job));
  });
  if (left.length > 0) throw new AssertionError(`L3: the output holds ${left.join(' ')}`);
}

/** L4. @throws AssertionError */
export async function requireNoCopies(env: Env): Promise<void> {
  const left = await filesBelow(env, COPIES);
  if (left.length > 0) throw new AssertionError(`L4: slots have kept ${left.join(' ')}`);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function pathOf(uri: string): string {
  return uri.replace(/^file:/, '');
}

function isOfSavepoint(path: string): boolean {
  return path.includes(SAVEPOINTS) || path.includes(STOPS);
}

/** What was given to jobs that keep nothing and had claimed it. */
function claimedAndGone(jobs: readonly EndedJob[]): ReadonlySet<string> {
  const own = jobs.flatMap(({ from, claims, keeps }) =>
    from !== undefined && claims && !keeps ? [pathOf(from)] : [],
  );
  return new Set(own);
}

interface Needed {
  /** What a checkpoint names. */
  readonly files: readonly string[];
  /** Files that say so, in folders of other jobs than its own. */
  readonly claims: readonly string[];
}

async function filesOf(env: Env, path: string): Promise<Needed> {
  const { metadata } = await readCheckpoint(FileSystems.create(env), path);
  const files = [...handlesOf(metadata)].flatMap((handle) =>
    handle.kind === 'file' ? [pathOf(handle.uri)] : [],
  );
  const { jobId } = metadata;
  const folders = new Set(files.map((file) => folderOf(folderOf(file))));
  folders.delete(folderOf(path));
  return { files, claims: [...folders].map((folder) => `${folder}/.claimed-${jobId}`) };
}

/** L2. */
async function requireWhole(env: Env, path: string): Promise<Needed> {
  const fileSystems = FileSystems.create(env);
  const { metadata } = await readCheckpoint(fileSystems, path);
  for (const handle of handlesOf(metadata)) {
    try {
      await (await openHandle(fileSystems, handle)).close();
    } catch (thrown) {
      if (!isEngineError(thrown)) throw thrown;
      throw new AssertionError(`L2: ${path} is not whole: ${thrown.message}`);
    }
  }
  return filesOf(env, path);
}
