// A reader outside of a job: it looks at the folder of an exactly-once file sink while the job
// works, fails and recovers, and checks of every look what must hold at any moment.
//
// Invariants
// O1. A file that is there under its final name is whole, and neither changes nor goes.
// O2. No value is there twice.
// O3. What is there of a key has no gap: nothing is seen before what it follows on.
// O4. Within a file the counts of a key ascend: results of a key keep their order.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** `value:key:count:sum`: a value of a key, how many of the key there are with it, their sum. */
const LINE = /^(\d+):(\d+):(\d+):(\d+)$/;

export class CommittedOutput {
  /** Looks at the folder. */
  looks = 0;
  readonly #folder: string;
  readonly #files = new Map<string, string>();
  readonly #places = new Map<number, string>();
  /** Of each key, by count: the value and the sum. */
  readonly #keys = new Map<number, Map<number, { value: number; sum: number }>>();
  /** Of each key, the highest count that the look before saw. */
  readonly #highest = new Map<number, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get values(): number {
    return this.#places.size;
  }

  get files(): number {
    return this.#files.size;
  }

  look(): void {
    this.looks++;
    const names = this.#names().filter((name) => !name.startsWith('.'));
    const there = new Set(names);
    for (const name of this.#files.keys()) assert.ok(there.has(name), `O1: ${name} is gone`);
    for (const name of names) if (!this.#files.has(name)) this.#read(name);
    // A listing is not of one moment; what it holds must follow on what is there by the next one.
    for (const [key, count] of this.#highest) {
      assert.equal(this.#gap(key, count), undefined, `O3: of key ${key} there is count ${count}`);
    }
    for (const [key, counts] of this.#keys) this.#highest.set(key, Math.max(...counts.keys()));
  }

  /** After the end of the job: every value below `records` is there once, and nothing else. */
  requireAll(records: number, keys: number): void {
    this.look();
    this.look();
    assert.deepEqual(
      this.#names().filter((name) => !this.#files.has(name)),
      [],
      'files that no checkpoint has',
    );
    for (const [name, content] of this.#files) {
      assert.equal(readFileSync(join(this.#folder, name), 'utf8'), content, `O1: ${name} changed`);
    }
    assert.equal(this.values, records);
    assert.equal(Math.max(...this.#places.keys()), records - 1);
    for (let key = 0; key < keys; key++) {
      let sum = 0;
      const counts = this.#keys.get(key)!;
      for (let count = 1; count <= records / keys; count++) {
        const one = counts.get(count);
        assert.ok(one !== undefined, `count ${count} of key ${key}`);
        sum += one.value;
        assert.equal(one.sum, sum, `sum of key ${key} at count ${count}`);
      }
    }
  }

  #names(): readonly string[] {
    return existsSync(this.#folder) ? readdirSync(this.#folder) : [];
  }

  #read(name: string): void {
    const content = readFileSync(join(this.#folder, name), 'utf8');
    assert.ok(content.endsWith('\n'), `O1: ${name} is torn`);
    this.#files.set(name, content);
    const last = new Map<number, number>();
    for (const line of content.slice(0, -1).split('\n')) {
      const [, value, key, count, sum] = (LINE.exec(line) ?? []).map(Number);
      assert.ok(sum !== undefined, `O1: ${name} has the line ${JSON.stringify(line)}`);
      const former = last.get(key!) ?? 0;
      assert.ok(former < count!, `O4: in ${name} count ${count} of key ${key} is after ${former}`);
      last.set(key!, count!);
      const before = this.#places.get(value!);
      assert.equal(before, undefined, `O2: value ${value} is in ${before} and ${name}`);
      this.#places.set(value!, name);
      const counts = this.#keys.get(key!) ?? new Map<number, { value: number; sum: number }>();
      this.#keys.set(key!, counts);
      assert.ok(!counts.has(count!), `O2: count ${count} of key ${key} twice`);
      counts.set(count!, { value: value!, sum });
    }
  }

  /** The first count up to this one that is not there. */
  #gap(key: number, upTo: number): number | undefined {
    const counts = this.#keys.get(key)!;
    for (let count = 1; count <= upTo; count++) if (!counts.has(count)) return count;
    return undefined;
  }
}
