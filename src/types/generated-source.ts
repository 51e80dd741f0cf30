/**
 * A piece of generated source under construction: numbered functions, and expressions that are
 * evaluated once. Used by the generators of codecs; the text goes through `compile`.
 */

/**
 * GS1. Functions are numbered in the order in which they are begun, so equal schemas give equal
 *      text.
 */
export class GeneratedSource {
  readonly #functions: string[] = [];
  readonly #constants = new Map<string, string>();
  #names = 0;

  /** A name that nothing else has. */
  name(prefix: string): string {
    return `${prefix}${this.#names++}`;
  }

  /** Adds a function and returns its name; `body` may add functions itself. */
  function(prefix: string, parameters: string, body: () => string): string {
    const name = this.name(prefix);
    const text = body();
    this.#functions.push(`function ${name}(${parameters}) {\n${text}\n}`);
    return name;
  }

  /** The whole text, which returns the value of `result`. */
  finish(result: string): string {
    const body = this.#functions.map((text) => this.#hoist(text)).join('\n');
    const constants = [...this.#constants].map(([value, name]) => `const ${name} = ${value};`);
    return `${constants.join('\n')}\n${body}\nreturn ${result};`;
  }

  /** Expressions marked by `constant` become constants. */
  #hoist(text: string): string {
    const [first, ...marked] = text.split(BEGIN);
    const rest = marked.map((part) => {
      const end = part.indexOf(END);
      return this.#constantOf(part.slice(0, end)) + part.slice(end + 1);
    });
    return [first, ...rest].join('');
  }

  #constantOf(expression: string): string {
    const name = this.#constants.get(expression) ?? `K${this.#constants.size}`;
    this.#constants.set(expression, name);
    return name;
  }
}

/** No quoted text holds these: JSON escapes them. */
const BEGIN = '\u0001';
const END = '\u0002';

/** Marks an expression that is evaluated once, for `GeneratedSource.finish`. */
export function constant(expression: string): string {
  return BEGIN + expression + END;
}
