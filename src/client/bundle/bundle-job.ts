/**
 * Makes one file of a job: its module with all that it imports, TypeScript taken away, and its
 * source map; the engine is left out, because the cluster has it. The same sources give the same
 * bytes, wherever they lie.
 */
import { Buffer } from 'node:buffer';
import type { OutputChunk, RolldownOptions } from 'rolldown';
import { bundleHeaderLine } from '../../base/bundle-header.ts';
import { EngineError } from '../../base/errors.ts';
import { fileUrl, pathOfFileUrl } from '../../base/file-url.ts';
import { sha256Hex } from '../../base/sha256.ts';
import type { Disk } from '../../env/env.ts';
import { BLOB_LIMIT_BYTES } from '../../protocol/blob-service.ts';
import { bundleError, bundlerMessageOf, messageError } from './bundle-errors.ts';
import type { BundlerMessage } from './bundle-errors.ts';
import {
  commonFolder,
  folderOf,
  packageFolder,
  packageNameOf,
  sourceName,
} from './bundle-paths.ts';
import { loadRolldown } from './load-rolldown.ts';
import { NativeParts } from './native-parts.ts';

export interface BundleOptions {
  readonly disk: Disk;
  /** `file:` URL of the job's module. */
  readonly moduleUrl: string;
  /** The version of Millrace. */
  readonly engine: string;
  /** Packages that are installed on the cluster. */
  readonly externals: readonly string[];
  readonly limitBytes?: number | undefined;
}

export interface Bundle {
  readonly bytes: Uint8Array;
  readonly hash: string;
  /** The folder that places in stacks, `job:///src/x.ts`, start from. */
  readonly root: string;
}

interface SourceMap {
  readonly version: number;
  readonly names: readonly string[];
  readonly sources: readonly (string | null)[];
  readonly sourcesContent?: readonly (string | null)[] | undefined;
  readonly mappings: string;
}

/**
 * @throws EngineError JOB_BUNDLER_MISSING, JOB_BUNDLE_*, JOB_MODULE_DEPENDENCY_MISSING,
 * JOB_MODULE_SYNTAX, JOB_MODULE_EXPORT_MISSING
 */
