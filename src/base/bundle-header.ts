/**
 * The first line of a bundle, by which everybody knows what it is: a job's module with all that it
 * imports, made for one version of the engine.
 */
import { EngineError } from './errors.ts';

export interface BundleHeader {
  readonly version: 1;
  /** The version of Millrace that it was bundled with, and that runs it. */
  readonly engine: string;
  /** The file that exports the job, as it was given; for messages only. */
  readonly job: string;
  /** Packages that are not in it and must be installed where it runs. */
  readonly externals: readonly string[];
}

const PREFIX = '// millrace-bundle ';
/** So much of a bundle is looked at for its first line. */
export const BUNDLE_HEADER_LIMIT: number = 64 * 1024;

/** With its line end. */
export function bundleHeaderLine(header: Omit<BundleHeader, 'version'>): string {
  const { engine, job, externals } = header;
  return `${PREFIX}${JSON.stringify({ version: 1, engine, job, externals })}\n`;
}

/** Undefined if what `text` begins is no bundle. @throws EngineError JOB_BUNDLE_INVALID */
export function bundleHeaderOf(text: string): BundleHeader | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const end = text.indexOf('\n');
  let header: unknown;
  try {
    header = end === -1 ? undefined : JSON.parse(text.slice(PREFIX.length, end));
  } catch {
    header = undefined;
  }
  if (isHeader(header)) return header;
  throw new EngineError('JOB_BUNDLE_INVALID', { reason: 'its first line cannot be read' });
}

/**
 * The header of a bundle that this engine can run. @throws EngineError JOB_BUNDLE_INVALID,
 * JOB_ENGINE_MISMATCH
 */
export function requireBundle(text: string, engine: string): BundleHeader {
  const header = bundleHeaderOf(text);
  if (header === undefined) {
    throw new EngineError('JOB_BUNDLE_INVALID', {
      reason: `it does not begin with "${PREFIX.trim()}"`,
    });
  }
  if (header.engine !== engine) {
    const { job, engine: bundled } = header;
    throw new EngineError('JOB_ENGINE_MISMATCH', { job, bundled, running: engine });
  }
  return header;
}

function isHeader(value: unknown): value is BundleHeader {
  if (typeof value !== 'object' || value === null) return false;
  const { version, engine, job, externals } = value as Partial<Record<keyof BundleHeader, unknown>>;
  return (
    version === 1 &&
    typeof engine === 'string' &&
    typeof job === 'string' &&
    Array.isArray(externals) &&
    externals.every((each) => typeof each === 'string')
  );
}
