/**
 * Finds the endpoint of a request. Paths are decoded once, segment by segment; a segment that then
 * holds a separator or a control character belongs to no endpoint, and the text of a path is never
 * used to find a file.
 */
import { assert } from '../base/assert.ts';
import type { Endpoint } from './endpoint.ts';
import { RestError } from './rest-error.ts';

interface Node {
  readonly literals: Map<string, Node>;
  parameter: Node | undefined;
  readonly endpoints: Map<string, Endpoint>;
}

export interface Found {
  readonly endpoint: Endpoint;
  /** Decoded, by name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** Longer ones are of nobody. */
const SEGMENTS_MAX = 32;

export class Router {
  readonly #root: Node = emptyNode();

  constructor(endpoints: Iterable<Endpoint>) {
    for (const endpoint of endpoints) this.#add(endpoint);
  }

  /** @throws RestError 404 in Flink's words */
  find(method: string, path: string): Found {
    const segments = segmentsOf(path);
    const matched = segments === undefined ? undefined : match(this.#root, segments, 0, method);
    if (matched === undefined || segments === undefined) throw notRouted(method, path);
    const names = matched.path.split('/').slice(1);
    const parameters = names.flatMap((name, i) =>
      name.startsWith(':') ? [[name.slice(1), segments[i]!] as const] : [],
    );
    return { endpoint: matched, parameters: Object.fromEntries(parameters) };
  }

  #add(endpoint: Endpoint): void {
    let node = this.#root;
    for (const segment of endpoint.path.split('/').slice(1)) {
      if (segment.startsWith(':')) {
        const name = segment.slice(1);
        assert(name in endpoint.parameters, `${endpoint.path}: the parameter ${name} has no type`);
        node = node.parameter ??= emptyNode();
      } else {
        const known = node.literals.get(segment) ?? emptyNode();
        node.literals.set(segment, known);
        node = known;
      }
    }
    const { method, path } = endpoint;
    assert(!node.endpoints.has(method), `two endpoints for ${method} ${path}`);
    node.endpoints.set(method, endpoint);
  }
}

/** Text goes before parameters; what leads nowhere is taken back. */
function match(
  node: Node,
  segments: readonly string[],
  at: number,
  method: string,
): Endpoint | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.endpoints.get(method);
  const literal = node.literals.get(segment);
  const found = literal && match(literal, segments, at + 1, method);
  if (found !== undefined || node.parameter === undefined || segment === '') return found;
  return match(node.parameter, segments, at + 1, method);
}

/** Decoded, without the version in front and a slash at the end; undefined if malformed. */
function segmentsOf(path: string): readonly string[] | undefined {
  const raw = path.replace(/\/$/, '').split('/').slice(1);
  if (raw[0] === 'v1') raw.shift();
  if (raw.length > SEGMENTS_MAX) return undefined;
  const decoded = raw.map(decodeSegment);
  return decoded.every((segment) => segment !== undefined) ? decoded : undefined;
}

function decodeSegment(raw: string): string | undefined {
  let segment: string;
  try {
    segment = decodeURIComponent(raw);
  } catch {
    return undefined;
  }
  return /[/\\\p{Cc}]/u.test(segment) || segment === '..' || segment === '.' ? undefined : segment;
}

function notRouted(method: string, path: string): RestError {
  const shown = path.slice(0, 200);
  return new RestError(404, [
    method === 'GET' ? `Unable to load requested file ${shown}.` : `Not found: ${shown}`,
  ]);
}

function emptyNode(): Node {
  return { literals: new Map(), parameter: undefined, endpoints: new Map() };
}
