/**
 * From a request to its answer: who asks, which endpoint, what it was given, what it says. Whatever
 * goes wrong on the way is an answer in Flink's shape, without secrets.
 *
 * R1. Nothing of a request but its name of the host is looked at before it is known who asks.
 * R2. What changes something is done for no page of another site, and is logged with who did it.
 */
import type { Log } from '../env/env.ts';
import type { HttpRequest, HttpResponse } from '../env/http.ts';
import type { Access, Identity } from './access.ts';
import type { Endpoint, RawAnswer } from './endpoint.ts';
import { readJson, writeJson } from './json.ts';
import { readPath, readQuery } from './parameters.ts';
import { redactText } from '../base/redact-text.ts';
import { redactError } from './redaction.ts';
import { badBody, handlerError, RestError, toRestError } from './rest-error.ts';
import type { Router } from './router.ts';

/** Of a body of JSON. */
const JSON_BYTES_MAX = 1024 * 1024;
const TARGET_LENGTH_MAX = 8 * 1024;
const JSON_TYPE = 'application/json; charset=UTF-8';

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export interface RestHandlerOptions {
  readonly router: Router;
  /** For those who are not known yet: endpoints that let somebody in. */
  readonly openRouter: Router;
  readonly access: Access;
  readonly log: Log;
}

export class RestHandler {
  readonly #options: RestHandlerOptions;

  constructor(options: RestHandlerOptions) {
    this.#options = options;
  }

  async handle(request: HttpRequest): Promise<HttpResponse> {
    let answer: RawAnswer;
    try {
      answer = await this.#answer(request);
    } catch (thrown) {
      answer = this.#refuse(request, toRestError(thrown));
    }
    const { status = 200, contentType, headers = {}, body } = answer;
    const all = { ...SECURITY_HEADERS, 'content-type': contentType, ...headers };
    return { status, headers: all, body };
  }

  /** R1. */
  async #answer(request: HttpRequest): Promise<RawAnswer> {
    const { access, router } = this.#options;
    access.requireKnownHost(request);
    const { path, query } = splitTarget(request.target);
    // Not for HEAD: a link that lets somebody in once is not used up by who only looks.
    const open = this.#findOpen(request.method, path);
    if (open !== undefined) return this.#call(request, open, query, 'anybody');
    const identity = access.identify(request);
    // HEAD asks what GET would answer; the server leaves the body out.
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    return this.#call(request, router.find(method, path), query, identity);
  }

  #findOpen(method: string, path: string): ReturnType<Router['find']> | undefined {
    try {
      return this.#options.openRouter.find(method, path);
    } catch {
      return undefined;
    }
  }

  async #call(
    request: HttpRequest,
    { endpoint, parameters }: ReturnType<Router['find']>,
    query: string,
    identity: Identity,
  ): Promise<RawAnswer> {
    if (changes(endpoint)) {
      requireNoHead(request, endpoint);
      this.#options.access.requireOwnPage(request);
    }
    let status = 500;
    try {
      const body = await readBody(endpoint, request);
      const input = {
        path: readPath(endpoint.parameters, parameters),
        query: readQuery(endpoint.query, new URLSearchParams(query)),
        ...{ body, request },
      };
      const result = await endpoint.handle(input);
      const answer = answerOf(endpoint, result);
      status = answer.status ?? 200;
      return answer;
    } catch (thrown) {
      const error = toRestError(thrown);
      ({ status } = error);
      throw error;
    } finally {
      if (endpoint.audit !== undefined)
        this.#audit(request, endpoint, parameters, identity, status);
    }
  }

  /** R2. */
  #audit(
    request: HttpRequest,
    { audit }: Endpoint,
    parameters: Readonly<Record<string, string>>,
    identity: Identity,
    status: number,
  ): void {
    this.#options.log.write('info', `audit: ${String(audit)}`, {
      ...{ audit, status, by: identity, from: request.remote },
      ...parameters,
    });
  }

  #refuse(request: HttpRequest, error: RestError): RawAnswer {
    const { status, errors, headers } = error;
    if (status >= 500 && status !== 503) {
      const message = `A REST call failed: ${redactText(errors.join(' '))}`;
      this.#options.log.write('error', message, { method: request.method, status });
    }
    const body = writeJson({ errors: errors.map(redactText), error: redactError(error.error) });
    return { status, contentType: JSON_TYPE, headers, body };
  }
}

function changes({ method, changes: said }: Endpoint): boolean {
  return said ?? method !== 'GET';
}

/** Who only looks changes nothing. */
function requireNoHead(request: HttpRequest, { method }: Endpoint): void {
  if (request.method !== 'HEAD') return;
  const what = 'This changes something, and so it is not there for HEAD.';
  throw new RestError(405, [what], { headers: { allow: method } });
}

function splitTarget(target: string): { readonly path: string; readonly query: string } {
  if (!target.startsWith('/') || target.length > TARGET_LENGTH_MAX) {
    throw handlerError(400, 'The target of the request is no path, or too long.');
  }
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: '' };
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}

/** @throws RestError 400, 415 */
async function readBody(endpoint: Endpoint, request: HttpRequest): Promise<unknown> {
  const { body } = endpoint;
  // The body of a GET, which Java's client sends, is dropped.
  if (body === undefined || endpoint.method === 'GET') return undefined;
  const bytes = await request.body(JSON_BYTES_MAX);
  let value: unknown = {};
  if (bytes.byteLength > 0) {
    requireJson(request);
    try {
      value = readJson(bytes);
    } catch (thrown) {
      throw badBody(body.format, thrown instanceof Error ? thrown.message : String(thrown));
    }
  }
  const problem = body.shape.problem(value, 'request');
  if (problem !== undefined) throw badBody(body.format, problem);
  return value;
}

/** A form of another site can send texts, but none that say they are JSON. */
function requireJson(request: HttpRequest): void {
  const type = request.headers['content-type'] ?? '';
  if (/^application\/json\s*(?:;|$)/i.test(type)) return;
  throw handlerError(415, `The body must be of the type application/json, not "${type}".`);
}

function answerOf(endpoint: Endpoint, result: unknown): RawAnswer {
  const { answer, status } = endpoint;
  if (answer === undefined) return result as RawAnswer;
  const body = writeJson(result);
  return { ...(status === undefined ? {} : { status }), contentType: JSON_TYPE, body };
}
