/**
 * An HTTP client by node:http or node:https, which are loaded with the first request. A connection
 * is made for every request: whoever asks does so a few times a second at most.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { EngineError } from '../../base/errors.ts';
import type { HttpAnswer, HttpClient, HttpClientRequest } from '../http.ts';
import { bodyOf, wholeBody } from './http-body.ts';
import { textHeaders } from './http-server.ts';
import { networkError } from './system-error.ts';

export function nodeHttpClient(): HttpClient {
  return { request };
}

function request(options: HttpClientRequest): Promise<HttpAnswer> {
  const { url, body, timeout } = options;
  const { hostname, port, host, protocol } = new URL(url);
  return new Promise((resolve, reject) => {
    const portNumber = Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port);
    const name = hostname.replace(/^\[(.*)\]$/, '$1');
    const refuse = (thrown: unknown): void => {
      clearTimeout(timer);
      reject(networkError(thrown, 'connect to', name, portNumber));
    };
    let sent: ClientRequest | undefined;
    const timer = setTimeout(() => {
      reject(new EngineError('HTTP_TIMEOUT', { address: host, timeout: `${timeout} ms` }));
      sent?.destroy();
    }, timeout);
    try {
      sent = start(options);
      sent.on('error', refuse);
      sent.on('response', (message) => {
        clearTimeout(timer);
        resolve(new NodeAnswer(message));
      });
      sent.end(body);
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

function start(request: HttpClientRequest): ClientRequest {
  const { method, url, headers, body, authorities, identity } = request;
  const length = body === undefined ? {} : { 'content-length': body.byteLength };
  const options = { method, headers: { ...headers, ...length }, agent: false } as const;
  if (new URL(url).protocol === 'http:') {
    return process.getBuiltinModule('node:http').request(url, options);
  }
  return process.getBuiltinModule('node:https').request(url, {
    ...options,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(identity === undefined ? {} : { cert: identity.certificate, key: identity.key }),
  });
}

class NodeAnswer implements HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.status = message.statusCode ?? 0;
    this.headers = textHeaders(message);
    this.#message = message;
  }

  bytes(limitBytes: number): Promise<Uint8Array> {
    return wholeBody(bodyOf(this.#message, limitBytes, 'destroy'));
  }

  stream(): AsyncIterable<Uint8Array> {
    return bodyOf(this.#message, Infinity, 'destroy');
  }
}
