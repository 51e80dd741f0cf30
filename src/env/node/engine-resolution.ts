/**
 * Imports between the engine's own files, resolved without asking the file system whether they
 * exist, where links lead and what the next package.json says: a relative specifier with its
 * extension is enough. A thread loads over a hundred files, and half of that time was this.
 */

const RESOLVED = /^\.{1,2}\/.*\.([jt]s)$/;

/**
 * To be called first in a thread, before the engine is imported: so by entry files, which import
 * the rest with `import()`. Leaves everybody else's files alone.
 * @param root URL of the folder below which files are the engine's, with a slash at the end
 */
export function resolveEngineDirectly(root: string): void {
  const source = `${root}src/`;
  const entries = `${root}bin/`;
  process.getBuiltinModule('node:module').registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const parent = context.parentURL;
      if (parent === undefined || !(parent.startsWith(source) || parent.startsWith(entries))) {
        return nextResolve(specifier, context);
      }
      const extension = RESOLVED.exec(specifier)?.[1];
      if (extension === undefined) return nextResolve(specifier, context);
      return {
        url: new URL(specifier, parent).href,
        format: extension === 'ts' ? 'module-typescript' : 'module',
        shortCircuit: true,
      };
    },
  });
}
