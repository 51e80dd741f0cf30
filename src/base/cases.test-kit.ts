/**
 * How many cases a property is tried with: few in `npm test`, which people wait for, and many in
 * `npm run ci:long`. Both begin with the same ones where the seed is fixed, and a failure names its
 * seed, so that what fails in the long run can be looked at alone.
 */
export function cases(quick: number, long = 10_000): number {
  return process.env['MILLRACE_TEST_CASES'] === 'long' ? long : quick;
}
