/**
 * The REST interface of a cluster as a client sees it: Flink's paths and answers, the token, calls
 * that are repeated while nobody answers, and errors that say what to do.
 */
import { EngineError, isEngineError, type ErrorData } from '../base/errors.ts';
import { milliseconds, type Duration } from '../base/units.ts';
import type { Clock } from '../env/env.ts';
import type { HttpAnswer, HttpClient, HttpClientRequest } from '../env/http.ts';

export interface RestClientOptions {
  readonly http: HttpClient;
  readonly clock: Pick<Clock, 'after'>;
  /** `http://host:port`, without a slash at its end. */
  readonly url: string;
  /** Of this machine, by name, if it is asked for by that and is not known to run. */
  readonly cluster?: string | undefined;
  readonly token: string | undefined;
  /** Where the token was looked for, for the error when it is refused. */
  readonly tokenAdvice: string;
  /** Until the head of an answer is there. */
  readonly timeout: Duration;
  /** The authorities (PEM) that the server's certificate must be of. */
  readonly authorities?: string | undefined;
  /** What is shown where the server wants a certificate. */
  readonly identity?: HttpClientRequest['identity'];
  readonly retry: RestRetry;
  /** Of an answer. */
  readonly maxBytes: number;
}

export interface RestRetry {
  readonly attempts: number;
  readonly delay: Duration;
}

export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** From the first slash, with query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: { readonly contentType: string; readonly bytes: Uint8Array } | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Where an answer may take longer than others. */
  readonly timeout?: Duration | undefined;
}

export class RestClient {
  readonly url: string;
  readonly #options: RestClientOptions;

  constructor(options: RestClientOptions) {
    this.url = options.url;
    this.#options = options;
  }

  /** @throws EngineError REST_*, HTTP_*, and what the cluster answered with */
  async get<T>(path: string): Promise<T> {
    return this.#json(await this.send({ method: 'GET', path }));
  }

  async call<T>(request: RestRequest): Promise<T> {
    return this.#json(await this.send(request));
  }

  /**
   * Repeats the call while nobody answers, as `rest.retry.*` say. Only for what may be repeated.
   */
  async getPatiently<T>(path: string): Promise<T> {
    const { retry } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.get(path);
      } catch (thrown) {
        if (!isPassing(thrown) || attempt >= retry.attempts) throw thrown;
        await this.pause(retry.delay);
      }
    }
  }

  /** The body as text. */
  async text(path: string): Promise<string> {
    const answer = await this.send({ method: 'GET', path });
    return new TextDecoder().decode(await answer.bytes(this.#options.maxBytes));
  }

  /** Resolves with an answer of success. */
  async send(request: RestRequest): Promise<HttpAnswer> {
    const { http, url, token, authorities, identity } = this.#options;
    const { timeout = this.#options.timeout } = request;
    const { method, path, json, body, headers } = request;
    let answer: HttpAnswer;
    try {
      answer = await http.request({
        ...{ method, url: `${url}${path}`, timeout, authorities, identity },
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(body === undefined ? {} : { 'content-type': body.contentType }),
          ...headers,
        },
        body: json === undefined ? body?.bytes : new TextEncoder().encode(JSON.stringify(json)),
      });
    } catch (thrown) {
      throw this.#unreachable(thrown);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw await this.#refusal(answer, path);
  }

  pause(delay: Duration): Promise<void> {
    return new Promise((resolve) => {
      this.#options.clock.after(delay, resolve);
    });
  }

  async #json<T>(answer: HttpAnswer): Promise<T> {
    const text = new TextDecoder().decode(await answer.bytes(this.#options.maxBytes));
    try {
      return JSON.parse(text) as T;
    } catch {
      throw new EngineError('REST_NO_CLUSTER', { url: this.url, what: firstLine(text) });
    }
  }

  #unreachable(thrown: unknown): unknown {
    if (!isEngineError(thrown, 'NETWORK_FAILED')) return thrown;
    const { reason } = thrown.parameters;
    const { cluster } = this.#options;
    if (cluster !== undefined) {
      return new EngineError('REST_CLUSTER_NOT_RUNNING', { cluster, url: this.url, reason });
    }
    return new EngineError('REST_UNREACHABLE', { url: this.url, reason });
  }

  async #refusal(answer: HttpAnswer, path: string): Promise<EngineError> {
    const { status } = answer;
    const { tokenAdvice, maxBytes } = this.#options;
    const text = new TextDecoder().decode(await answer.bytes(maxBytes));
    if (status === 401 || status === 403) {
      const message = messageOf(text);
      const code = status === 401 ? 'REST_UNAUTHORIZED' : 'REST_FORBIDDEN';
      return new EngineError(code, { url: this.url, message, advice: tokenAdvice });
    }
    const body = parsed(text);
    if (body?.error !== undefined) return EngineError.fromData(body.error);
    if (body?.errors === undefined) {
      return new EngineError('REST_NO_CLUSTER', { url: this.url, what: firstLine(text) });
    }
    const jobId = /^\/jobs\/([0-9a-f]{32})/.exec(path)?.[1];
    const message = messageOf(text);
    if (jobId !== undefined && /\bjob\b.*\bnot (?:be )?found|could not find/i.test(message)) {
      return new EngineError('JOB_NOT_FOUND', { jobId });
    }
    if (/savepoint-dir\] is not set/.test(message)) {
      return new EngineError('SAVEPOINT_DIRECTORY_UNSET', {});
    }
    if (status === 503) return new EngineError('REST_UNAVAILABLE', { url: this.url, message });
    return new EngineError('REST_REFUSED', { url: this.url, status, message });
  }
}

