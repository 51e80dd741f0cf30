/**
 * Loads job modules. `millrace` and `millrace/*` lead to the engine that runs, from wherever the
 * file lies and whatever is installed beside it, so that there is one copy of the engine in a
 * thread.
 *
 * A bundle lies where nothing is installed: what it leaves out (packages with native parts) is
 * looked for where the process was started, and beside the engine.
 *
 * Invariants:
 *   M1. The hook is registered once, before the first job module is imported.
 */
import { bundleHeaderOf, BUNDLE_HEADER_LIMIT } from '../../base/bundle-header.ts';
import type { BundleHeader } from '../../base/bundle-header.ts';
import type { Modules } from '../env.ts';
import { moduleError } from './module-error.ts';
import type { FailedImport } from './module-error.ts';

export function nodeModules(): Modules {
  return new NodeModules();
}

class NodeModules implements Modules {
  /** Which import an error of the resolver was about. */
  readonly #failed = new WeakMap<object, FailedImport>();
  /** ES modules in the order in which they were found; to find the place of a syntax error. */
  readonly #found = new Set<string>();
  /** Bundles that were loaded. */
  readonly #bundles = new Map<string, BundleHeader>();
  #hooked = false;
  #loading = 0;

  async load(url: string): Promise<Readonly<Record<string, unknown>>> {
    this.#hook();
    this.#loading += 1;
    try {
      const header = headerOf(url);
      if (header !== undefined) this.#bundles.set(url, header);
      return (await import(url)) as Readonly<Record<string, unknown>>;
    } catch (thrown) {
      const failed = isObject(thrown) ? this.#failed.get(thrown) : undefined;
      throw moduleError(thrown, { url, failed, found: [...this.#found] });
    } finally {
      this.#loading -= 1;
      if (this.#loading === 0) this.#found.clear();
    }
  }

  #hook(): void {
    if (this.#hooked) return;
    this.#hooked = true;
    const module = process.getBuiltinModule('node:module');
    // Only the user's own modules: mapping a stack reads and parses the map of every file in it.
    module.setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
    module.registerHooks({
      resolve: (specifier, context, nextResolve) => {
        const importer = context.parentURL;
        const bundle = this.#bundles.get(importer ?? '');
        try {
          if (isEngine(specifier) && importer !== import.meta.url) {
            return { url: import.meta.resolve(specifier), shortCircuit: true };
          }
          const found =
            bundle !== undefined && isPackage(specifier)
              ? resolveFrom(installed(), (parentURL) =>
                  nextResolve(specifier, { ...context, parentURL }),
                )
              : nextResolve(specifier, context);
          if (found.format === 'commonjs' || found.format === 'builtin') return found;
          if (this.#loading > 0) this.#found.add(found.url);
          return isTypelessImport(found, context.conditions)
            ? { ...found, format: 'module-typescript' }
            : found;
        } catch (thrown) {
          if (isObject(thrown) && !this.#failed.has(thrown)) {
            this.#failed.set(thrown, { specifier, importer, bundle });
          }
          throw thrown;
        }
      },
    });
  }
}

/** The first line of a file, if it is that of a bundle. @throws EngineError JOB_BUNDLE_INVALID */
function headerOf(url: string): BundleHeader | undefined {
  if (!url.startsWith('file:') || !url.endsWith('.mjs')) return undefined;
  const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs');
  let file: number;
  try {
    file = openSync(new URL(url), 'r');
  } catch {
    // The import says what is wrong with it.
    return undefined;
  }
  try {
    const bytes = new Uint8Array(BUNDLE_HEADER_LIMIT);
    const count = readSync(file, bytes, 0, bytes.length, 0);
    return bundleHeaderOf(new TextDecoder().decode(bytes.subarray(0, count)));
  } finally {
    closeSync(file);
  }
}

/** Modules as which a bundle imports what it leaves out: in the working folder, and the engine. */
function installed(): readonly string[] {
  const { pathToFileURL } = process.getBuiltinModule('node:url');
  return [pathToFileURL(`${process.cwd()}/bundle.mjs`).href, import.meta.url];
}

function isPackage(specifier: string): boolean {
  const { isBuiltin } = process.getBuiltinModule('node:module');
  return (
    /^(?:@[\w.~-]+\/)?[\w~-]/.test(specifier) && !/^\w+:/.test(specifier) && !isBuiltin(specifier)
  );
}

/** By the first of `parents` that finds it. */
function resolveFrom<T>(parents: readonly string[], resolve: (parent: string) => T): T {
  let first: { readonly thrown: unknown } | undefined;
  for (const parent of parents) {
    try {
      return resolve(parent);
    } catch (thrown) {
      first ??= { thrown };
    }
  }
  throw first!.thrown;
}

function isEngine(specifier: string): boolean {
  return specifier === 'millrace' || specifier.startsWith('millrace/');
}

// TypeScript in a folder whose package.json does not say what it is (or that has none): Node would
// parse it as CommonJS first, then again as what a job always is.
function isTypelessImport(
  found: { readonly url: string; readonly format?: string | null | undefined },
  conditions: readonly string[],
): boolean {
  if (found.format !== null && found.format !== undefined) return false;
  return new URL(found.url).pathname.endsWith('.ts') && !conditions.includes('require');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
