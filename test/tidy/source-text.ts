// A source file as the rules of tidy see it: the text, and the same text with everything that is
// not code blanked out, so that a pattern never matches inside a comment or a string. TypeScript 7
// has no JavaScript API; this scanner knows just enough of the language to tell code, comment,
// string, template and regular expression apart.

export interface SourceText {
  /** Relative to the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /**
   * As long as `text`; comments, and what is inside of strings and regular expressions, are spaces.
   */
  readonly code: string;
  /** As long as `text`; only comments are spaces. */
  readonly uncommented: string;
}

/** Words after which a slash begins a regular expression, although they look like a value. */
const OPERATOR_WORDS: ReadonlySet<string> = new Set(
  'return typeof case in of delete void throw new else do await yield instanceof'.split(' '),
);

export function sourceText(path: string, text: string): SourceText {
  const scanner = new Scanner(text);
  scanner.code(false);
  return { path, text, code: scanner.blanked(true), uncommented: scanner.blanked(false) };
}

export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line++;
  }
  return line;
}

/** Walks the text once and remembers which spans are comments and which are literals. */
class Scanner {
  readonly #text: string;
  readonly #comments: [number, number][] = [];
  readonly #literals: [number, number][] = [];
  #at = 0;
  /** The last code token: a word, or one character of punctuation. */
  #last = '';

  constructor(text: string) {
    this.#text = text;
  }

  /** Code up to the end of the text, or up to the brace that ends a template's expression. */
  code(inTemplate: boolean): void {
    let depth = 0;
    if (this.#at === 0 && this.#text.startsWith('#!')) this.#lineComment();
    while (this.#at < this.#text.length) {
      const c = this.#text[this.#at]!;
      if (inTemplate && c === '}' && depth === 0) return;
      if (c === '{') depth++;
      if (c === '}') depth--;
      this.#step(c);
    }
  }

  #step(c: string): void {
    const next = this.#text[this.#at + 1];
    if (c === '/' && next === '/') this.#lineComment();
    else if (c === '/' && next === '*') this.#blockComment();
    else if (c === "'" || c === '"') this.#quoted(c);
    else if (c === '`') this.#template();
    else if (c === '/' && this.#regexMayBegin()) this.#regex();
    else this.#token(c);
  }

  #token(c: string): void {
    const word = /[\w$]+/y;
    word.lastIndex = this.#at;
    const found = word.exec(this.#text);
    if (found !== null) {
      this.#last = found[0];
      this.#at = word.lastIndex;
      return;
    }
    const twice = c === this.#text[this.#at - 1] && (c === '+' || c === '-');
    if (twice) this.#last = c + c;
    else if (/\S/.test(c)) this.#last = c;
    this.#at++;
  }

  #regexMayBegin(): boolean {
    if (OPERATOR_WORDS.has(this.#last)) return true;
    return !/^([\w$]+|[)\]}'"`]|\+\+|--)$/.test(this.#last);
  }

  #lineComment(): void {
    const start = this.#at;
    const end = this.#text.indexOf('\n', start);
    this.#at = end === -1 ? this.#text.length : end;
    this.#comments.push([start, this.#at]);
  }

  #blockComment(): void {
    const start = this.#at;
    const end = this.#text.indexOf('*/', start + 2);
    this.#at = end === -1 ? this.#text.length : end + 2;
    this.#comments.push([start, this.#at]);
  }

  #quoted(quote: string): void {
    const start = ++this.#at;
    while (this.#at < this.#text.length && !`${quote}\n`.includes(this.#text[this.#at]!)) {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#literals.push([start, this.#at++]);
    this.#last = quote;
  }

  #template(): void {
    let start = ++this.#at;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '`') {
      if (this.#text.startsWith('${', this.#at)) {
        this.#literals.push([start, this.#at]);
        this.#at += 2;
        this.#last = '{';
        this.code(true);
        start = this.#at + 1;
      }
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#literals.push([start, this.#at++]);
    this.#last = '`';
  }

  #regex(): void {
    const start = ++this.#at;
    let inClass = false;
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at];
      if (c === '\n' || (c === '/' && !inClass)) break;
      if (c === '\\') this.#at++;
      else if (c === '[') inClass = true;
      else if (c === ']') inClass = false;
    }
    this.#literals.push([start, this.#at++]);
    this.#last = ')';
  }

  blanked(literalsToo: boolean): string {
    const spans = literalsToo ? [...this.#comments, ...this.#literals] : [...this.#comments];
    spans.sort((a, b) => a[0] - b[0]);
    let out = '';
    let at = 0;
    for (const [start, end] of spans) {
      out += this.#text.slice(at, start) + this.#text.slice(start, end).replace(/[^\n]/g, ' ');
      at = Math.max(at, end);
    }
    return out + this.#text.slice(at);
  }
}
