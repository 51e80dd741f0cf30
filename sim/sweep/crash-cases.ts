/** The cases of a crash-point sweep: every point of the story in each of its modes. */
import type { CrashPoint, CrashTarget } from '../crash-points.ts';

export function crashCases(points: readonly CrashPoint[]): readonly CrashTarget[] {
  return points.flatMap(({ modes }, index) => modes.map((mode) => ({ index, mode })));
}

/** Of all cases one of so many, over the whole story; another part for another `offset`. */
export function partOf<T>(cases: readonly T[], every: number, offset: number = 0): readonly T[] {
  return cases.filter((_, index) => index % every === offset % every);
}

/** How many points there are, by phase of the story, kind and process. */
export function countPoints(points: readonly CrashPoint[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { phase, kind, process } of points) {
    const name = `${phase}: ${kind} of the ${process}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([name, count]) => `${name}: ${count}`).toSorted();
}
