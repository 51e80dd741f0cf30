/**
 * Makes objects of given names by one generated literal, so that all of them have one hidden class.
 */
import { compile, quoteProperty } from '../base/generated-code.ts';

/**
 * @example
 * const point = literalObject(['x', 'y']);
 * point([1, 2]); // { x: 1, y: 2 }
 */
export function literalObject(names: readonly string[]): (values: readonly unknown[]) => unknown {
  const properties = names.map((name, i) => `${quoteProperty(name)}: v[${i}]`);
  return compile('object', ['v'], `return { ${properties.join(', ')} };`);
}
