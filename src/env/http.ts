/**
 * HTTP as the REST interface and its clients see it: a server that hands over requests within
 * limits, and a client. Not part of `Env`, because only a JobManager and the command line speak it:
 * whoever puts them together hands it in. The one implementation over real sockets is in
 * `env/node`.
 */
import type { Duration } from '../base/units.ts';

export interface HttpServer {
  /** @throws EngineError NETWORK_FAILED, e.g. if the port is taken. Port 0 picks a free one. */
  listen(options: HttpListenOptions, handler: HttpHandler): Promise<HttpListener>;
}

export interface HttpListenOptions {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls?: HttpServerTls | undefined;
  readonly limits: HttpLimits;
}

/** Certificates and keys as PEM. */
export interface HttpServerTls {
  readonly certificate: string;
  readonly key: string;
  /** Clients must have a certificate of one of these authorities; undefined: they need none. */
  readonly clientAuthorities?: string | undefined;
}

/** What a client may use of the server before it is known. */
export interface HttpLimits {
  readonly headerBytes: number;
  readonly connections: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerTimeout: Duration;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeout: Duration;
  /** Between two requests of a connection. */
  readonly keepAliveTimeout: Duration;
}

export interface HttpListener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Open connections. */
  connectionCount(): Promise<number>;
}

/** Never rejects: whatever goes wrong is an answer. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpRequest {
  readonly method: string;
  /** Path and query as they were sent, still encoded. */
  readonly target: string;
  /** By name in small letters. Of a header that was sent twice only one is here, or both joined. */
  readonly headers: Readonly<Record<string, string>>;
  /** Address of the client, without port. */
  readonly remote: string;
  readonly secure: boolean;
  /** Aborted when the client is gone, or the server closes, before the answer has ended. */
  readonly signal: AbortSignal;
  /** The whole body. @throws EngineError HTTP_BODY_TOO_LARGE, HTTP_ABORTED */
  body(limitBytes: number): Promise<Uint8Array>;
  /** The body in pieces that belong to the callee. Errors as those of `body`. */
  stream(limitBytes: number): AsyncIterable<Uint8Array>;
  /**
   * The parts of a body of `multipart/form-data`, in order. The content of one must be read to its
   * end before the next is asked for. @throws EngineError HTTP_BODY_MALFORMED, and as `body`
   */
  parts(limits: HttpPartLimits): AsyncIterable<HttpPart>;
}

export interface HttpPartLimits {
  readonly parts: number;
  /** Of all parts together. */
  readonly totalBytes: number;
}

export interface HttpPart {
  readonly name: string;
  /** What the client calls the file: a text for people, never a path. */
  readonly fileName: string | undefined;
  readonly content: AsyncIterable<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * What is iterated over is sent piece by piece, as fast as the client takes it; its iterator is
   * ended when the client is gone.
   */
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
}

// --------------------------------------------------------------------------------------- client

export interface HttpClient {
  /**
   * @throws EngineError NETWORK_FAILED if nobody answers, HTTP_TIMEOUT if the headers of the answer
   *   have not come in time.
   */
  request(request: HttpClientRequest): Promise<HttpAnswer>;
}

export interface HttpClientRequest {
  readonly method: string;
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Until the headers of the answer are there. */
  readonly timeout: Duration;
  /** The authorities (PEM) that the server's certificate must be of; undefined: the system's. */
  readonly authorities?: string | undefined;
  /** What the client shows if the server wants a certificate (PEM). */
  readonly identity?: { readonly certificate: string; readonly key: string } | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body. @throws EngineError HTTP_BODY_TOO_LARGE, HTTP_ABORTED */
  bytes(limitBytes: number): Promise<Uint8Array>;
  /** The body as it comes; ending the iteration closes the connection. @throws HTTP_ABORTED */
  stream(): AsyncIterable<Uint8Array>;
}
