/** The memory of a process, seen from within a job. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Gives back what the young generation has grown to. */
const LAST_RESORT = { type: 'major', flavor: 'last-resort' };
/** What is dropped during one collection is given back by one of the next. */
const COLLECTIONS = 4;

/** In bytes, after a collection: all that is resident, and what lies outside of V8's heap. */
export function memoryOfProcess(): { readonly resident: number; readonly external: number } {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  for (let i = 0; i < COLLECTIONS; i += 1) collect(LAST_RESORT);
  const { rss, external } = process.memoryUsage();
  return { resident: rss, external };
}
