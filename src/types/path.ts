/** How messages name a place inside a value, and what they call the value they find there. */

/** Where paths begin: `record.items[2].price`. */
export const ROOT_PATH = 'record';

const NAME = /^[A-Za-z_$][\w$]*$/;

/** The path of a field of what is at `path`. */
export function fieldPath(path: string, name: string): string {
  return NAME.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** A value for a sentence that begins with "it is"; never throws, never long. */
export function describeValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
    case 'number':
      return Object.is(value, -0) ? 'the number -0' : `the number ${value}`;
    case 'bigint':
      return `the bigint ${shortened(String(value))}n`;
    case 'boolean':
      return String(value);
    case 'object':
      return value === null ? 'null' : describeObject(value);
    case 'undefined':
      return 'undefined';
    default:
      return `a ${typeof value}`;
  }
}

function describeObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
  if (prototype === null || prototype === Object.prototype) return 'an object';
  const constructor = Object.hasOwn(prototype, 'constructor') ? prototype.constructor : undefined;
  const name = typeof constructor === 'function' ? constructor.name : '';
  return name === '' ? 'an object with a prototype of its own' : `an instance of ${name}`;
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text;
}
