// Requests without sockets, for tests of what comes behind the HTTP server.
import assert from 'node:assert/strict';
import type { HttpRequest, HttpResponse } from '../env/http.ts';

export interface RequestParts {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly remote?: string;
}

export function requestOf(target: string, parts: RequestParts = {}): HttpRequest {
  const { method = 'GET', headers = {}, body = '', remote = '127.0.0.1' } = parts;
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return {
    ...{ method, target, remote, secure: false },
    headers: {
      host: 'localhost:8081',
      ...(bytes.byteLength > 0 ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    signal: new AbortController().signal,
    body: () => Promise.resolve(bytes),
    async *stream() {
      yield bytes;
    },
    async *parts() {},
  };
}

export function textOf({ body }: HttpResponse): string {
  return typeof body === 'string' ? body : assert.fail('the body is no text');
}

export function jsonOf(response: HttpResponse): any {
  return JSON.parse(textOf(response));
}
