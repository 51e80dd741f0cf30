/** A first-in, first-out queue over an array that is compacted when half of it is gone. */
export class Deque<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#items.length) {
      this.#items.length = 0;
      this.#head = 0;
    } else if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  /** Takes the oldest item that matches, wherever it is. */
  take(matches: (item: T) => boolean): T | undefined {
    for (let i = this.#head; i < this.#items.length; i += 1) {
      const item = this.#items[i]!;
      if (!matches(item)) continue;
      this.#items.splice(i, 1);
      return item;
    }
    return undefined;
  }

  /** All items, oldest first, without taking them. */
  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#items.length; i += 1) yield this.#items[i]!;
  }
}
