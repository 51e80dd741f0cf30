/** A job module whose imported module counts, and which uses the engine; see modules.test.ts. */
import { seconds } from 'millrace';
import { count } from './count.test-kit.ts';

export function next(): number {
  return count();
}

export const engine: unknown = seconds;
