/**
 * Where in the user's program a call of the API stands, as `path:line:column`, for errors and
 * plans. It is read from a stack, which costs microseconds: builds are small, and nothing else does
 * this.
 */

/** The engine's own frames: everything in this folder, but its tests, which play the user. */
const ENGINE = new URL('.', import.meta.url).href;
const ENGINE_PATH = toPath(ENGINE);

/** Of files, and of the sources of a bundle (`job:///src/orders.ts`) but not of its packages. */
const FRAME = /(?:\(|at (?:async )?)((?:file:|job:|\/|[A-Za-z]:\\).*:\d+:\d+)\)?$/;

/** The innermost frame outside the API; undefined if the stack does not say. */
export function declaredAt(): string | undefined {
  const stack = new Error('where').stack;
  if (stack === undefined) return undefined;
  for (const line of stack.split('\n').slice(1)) {
    const place = FRAME.exec(line)?.[1];
    if (place !== undefined && !isEngineFrame(place)) return toPath(place);
  }
  return undefined;
}

function isEngineFrame(place: string): boolean {
  const inside = place.startsWith(ENGINE) || place.startsWith(ENGINE_PATH);
  return inside && !/\.test\.[cm]?[jt]s:\d+:\d+$/.test(place);
}

/** `file:///a%20b.ts:1:2` becomes `/a b.ts:1:2`, and `file:///C:/a.ts` `C:/a.ts`. */
function toPath(place: string): string {
  if (place.startsWith('job:///')) return place.slice('job:///'.length);
  if (!place.startsWith('file://')) return place;
  const path = place.slice('file://'.length).replace(/\?[^:]*/, '');
  return decodeURI(/^\/[A-Za-z]:\//.test(path) ? path.slice(1) : path);
}

/** The `file:` URL of the module in which a place stands. */
export function moduleUrlOf(place: string): string {
  const path = place.replace(/:\d+:\d+$/, '').replaceAll('\\', '/');
  const encoded = encodeURI(path).replace(/[?#]/g, encodeURIComponent);
  return path.startsWith('/') ? `file://${encoded}` : `file:///${encoded}`;
}
