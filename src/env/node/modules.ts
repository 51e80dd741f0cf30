/**
 * Loads job modules. `millrace` and `millrace/*` lead to the engine that runs, from wherever the
 * file lies and whatever is installed beside it, so that there is one copy of the engine in a
 * thread.
 *
 * Invariants:
 *   M1. The hook is registered once, before the first job module is imported.
 */
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
  #hooked = false;
  #loading = 0;

  async load(url: string): Promise<Readonly<Record<string, unknown>>> {
    this.#hook();
    this.#loading += 1;
    try {
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
        try {
          if (isEngine(specifier) && context.parentURL !== import.meta.url) {
            return { url: import.meta.resolve(specifier), shortCircuit: true };
          }
          const found = nextResolve(specifier, context);
          if (found.format === 'commonjs' || found.format === 'builtin') return found;
          if (this.#loading > 0) this.#found.add(found.url);
          return isTypelessImport(found, context.conditions)
            ? { ...found, format: 'module-typescript' }
            : found;
        } catch (thrown) {
          if (isObject(thrown) && !this.#failed.has(thrown)) {
            this.#failed.set(thrown, { specifier, importer: context.parentURL });
          }
          throw thrown;
        }
      },
    });
  }
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