/** Whether the same call may well be answered a little later. */
function isPassing(thrown: unknown): boolean {
  return (
    isEngineError(thrown, 'REST_UNREACHABLE') ||
    isEngineError(thrown, 'REST_CLUSTER_NOT_RUNNING') ||
    isEngineError(thrown, 'REST_UNAVAILABLE') ||
    isEngineError(thrown, 'HTTP_TIMEOUT') ||
    isEngineError(thrown, 'HTTP_ABORTED')
  );
}

interface Refusal {
  readonly errors?: readonly string[];
  /** Of our own cluster: the error with all its parts. */
  readonly error?: ErrorData;
}

function parsed(text: string): Refusal | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The sentence in an answer of Flink's shape: without classes of Java and their stacks. */
function messageOf(text: string): string {
  const errors = parsed(text)?.errors;
  if (errors === undefined) return firstLine(text);
  const said = errors.map(messageOfThrowable).filter((each) => each !== '');
  // "Internal server error." says nothing where something follows.
  return said.findLast((each) => each !== 'Internal server error.') ?? said.join(' ');
}

/**
 * What an exception, as text with its stack, says: of one of ours, which is a sentence of its own
 * with what is to be done, the outermost; of Java's the innermost.
 * @example messageOfThrowable('java.lang.Exception: No.\n\tat a.B') // 'No.'
 */
export function messageOfThrowable(text: string): string {
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*(?:at |<Exception on|End of exc|\.\.\. )/.test(line));
  const [first = ''] = lines;
  if (/^millrace\.[A-Z]/.test(first)) return first.replace(/^millrace\.\w+: /, '').trim();
  const last = lines.findLast((line) => line.startsWith('Caused by: ')) ?? lines[0] ?? '';
  const message = last.replace(/^Caused by: /, '').replace(/^(?:[\w$]+\.)+[\w$]+: /, '');
  return message.trim();
}

function firstLine(text: string): string {
  const [line = ''] = text.trim().split('\n');
  const shown = line.length > 200 ? `${line.slice(0, 200)}...` : line;
  return shown === '' ? 'nothing' : JSON.stringify(shown);
}

/** Waits longer and longer between looks at something. */
export function nextDelay(delay: Duration, most: Duration): Duration {
  return milliseconds(Math.min(delay * 1.5, most));
}
