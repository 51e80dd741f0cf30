/**
 * Imports between the engine's own files, resolved and read without asking the file system whether
 * they exist, where links lead and what the next package.json says: a relative specifier with its
 * extension is enough. A thread loads over a hundred files, and half of that time was this.
 */

const RESOLVED = /^\.{1,2}\/.*(\.[jt]s)$/;

/**
 * To be called first in a thread, before the engine is imported: so by entry files, which import
 * the rest with `import()`. Leaves everybody else's files alone.
 * @param root URL of the folder below which files are the engine's, with a slash at the end
 */
export function resolveEngineDirectly(root: string): void {
  const { readFileSync } = process.getBuiltinModule('node:fs');
  const { fileURLToPath } = process.getBuiltinModule('node:url');
  const source = `${root}src/`;
  const entries = `${root}bin/`;
  const isEngine = (url: string): boolean => url.startsWith(source) || url.startsWith(entries);
  const formats: ReadonlyMap<string, 'module' | 'module-typescript'> = new Map([
    ['.js', 'module'],
    ['.ts', 'module-typescript'],
  ]);
  process.getBuiltinModule('node:module').registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const parent = context.parentURL;
      if (parent === undefined || !isEngine(parent)) return nextResolve(specifier, context);
      const format = formats.get(RESOLVED.exec(specifier)?.[1] ?? '');
      if (format === undefined) return nextResolve(specifier, context);
      return { url: new URL(specifier, parent).href, format, shortCircuit: true };
    },
    load: (url, context, nextLoad) => {
      const format = formats.get(url.slice(-3));
      if (format === undefined || !isEngine(url)) return nextLoad(url, context);
      return { source: readFileSync(fileURLToPath(url)), format, shortCircuit: true };
    },
  });
}
