// A cluster that answers commands from a table, and remembers what it was asked.
import assert from 'node:assert/strict';
import { EngineError } from '../base/errors.ts';
import { milliseconds } from '../base/units.ts';
import type { HttpAnswer, HttpClient, HttpClientRequest } from '../env/http.ts';
import type { CommandEnv } from './command-env.ts';
import { command, type Said, type Surroundings } from './command.test-kit.ts';

export type Answer = object | string | readonly [status: number, body: object | string];
/** By method and path; several answers come one after another, the last one stays. */
export type Answers = Readonly<Record<string, Answer | Answer[] | (() => Answer)>>;

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: HttpClientRequest['headers'];
  readonly json: unknown;
}

/** Says what it was asked for and is not in the table. */
export class TestCluster {
  readonly asked: Asked[] = [];
  /** Calls that nobody answers, before the next one is answered. */
  refusals = 0;
  readonly #answers: Answers;
  readonly #used = new Map<string, number>();

  constructor(answers: Answers) {
    this.#answers = answers;
  }

  readonly http: HttpClient = {
    request: (request) => Promise.resolve().then(() => this.#answer(request)),
  };

  /** Runs `millrace ARGS` against it. Time passes at once. */
  run(args: readonly string[], surroundings: Surroundings = {}): Promise<Said> {
    return command(args, {
      ...surroundings,
      env: { ...this.env(), ...surroundings.env },
    });
  }

  env(): Partial<CommandEnv> {
    let now = 0;
    return {
      loadHttp: () => Promise.resolve(this.http),
      utcOffset: () => 60,
      log: { write: () => undefined, with: () => assert.fail('not used') },
      clock: {
        now: () => now as never,
        monotonic: () => milliseconds(now),
        cpuTime: () => milliseconds(0),
        after: (delay, callback) => {
          const due = now + delay;
          const timer = setImmediate(() => {
            now = Math.max(now, due);
            callback();
          });
          return { [Symbol.dispose]: () => clearImmediate(timer) };
        },
        soon: (callback) => void setImmediate(callback),
      },
    };
  }

  /** `METHOD path` of every call, without the address. */
  get calls(): readonly string[] {
    return this.asked.map(({ method, url }) => `${method} ${pathOf(url)}`);
  }

  #answer({ method, url, headers, body }: HttpClientRequest): HttpAnswer {
    if (this.refusals > 0) {
      this.refusals -= 1;
      const address = new URL(url).host;
      const reason = 'the connection was refused';
      throw new EngineError('NETWORK_FAILED', { operation: 'connect to', address, reason });
    }
    const isJson = body !== undefined && headers['content-type'] === 'application/json';
    const json: unknown = isJson ? JSON.parse(new TextDecoder().decode(body)) : undefined;
    this.asked.push({ method, url, headers, json });
    const key = `${method} ${pathOf(url)}`;
    const known = this.#answers[key] ?? [404, { errors: [`Not found: ${key}`] }];
    return answerOf(typeof known === 'function' ? known() : this.#next(key, known));
  }

  #next(key: string, known: Answer | Answer[]): Answer {
    if (!Array.isArray(known) || typeof known[0] === 'number') return known;
    const used = this.#used.get(key) ?? 0;
    this.#used.set(key, used + 1);
    return known[Math.min(used, known.length - 1)]!;
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}

function answerOf(answer: Answer): HttpAnswer {
  const [status, body] =
    Array.isArray(answer) && typeof answer[0] === 'number'
      ? (answer as [number, object | string])
      : [200, answer];
  const bytes = new TextEncoder().encode(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    status,
    headers: {},
    bytes: () => Promise.resolve(bytes),
    async *stream() {
      yield await Promise.resolve(bytes);
    },
  };
}
