/** What watches a simulation: looked at again and again while it runs, and once when it is over. */

/**
 * @example
 * const balance: Checker = { name: 'balance', check: () => assert(sum() === 0, 'money is made') };
 */
export interface Checker {
  readonly name: string;
  /** Called between turns. @throws if what must always hold does not */
  check(): void;
  /**
   * Called when all is healed and the work is done, again where what must hold then may take a
   * while. @throws AssertionError if it does not hold
   */
  atEnd?(): void;
}
