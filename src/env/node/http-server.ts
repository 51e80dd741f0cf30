/**
 * An HTTP server by node:http or node:https, which are loaded when the first one listens.
 *
 * H1. Every request is answered once, or its connection is destroyed.
 * H2. A body that nobody reads is dropped: a small one is read to its end, so that the connection
 *     can be used again; a large one takes the connection with it.
 * H3. After the listener is disposed of there is neither port nor connection.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { assert } from '../../base/assert.ts';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../env.ts';
import type {
  HttpHandler,
  HttpLimits,
  HttpListener,
  HttpListenOptions,
  HttpPart,
  HttpPartLimits,
  HttpRequest,
  HttpResponse,
  HttpServer,
} from '../http.ts';
import { bodyOf, partsOf, wholeBody } from './http-body.ts';
import { HttpConnections } from './http-connections.ts';
import { networkError, systemReason } from './system-error.ts';

/** Of an unread body, what is still read to keep the connection. */
const DROPPED_BYTES_MAX = 64 * 1024;
/** How long answers may still take when the server closes. */
const CLOSE_GRACE_MILLISECONDS = 1000;
const CHECK_INTERVAL_MILLISECONDS = 1000;

export function nodeHttpServer(log: Log): HttpServer {
  return { listen: (options, handler) => listen(options, handler, log) };
}

function listen(
  options: HttpListenOptions,
  handler: HttpHandler,
  log: Log,
): Promise<NodeHttpListener> {
  const { host, port, limits } = options;
  return new Promise((resolve, reject) => {
    const refuse = (thrown: unknown): void => reject(networkError(thrown, 'listen on', host, port));
    try {
      const server = createServer(options);
      const connections = new HttpConnections(server, limits.connections);
      const listener = new NodeHttpListener({ server, connections, handler, log });
      server.once('error', refuse);
      server.listen({ host, port }, () => {
        server.off('error', refuse);
        server.on('error', (thrown) => {
          log.write('warn', 'An HTTP connection failed', { reason: systemReason(thrown) });
        });
        listener.begin();
        resolve(listener);
      });
    } catch (thrown) {
      refuse(thrown);
    }
  });
}

function createServer({ tls, limits }: HttpListenOptions): Server {
  const options = serverOptions(limits);
  if (tls === undefined) return process.getBuiltinModule('node:http').createServer(options);
  return process.getBuiltinModule('node:https').createServer({
    ...options,
    cert: tls.certificate,
    key: tls.key,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headerTimeout,
    ...(tls.clientAuthorities === undefined
      ? {}
      : { ca: tls.clientAuthorities, requestCert: true, rejectUnauthorized: true }),
  });
}

function serverOptions(limits: HttpLimits): ServerOptions {
  return {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: Math.min(limits.headerTimeout, CHECK_INTERVAL_MILLISECONDS),
    insecureHTTPParser: false,
    noDelay: true,
    rejectNonStandardBodyWrites: true,
  };
}

interface Parts {
  readonly server: Server;
  readonly connections: HttpConnections;
  readonly handler: HttpHandler;
  readonly log: Log;
}

class NodeHttpListener implements HttpListener {
  host = '';
  port = 0;
  readonly #server: Server;
  readonly #connections: HttpConnections;
  readonly #handler: HttpHandler;
  readonly #log: Log;
  readonly #open = new Set<NodeRequest>();
  #closing: Promise<void> | undefined;

