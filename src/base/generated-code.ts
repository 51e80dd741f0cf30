/**
 * The one place where text becomes code: codecs, hashes and parsers are generated for their schema,
 * because V8 is fast on code that sees one shape and slow on all else. The text may hold names from
 * schemas and SQL only as output of `quote` (a hostile name must stay data). Functions are cached
 * by their text, since V8 never collects them: the same schema built twice costs one compilation.
 * Never call `compile` per record or per checkpoint.
 */
import { compileFunction } from 'node:vm';

/** Functions of no state of their own: what they need comes as arguments. */
export type GeneratedFunction = (...inputs: any[]) => any;

/**
 * Compiles the body of a function of `parameters`. The name appears in stack traces and profiles as
 * `millrace:NAME`, e.g. `millrace:codec/Order`.
 * @example
 * const half = compile('example/half', ['x'], 'return x / 2;');
 */
export function compile(
  name: string,
  parameters: readonly string[],
  body: string,
): GeneratedFunction {
  return cache.get(name, parameters, body);
}

/** A string as JavaScript source text that means exactly this string, whatever it holds. */
export function quote(text: string): string {
  // JSON allows U+2028 and U+2029 raw, and so does JavaScript since ES2019; escaped they are safe
  // in any tool.
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/**
 * A property of an object literal as source text; `"__proto__": v` would set the prototype, and
 * `["__proto__"]: v` makes a property.
 */
export function quoteProperty(name: string): string {
  return name === '__proto__' ? `[${quote(name)}]` : quote(name);
}

/**
 * Reading a property of `object` (an expression without effects) as source text. Names that every
 * object inherits, such as `constructor`, are read only if the object has them itself.
 */
export function quoteField(object: string, name: string): string {
  const read = `${object}[${quote(name)}]`;
  return name in Object.prototype
    ? `(Object.hasOwn(${object}, ${quote(name)}) ? ${read} : undefined)`
    : read;
}

/**
 * Compiled functions by source text. It is the only state of this module and cannot be observed but
 * by time: a function of the same text is the same function.
 *
 * G1. At most `CACHED_MAX` functions are kept; the one that was compiled first goes first.
 */
class SourceCache {
  readonly #functions = new Map<string, GeneratedFunction>();

  get(name: string, parameters: readonly string[], body: string): GeneratedFunction {
    const key = JSON.stringify([name, parameters, body]);
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const made = compileFunction(`'use strict';\n${body}`, [...parameters], {
      filename: `millrace:${name}`,
    }) as GeneratedFunction;
    if (this.#functions.size >= CACHED_MAX) {
      const [oldest] = this.#functions.keys();
      this.#functions.delete(oldest!);
    }
    this.#functions.set(key, made);
    return made;
  }
}

const CACHED_MAX = 4096;
const cache: Readonly<SourceCache> = Object.freeze(new SourceCache());
