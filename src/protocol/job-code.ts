/**
 * Where the code of a job is. A local run names its file; a submitted job names a bundle by the
 * hash of its content, `blob:<64 hexadecimal digits>`, which every process brings to its own disk
 * before it starts a worker for it. Nothing else of what a submission says ever becomes a path.
 */
import { EngineError } from '../base/errors.ts';
import { isSha256 } from '../base/sha256.ts';

const BLOB = 'blob:';

/** On whose behalf code is brought here. */
export interface CodeHolder {
  /** The code stays at least until this one releases it. */
  readonly owner: string;
  /** Of the JobManager that has it. */
  readonly address: string;
}

/** The code of jobs in one process. */
export interface JobCode {
  /**
   * The URL to load: the given one unless it is a blob's; for a blob that of its verified local
   * copy, which lasts until `owner` releases what it holds. Rejects, and never throws, with BLOB_*,
   * JOB_ENGINE_MISMATCH or JOB_BUNDLE_INVALID.
   */
  resolve(moduleUrl: string, holder: CodeHolder): string | Promise<string>;
  /** The owner has no worker any more that could load anything. Idempotent. */
  release(owner: string): void;
}

/** @example blobUrl(sha256Hex(bundle)) */
export function blobUrl(hash: string): string {
  return `${BLOB}${hash}`;
}

export function isBlobUrl(moduleUrl: string): boolean {
  return moduleUrl.startsWith(BLOB);
}

/** The hash that the URL of a blob names. @throws EngineError BLOB_BAD_NAME */
export function blobHashOf(moduleUrl: string): string {
  const hash = moduleUrl.slice(BLOB.length);
  if (!isSha256(hash)) throw new EngineError('BLOB_BAD_NAME', { name: hash.slice(0, 80) });
  return hash;
}
