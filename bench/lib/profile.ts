/**
 * CPU profiles of the jobs of a benchmark: `--profile` is told to those who start them by a
 * variable of the environment, so that it reaches runs in processes of their own. Sampling costs a
 * few per cent: figures of such runs are not for comparison.
 */

const VARIABLE = 'MILLRACE_BENCH_PROFILES';

/** From now on jobs write their profiles there. */
export function profileInto(folder: string): void {
  process.env[VARIABLE] = folder;
}

/** Options of `millrace run` for it; none if nobody has asked. */
export function profileOptions(): readonly string[] {
  const folder = process.env[VARIABLE];
  if (folder === undefined) return [];
  return ['--profile', '-D', `millrace.profile.dir=${folder}`];
}

/** Options of a job for the same. */
export function profileConfiguration(): Readonly<Record<string, string>> {
  const folder = process.env[VARIABLE];
  if (folder === undefined) return {};
  return { 'millrace.profile.enabled': 'true', 'millrace.profile.dir': folder };
}

/** Says which profiles the lines of `millrace run --json` name. */
export function sayProfiles(output: string): void {
  if (process.env[VARIABLE] === undefined) return;
  for (const line of output.trimEnd().split('\n')) {
    if (!line.startsWith('{"type":"profile"')) continue;
    const { path, problem } = JSON.parse(line) as { path?: string; problem?: string };
    console.error(`profile: ${path ?? problem}`);
  }
}
