/**
 * Plants a mutant: changes the text of one source file while it is loaded. Only modules that are
 * imported afterwards see the change, so call it before anything of `src/` is imported.
 */
import { registerHooks } from 'node:module';
import { assert } from '../../src/base/assert.ts';
import type { Mutant } from './mutants.ts';

/** In the environment of a test that is to fail: the name of the mutant. */
export const MUTANT = 'MILLRACE_MUTANT';

const root = new URL('../../', import.meta.url);

export function plant(mutant: Mutant): void {
  const target = new URL(mutant.file, root).href;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== target) return loaded;
      const source = textOf(loaded.source);
      const parts = source.split(mutant.from);
      assert(parts.length === 2, `mutant ${mutant.name} fits ${parts.length - 1} times, not once`);
      return { ...loaded, source: parts.join(mutant.to) };
    },
  });
}

function textOf(source: string | ArrayBuffer | NodeJS.TypedArray | null | undefined): string {
  assert(source !== null && source !== undefined, 'a module has a source');
  return typeof source === 'string' ? source : new TextDecoder().decode(source);
}
