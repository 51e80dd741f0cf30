// A reader outside of a job: it looks at the lines in the folder of an exactly-once file sink while
// the job works and fails, and knows which lines must be there in the end.
//
// Invariants
// O1. A file that is there under its final name is whole, and neither changes nor goes.
// O2. No line is there more often than it must be, at any moment; in the end, each as often.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export class FilesOfSink {
  looks = 0;
  lines = 0;
  readonly #folder: string;
  readonly #headers: number;
  readonly #files = new Map<string, string>();
  /** How often each line is still to come. */
  readonly #missing = new Map<string, number>();

  /** @param headers lines at the beginning of every file that are no results */
  constructor(folder: string, expected: readonly string[], { headers = 0 } = {}) {
    this.#folder = folder;
    this.#headers = headers;
    for (const line of expected) this.#missing.set(line, (this.#missing.get(line) ?? 0) + 1);
  }

  look(): void {
    this.looks += 1;
    const names = this.#names();
    const there = new Set(names);
    for (const name of this.#files.keys()) assert.ok(there.has(name), `O1: ${name} is gone`);
    for (const name of names) if (!this.#files.has(name)) this.#read(name);
  }

  /** After the end of the job. */
  requireAll(): void {
    this.look();
    for (const [name, content] of this.#files) {
      assert.equal(readFileSync(join(this.#folder, name), 'utf8'), content, `O1: ${name} changed`);
    }
    const missing = [...this.#missing].filter(([, count]) => count > 0);
    assert.deepEqual(missing.slice(0, 3), [], `O2: ${missing.length} lines are missing`);
  }

  #names(): readonly string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder).filter((name) => !name.startsWith('.'));
  }

  #read(name: string): void {
    const content = readFileSync(join(this.#folder, name), 'utf8');
    assert.ok(content.endsWith('\n'), `O1: ${name} is torn`);
    this.#files.set(name, content);
    for (const line of content.slice(0, -1).split('\n').slice(this.#headers)) {
      const left = this.#missing.get(line) ?? 0;
      assert.ok(left > 0, `O2: ${name} has a line too many: ${line}`);
      this.#missing.set(line, left - 1);
      this.lines += 1;
    }
  }
}
