/**
 * A piece of generated source under construction: numbered functions, and expressions that are
 * evaluated once. Used by the generators of codecs; the text goes through `compile`.
 */

/** GS1. Functions are numbered in the order in which they are begun, so equal schemas give equal text. */
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
    return text.replaceAll(/\u0001([^\u0002]*)\u0002/g, (_mark, expression: string) => {
      const known = this.#constants.get(expression);
      if (known !== undefined) return known;
      const name = `K${this.#constants.size}`;
      this.#constants.set(expression, name);
      return name;
    });
  }
}

/** Marks an expression that is evaluated once, for `GeneratedSource.finish`. No quoted text holds the marks. */
export function constant(expression: string): string {
  return `\u0001${expression}\u0002`;
}
