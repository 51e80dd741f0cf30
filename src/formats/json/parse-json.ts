/**
 * JSON.parse without a mistake that V8's has (Node 24 and 26, nodejs/node issue 63785): it takes a
 * name with escapes for one that it has met before, if that begins as the escaped text does. After
 * `{"x":1,"\\":2}` it reads `{"x":1,"\n":2}` as `{"x":1,"\\":2}`. Texts with such names are rare;
 * JSON.parse still decides whether they are accepted.
 */

/** @throws SyntaxError as JSON.parse. */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes('\\') && hasEscapedName(text) ? build(text) : value;
}

/** In a text that is well-formed. */
function hasEscapedName(text: string): boolean {
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"[ \t\n\r]*:?/g)) {
    if (token.endsWith(':') && token.includes('\\')) return true;
  }
  return false;
}

/** An object or array that is open; `name` is that of the member whose value comes next. */
interface Open {
  readonly container: unknown[] | Record<string, unknown>;
  name: string | undefined;
}

const TOKEN = /[{}[\]]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}[\],:"]+/g;

/** From the tokens of a text that is well-formed; of any depth. */
function build(text: string): unknown {
  const root: Open = { container: [], name: undefined };
  const stack: Open[] = [root];
  for (const [token] of text.matchAll(TOKEN)) {
    const open = stack.at(-1)!;
    if (token === '{' || token === '[') {
      const container = token === '{' ? {} : [];
      add(open, container);
      stack.push({ container, name: undefined });
    } else if (token === '}' || token === ']') {
      stack.pop();
    } else {
      const value: unknown = JSON.parse(token);
      const isName = !Array.isArray(open.container) && open.name === undefined;
      if (isName) open.name = value as string;
      else add(open, value);
    }
  }
  return (root.container as unknown[])[0];
}

function add(open: Open, value: unknown): void {
  const { container, name } = open;
  if (Array.isArray(container)) {
    container.push(value);
    return;
  }
  // Not an assignment, which for `__proto__` would be no property.
  Object.defineProperty(container, name!, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
  open.name = undefined;
}
