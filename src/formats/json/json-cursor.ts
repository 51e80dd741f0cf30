/**
 * Where things are in a JSON text: the place of a value by its path, and the place of a mistake. It
 * never decides what a text means or whether it is accepted (JSON.parse does), it only points.
 */

/** A step into an object or an array. */
export type Step = string | number;

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface SyntaxMistake {
  readonly at: number;
  /** The field of the outermost object in which it is. */
  readonly field: string | undefined;
  readonly reason: string;
}

/**
 * Where the value at `steps` stands in a text that JSON.parse accepts; undefined if it is missing.
 */
export function locateValue(text: string, steps: readonly Step[]): Span | undefined {
  const cursor = new JsonCursor(text);
  for (const step of steps) if (!cursor.enter(step)) return undefined;
  const start = cursor.skipSpace();
  cursor.skipValue();
  return { start, end: cursor.at };
}

/** The first mistake in a text that JSON.parse refuses; undefined if none is found. */
export function syntaxMistake(text: string): SyntaxMistake | undefined {
  const cursor = new JsonCursor(text);
  try {
    cursor.skipValue();
    cursor.skipSpace();
    if (cursor.at < text.length) cursor.mistake('the end of the line');
  } catch (thrown) {
    if (thrown !== MISTAKE) throw thrown;
    return { at: cursor.at, field: cursor.field, reason: cursor.reason };
  }
  return undefined;
}

/** Thrown to leave a scan; what it is about stands in the cursor. */
const MISTAKE: Error = Object.freeze(new Error('a mistake'));

/**
 * JC1. `at` goes back only in `enter`, which looks at all members before it chooses one.
 * JC2. Depth costs memory, not stack: containers that are open stand in a list.
 */
class JsonCursor {
  readonly #text: string;
  readonly #number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  readonly #numberLike = /[-+.\w]+/y;
  at = 0;
  field: string | undefined = undefined;
  reason = '';

  constructor(text: string) {
    this.#text = text;
  }

  skipSpace(): number {
    for (;;) {
      const c = this.#text.charCodeAt(this.at);
      if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return this.at;
      this.at++;
    }
  }

  /** Goes to the value of a step, the last of those with the same name. */
  enter(step: Step): boolean {
    this.skipSpace();
    const open = this.#text[this.at++];
    if (open !== (typeof step === 'number' ? '[' : '{')) return false;
    let found = -1;
    this.skipSpace();
    for (let i = 0; !this.#closes(); i++) {
      if (i > 0) this.#take(',');
      if (open === '[' ? i === step : this.#key() === step) {
        found = this.at;
        if (open === '[') break;
      }
      this.skipValue();
      this.skipSpace();
    }
    if (found >= 0) this.at = found;
    return found >= 0;
  }

  /** Any value, of any depth. */
  skipValue(): void {
    const open: string[] = [];
    do {
      this.skipSpace();
      const c = this.#text[this.at];
      if (c === '{' || c === '[') {
        this.at++;
        open.push(c);
        this.skipSpace();
        if (!this.#closes()) {
          if (c === '{') this.#name(open.length);
          continue;
        }
      } else {
        this.#scalar(c);
      }
      this.#next(open);
    } while (open.length > 0);
  }

  /** What `skipValue` does after a value: closes what ends here and goes on to the next value. */
  #next(open: string[]): void {
    while (open.length > 0) {
      this.skipSpace();
      const inner = open.at(-1)!;
      const close = inner === '{' ? '}' : ']';
      if (this.#text[this.at] === close) {
        this.at++;
        open.pop();
        continue;
      }
      if (this.#text[this.at] !== ',') this.mistake(`a comma or ${close}`);
      this.at++;
      if (inner === '{') this.#name(open.length);
      return;
    }
  }

  #name(depth: number): void {
    this.skipSpace();
    if (this.#text[this.at] !== '"') this.mistake('a field name in double quotes');
    const name = this.#string();
    if (depth === 1) this.field = name;
    this.skipSpace();
    if (this.#text[this.at] !== ':') this.mistake('a colon');
    this.at++;
  }

  #key(): string {
    this.skipSpace();
    const name = this.#string();
    this.skipSpace();
    this.#take(':');
    return name;
  }

  #take(c: string): void {
    if (this.#text[this.at] !== c) this.mistake(c);
    this.at++;
  }

  #closes(): boolean {
    const c = this.#text[this.at];
    return c === '}' || c === ']';
  }

  #scalar(c: string | undefined): void {
    if (c === '"') {
      this.#string();
      return;
    }
    const text = this.#text;
    for (const word of ['true', 'false', 'null']) {
      if (text.startsWith(word, this.at)) {
        this.at += word.length;
        return;
      }
    }
    this.#number.lastIndex = this.at;
    this.#numberLike.lastIndex = this.at;
    const number = this.#number.exec(text)?.[0];
    const like = this.#numberLike.exec(text)?.[0];
    if (number === undefined) this.mistake('a value');
    if (number !== like) this.mistake('a number in the form of JSON');
    this.at += number.length;
  }

  /** From the quote to the quote. */
  #string(): string {
    const start = this.at++;
    for (;;) {
      const c = this.#text.charCodeAt(this.at);
      if (Number.isNaN(c)) this.mistake('a closing quote');
      if (c < 0x20) this.mistake('a control character to be escaped');
      this.at++;
      if (c === 0x22) return JSON.parse(this.#text.slice(start, this.at)) as string;
      if (c === 0x5c) this.#escape();
    }
  }

  #escape(): void {
    const rest = this.#text.slice(this.at, this.at + 5);
    if (/^["\\/bfnrt]/.test(rest)) this.at += 1;
    else if (/^u[\da-fA-F]{4}/.test(rest)) this.at += 5;
    else this.mistake('an escape like \\n, \\" or \\u00e9');
  }

  mistake(wanted: string): never {
    this.reason = `there is ${this.#found()}, not ${wanted}`;
    throw MISTAKE;
  }

  #found(): string {
    const rest = this.#text.slice(this.at, this.at + 41);
    if (rest === '') return 'the end of the line';
    const word = /^[^\s,:"[\]{}]+/.exec(rest)?.[0] ?? rest[0]!;
    return word.length > 40 ? `${word.slice(0, 40)}...` : quoted(word);
  }
}

function quoted(word: string): string {
  return word === '"' ? 'a double quote' : JSON.stringify(word);
}
