/**
 * An endpoint: what it is called, what it takes and answers, and the function that does it. The
 * router, the checks of requests and the OpenAPI document are made from the same declaration.
 */
import type { HttpRequest } from '../env/http.ts';
import type { Parameter, ParameterValues, QueryValues } from './parameters.ts';
import type { Shape } from './shape.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What an endpoint that is no plain JSON answers with. */
export interface RawAnswer {
  readonly status?: number | undefined;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body: string | Uint8Array | AsyncIterable<Uint8Array>;
}

type Parameters = Readonly<Record<string, Parameter<any>>>;

interface Description {
  readonly method: Method;
  /** Parameters are segments that begin with `:`. */
  readonly path: string;
  readonly summary: string;
  readonly status?: number | undefined;
  /**
   * What it does, for the audit log, where it changes something or shows what is delicate. A GET
   * with it that changes something says so by `changes`.
   */
  readonly audit?: string | undefined;
  /** Anything but GET changes something; a GET only where this is said. */
  readonly changes?: boolean | undefined;
}

/** A body of JSON: the name of Flink's class for it, which errors mention, and its shape. */
export interface JsonBody<B> {
  readonly format: string;
  readonly shape: Shape<B>;
}

export interface Input<P, Q, B> {
  readonly path: P;
  readonly query: Q;
  readonly body: B;
  readonly request: HttpRequest;
}

interface Definition<P extends Parameters, Q extends Parameters, B, A> extends Description {
  readonly parameters?: P;
  readonly query?: Q;
  readonly body?: JsonBody<B>;
  readonly answer: Shape<A>;
  handle(input: Input<ParameterValues<P>, QueryValues<Q>, B>): Promise<A> | A;
}

interface RawDefinition<P extends Parameters, Q extends Parameters> extends Description {
  readonly parameters?: P;
  readonly query?: Q;
  /** Of the body, if it has one that the handler reads itself. */
  readonly accepts?: readonly string[] | undefined;
  readonly produces: string;
  handle(input: Input<ParameterValues<P>, QueryValues<Q>, undefined>): Promise<RawAnswer>;
}

/** An endpoint as router and document see it. */
export interface Endpoint extends Description {
  readonly parameters: Parameters;
  readonly query: Parameters;
  readonly body: JsonBody<unknown> | undefined;
  readonly accepts: readonly string[] | undefined;
  /** Undefined: the handler answers with bytes of the type `produces`. */
  readonly answer: Shape<unknown> | undefined;
  readonly produces: string;
  /** A promise or the answer itself. */
  handle(input: Input<any, any, any>): unknown;
}

/**
 * @example
 * endpoint({
 *   method: 'GET',
 *   path: '/jobs/:jobid/status',
 *   summary: 'The status of a job.',
 *   parameters: { jobid: jobId },
 *   answer: object({ status: text }),
 *   handle: async ({ path }) => ({ status: await statusOf(path.jobid) }),
 * });
 */
export function endpoint<const P extends Parameters, const Q extends Parameters, B, A>(
  definition: Definition<P, Q, B, A>,
): Endpoint {
  return {
    parameters: {},
    query: {},
    body: undefined,
    accepts: undefined,
    produces: 'application/json',
    ...definition,
  };
}

export function rawEndpoint<const P extends Parameters, const Q extends Parameters>(
  definition: RawDefinition<P, Q>,
): Endpoint {
  return {
    parameters: {},
    query: {},
    body: undefined,
    accepts: undefined,
    answer: undefined,
    ...definition,
  };
}
