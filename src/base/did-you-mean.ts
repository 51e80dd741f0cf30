/**
 * Finds what somebody probably meant to type: the nearest of the known names by edits (insertion,
 * deletion, replacement, swap of neighbours), if one is near enough to be worth saying.
 */

/**
 * The known name nearest to `typed`, or undefined if none is within a third of its length.
 * Among equals the first one known wins.
 * @example closest('paralelism', ['parallelism', 'name']) // 'parallelism'
 */
export function closest(typed: string, known: Iterable<string>): string | undefined {
  const wanted = typed.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(Math.max(typed.length, 3) / 3)) + 1;
  for (const name of known) {
    if (Math.abs(name.length - typed.length) >= bestDistance) continue;
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** ` Did you mean "x"?`, or nothing; for the end of an error message. */
export function didYouMean(typed: string, known: Iterable<string>): string {
  const name = closest(typed, known);
  return name === undefined ? '' : ` Did you mean "${name}"?`;
}

/**
 * Damerau-Levenshtein distance (optimal string alignment).
 * @example editDistance('abcd', 'acbd') // 1
 */
export function editDistance(left: string, right: string): number {
  const width = right.length + 1;
  let beforePrevious = new Uint16Array(width);
  let previous = new Uint16Array(width);
  let current = new Uint16Array(width);
  for (let j = 0; j < width; j++) previous[j] = j;
  for (let i = 1; i <= left.length; i++) {
    current[0] = i;
    for (let j = 1; j < width; j++) {
      const same = left[i - 1] === right[j - 1];
      let distance = Math.min(
        previous[j]! + 1,
        current[j - 1]! + 1,
        previous[j - 1]! + (same ? 0 : 1),
      );
      const swapped =
        i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) distance = Math.min(distance, beforePrevious[j - 2]! + 1);
      current[j] = distance;
    }
    [beforePrevious, previous, current] = [previous, current, beforePrevious];
  }
  return previous[right.length]!;
}
