/**
 * A list at one moment: the first elements of an array that is only ever appended to, so that a
 * snapshot of a list, or an iteration over it, copies nothing.
 */
export class ListView implements Iterable<unknown> {
  readonly items: readonly unknown[];
  readonly length: number;

  constructor(items: readonly unknown[], length: number) {
    this.items = items;
    this.length = length;
  }

  *[Symbol.iterator](): Iterator<unknown> {
    for (let i = 0; i < this.length; i++) yield this.items[i];
  }
}
