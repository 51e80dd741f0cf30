// Runs the test files that patterns name, in processes of their own, as many at a time as there are
// cores: Node by itself keeps one core free, which on a machine of two is half of it. What is
// compiled is kept for the next process. With --long only files with properties run, with their
// full number of cases (src/base/cases.test-kit.ts).
//
// node scripts/run-tests.ts [--long] [OPTION OF NODE...] PATTERN...
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** More processes than this at once gain nothing, and need memory. */
const MOST_AT_ONCE = 16;

const root = join(import.meta.dirname, '..');
const given = process.argv.slice(2);
const long = given.includes('--long');
const options = given.filter((each) => each.startsWith('-') && each !== '--long');
const patterns = given.filter((each) => !each.startsWith('-'));
// Those of whole jobs come first: the longest must not begin when all else is done.
const found = globSync(patterns, { cwd: root }).sort().reverse();
const files = long ? found.filter(hasCases) : found;
if (files.length === 0) {
  console.error(`No test file is named by ${patterns.join(' ') || 'nothing'}.`);
  process.exit(1);
}
const atOnce = Math.min(Math.max(availableParallelism(), 1), MOST_AT_ONCE);
const { status, signal } = spawnSync(
  process.execPath,
  ['--test', `--test-concurrency=${atOnce}`, ...options, ...files],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'tests'),
      ...process.env,
      ...(long ? { MILLRACE_TEST_CASES: 'long' } : {}),
    },
  },
);
if (signal !== null) console.error(`The tests were ended by ${signal}.`);
process.exit(status ?? 1);

function hasCases(file: string): boolean {
  return readFileSync(join(root, file), 'utf8').includes('/cases.test-kit.ts');
}