  constructor({ server, connections, handler, log }: Parts) {
    this.#server = server;
    this.#connections = connections;
    this.#handler = handler;
    this.#log = log;
    const handle = (message: IncomingMessage, response: ServerResponse): void => {
      this.#handle(message, response).catch((thrown: unknown) => {
        log.write('warn', 'An HTTP answer broke off', { reason: systemReason(thrown) });
        response.destroy();
      });
    };
    server.on('request', handle);
    // Who waits to be told to go on gets the answer to its headers first.
    server.on('checkContinue', handle);
    server.on('clientError', refuseUnreadable);
  }

  begin(): void {
    const address = this.#server.address();
    assert(typeof address === 'object' && address !== null, 'a TCP server has an address');
    this.host = address.address;
    this.port = address.port;
  }

  connectionCount(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.getConnections((error, count) => {
        if (error === null) resolve(count);
        else reject(error);
      });
    });
  }

  /** H3. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      for (const request of this.#open) request.abort();
      const grace = setTimeout(() => this.#connections.closeAll(), CLOSE_GRACE_MILLISECONDS);
      this.#server.close(() => {
        clearTimeout(grace);
        resolve();
      });
      this.#server.closeIdleConnections();
    });
    return this.#closing;
  }

  /** H1. */
  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#connections.answering(message, response);
    const request = new NodeRequest(message, response);
    this.#open.add(request);
    response.on('close', () => {
      this.#open.delete(request);
      request.abort();
    });
    if (this.#closing !== undefined) response.shouldKeepAlive = false;
    let answer: HttpResponse;
    try {
      answer = await this.#handler(request);
    } catch (thrown) {
      this.#log.write('error', `An HTTP handler failed: ${messageOf(thrown)}`);
      answer = { status: 500, headers: {}, body: '' };
    }
    await send(message, response, answer);
  }
}

class NodeRequest implements HttpRequest {
  readonly method: string;
  readonly target: string;
  readonly remote: string;
  readonly secure: boolean;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #abort = new AbortController();

  constructor(message: IncomingMessage, response: ServerResponse) {
    this.#message = message;
    this.#response = response;
    this.method = message.method ?? '';
    this.target = message.url ?? '';
    this.remote = message.socket.remoteAddress ?? '?';
    this.secure = 'encrypted' in message.socket;
  }

  get headers(): Readonly<Record<string, string>> {
    return textHeaders(this.#message);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort.abort();
  }

  body(limitBytes: number): Promise<Uint8Array> {
    return wholeBody(this.stream(limitBytes));
  }

  stream(limitBytes: number): AsyncIterable<Uint8Array> {
    this.#goOn();
    // The connection still carries the answer.
    return bodyOf(this.#message, limitBytes, 'keep');
  }

  parts(limits: HttpPartLimits): AsyncIterable<HttpPart> {
    this.#goOn();
    return partsOf(this.#message, limits);
  }

  #goOn(): void {
    if (/^100-continue$/i.test(this.#message.headers.expect ?? '')) this.#response.writeContinue();
  }
}

/** Only one of two headers of a name matters, and Node has joined or dropped the other. */
export function textHeaders(message: IncomingMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(message.headers).filter((each) => typeof each[1] === 'string');
  return Object.fromEntries(entries) as Record<string, string>;
}

async function send(
  message: IncomingMessage,
  response: ServerResponse,
  answer: HttpResponse,
): Promise<void> {
  dropBody(message, response);
  const { status, headers, body } = answer;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    response.writeHead(status, { ...headers, 'content-length': bytes.byteLength });
    if (hasBody(message, status)) response.end(bytes);
    else response.end();
    return;
  }
  response.writeHead(status, headers);
  if (!hasBody(message, status)) {
    response.end();
    await body[Symbol.asyncIterator]().return?.();
    return;
  }
  for await (const piece of body) {
    if (response.destroyed) return;
    if (!response.write(piece)) await drained(response);
    if (response.destroyed) return;
  }
  response.end();
}

/** Node refuses to write one where HTTP has none. */
function hasBody({ method }: IncomingMessage, status: number): boolean {
  return method !== 'HEAD' && status !== 204 && status !== 304;
}

/** H2. */
function dropBody(message: IncomingMessage, response: ServerResponse): void {
  if (message.complete) return;
  const announced = Number(message.headers['content-length'] ?? Infinity);
  if (announced <= DROPPED_BYTES_MAX) {
    message.resume();
    return;
  }
  response.shouldKeepAlive = false;
  let dropped = 0;
  message.on('data', (bytes: Uint8Array) => {
    dropped += bytes.byteLength;
    if (dropped > DROPPED_BYTES_MAX) message.pause();
  });
  response.on('finish', () => message.socket.destroySoon());
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

const REFUSALS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** What is no HTTP, too large or too slow gets a short answer and the end of its connection. */
function refuseUnreadable(thrown: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || thrown.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = REFUSALS[thrown.code ?? ''] ?? '400 Bad Request';
  const body = JSON.stringify({ errors: [status.slice(4)] });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=UTF-8\r\n` +
      `X-Content-Type-Options: nosniff\r\nContent-Length: ${body.length}\r\n` +
      `Connection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
