/**
 * Prints the trace hash of each seed in the arguments; determinism.test.ts starts it in processes
 * of their own.
 */
import { runCounter } from './run-counter.test-kit.ts';

for (const seed of process.argv.slice(2)) {
  const { hash, steps } = await runCounter(Number(seed));
  console.log(`${seed} ${hash} ${steps}`);
}