export async function bundleJob(options: BundleOptions): Promise<Bundle> {
  const entry = pathOfFileUrl(options.moduleUrl);
  const { chunk, folder } = await bundled(options, entry);
  const own = Object.keys(chunk.modules)
    .map(slashes)
    .filter((id) => !isVirtual(id) && packageNameOf(id) === undefined);
  const root = commonFolder([folder, ...own.map(folderOf)]);
  const job = sourceName(entry, root).replace(/^job:\/\/\//, '');
  const externals = [...new Set(options.externals)].sort();
  const header = bundleHeaderLine({ engine: options.engine, job, externals });
  const map = portableMap(chunk.map as unknown as SourceMap, folder, root);
  const inline = `data:application/json;base64,${base64(JSON.stringify(map))}`;
  const text = `${header}${chunk.code}\n//# sourceMappingURL=${inline}\n`;
  const bytes = new TextEncoder().encode(text);
  requireSize(options, chunk, bytes.length, entry);
  return { bytes, hash: sha256Hex(bytes), root };
}

async function bundled(
  options: BundleOptions,
  entry: string,
): Promise<{ readonly chunk: OutputChunk; readonly folder: string }> {
  const { disk, externals } = options;
  const { rolldown } = await loadRolldown();
  const natives = new NativeParts(disk);
  const folder = (await packageFolder(disk, folderOf(entry))) ?? folderOf(entry);
  const addOns: string[] = [];
  const unresolved: BundlerMessage[] = [];
  try {
    await using build = await rolldown(
      inputOptions(entry, folder, externals, { addOns, unresolved }),
    );
    const { output } = await build.generate({
      dir: folder,
      format: 'esm',
      sourcemap: 'hidden',
      codeSplitting: false,
    });
    const [chunk] = output;
    await refuseNative(natives, [...addOns, ...Object.keys(chunk.modules)]);
    if (unresolved[0] !== undefined) throw messageError(unresolved[0], entry);
    await refuseDecorators(chunk);
    return { chunk, folder };
  } catch (thrown) {
    const importer = bundlerMessageOf(thrown)?.id;
    if (importer !== undefined && packageNameOf(slashes(importer)) !== undefined) {
      await refuseNative(natives, [importer]);
    }
    throw bundleError(thrown, entry);
  }
}

interface Found {
  /** Files of compiled code. */
  readonly addOns: string[];
  readonly unresolved: BundlerMessage[];
}

function inputOptions(
  input: string,
  cwd: string,
  externals: readonly string[],
  { addOns, unresolved }: Found,
): RolldownOptions {
  return {
    input,
    cwd,
    platform: 'node',
    external: ['millrace', ...externals].map(packagePattern),
    // Comments that name files would bring the machine's folders into the bundle.
    experimental: { attachDebugInfo: 'none' },
    onLog: (_level, log) => {
      if (log.code === 'UNRESOLVED_IMPORT') unresolved.push(log);
    },
    plugins: [
      {
        name: 'millrace-native',
        load: {
          filter: { id: /\.node$/ },
          handler: (id) => {
            addOns.push(id);
            return { code: 'export default undefined;', moduleType: 'js' };
          },
        },
      },
    ],
  };
}

/** @throws EngineError CONFIG_INVALID_VALUE */
function packagePattern(name: string): RegExp {
  if (!/^(?:@[\w.~-]+\/)?[\w~-][\w.~-]*$/.test(name)) {
    throw new EngineError('CONFIG_INVALID_VALUE', {
      key: 'millrace.externals',
      value: JSON.stringify(name),
      expected: 'names of packages, e.g. better-sqlite3;@duckdb/node-api',
    });
  }
  return new RegExp(`^${name.replaceAll(/[.~-]/g, String.raw`\$&`)}(?:/|$)`);
}

/** @throws EngineError JOB_BUNDLE_NATIVE */
async function refuseNative(natives: NativeParts, ids: readonly string[]): Promise<void> {
  for (const id of ids.map(slashes)) {
    const isAddOn = id.endsWith('.node');
    const name = packageNameOf(id);
    if (!isAddOn && name === undefined) continue;
    const native = await natives.of(id);
    if (native !== undefined) throw nativeError(name ?? native.name, native.what);
    if (isAddOn) throw nativeError(name ?? id, id.slice(id.lastIndexOf('/') + 1));
  }
}

function nativeError(name: string, what: string): EngineError {
  return new EngineError('JOB_BUNDLE_NATIVE', { name, what });
}

const DECORATOR = /^[ \t]*@[A-Za-z_$]/m;

/** The bundler leaves decorators as they are unless tsconfig.json asks for those of TypeScript. */
async function refuseDecorators(chunk: OutputChunk): Promise<void> {
  if (!DECORATOR.test(chunk.code)) return;
  const { parseAst } = await import('rolldown/parseAst');
  if (!hasDecorator(parseAst(chunk.code))) return;
  const { sources, sourcesContent = [] } = chunk.map as unknown as SourceMap;
  const at = sourcesContent.findIndex((text) => text !== null && DECORATOR.test(text));
  const text = sourcesContent[at] ?? '';
  const line = text.slice(0, DECORATOR.exec(text)?.index ?? 0).split('\n').length;
  throw new EngineError('JOB_BUNDLE_DECORATORS', { place: `${sources[at] ?? '?'}:${line}` });
}

function hasDecorator(node: unknown): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (Array.isArray(node)) return node.some(hasDecorator);
  const { type } = node as { readonly type?: unknown };
  return type === 'Decorator' || Object.values(node).some(hasDecorator);
}

/** Line 1 is the header; sources have names that are the same on every machine. */
function portableMap(map: SourceMap, folder: string, root: string): object {
  const { version, names, sources, sourcesContent, mappings } = map;
  const base = new URL(`${fileUrl(folder)}/`);
  return {
    version,
    names,
    sources: sources.map((source) => {
      if (source === null || isVirtual(source)) return 'rolldown:runtime';
      return sourceName(pathOfFileUrl(new URL(encodeURI(slashes(source)), base).href), root);
    }),
    sourcesContent,
    mappings: `;${mappings}`,
  };
}

function requireSize(
  { limitBytes = BLOB_LIMIT_BYTES }: BundleOptions,
  { modules }: OutputChunk,
  bytes: number,
  entry: string,
): void {
  if (bytes <= limitBytes) return;
  const sizes = new Map<string, number>();
  for (const [id, { renderedLength }] of Object.entries(modules)) {
    const name = packageNameOf(slashes(id)) ?? slashes(id);
    sizes.set(name, (sizes.get(name) ?? 0) + renderedLength);
  }
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 3);
  const parts = largest.map(([name, size]) => `${name} (${megabytes(size)})`).join(', ');
  const parameters = { path: entry, limit: megabytes(limitBytes), parts };
  throw new EngineError('JOB_BUNDLE_TOO_LARGE', parameters);
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** A module that the bundler makes itself. */
function isVirtual(id: string): boolean {
  return id.includes('\0');
}

function slashes(path: string): string {
  return path.replaceAll('\\', '/');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
