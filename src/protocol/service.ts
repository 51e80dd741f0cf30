/**
 * What an endpoint can be asked, as data: a service names its methods with the schemas of request
 * and answer. Gateways (the caller's side) and handlers (the callee's side) get their types from
 * it.
 */
import type { Duration } from '../base/units.ts';
import type { Schema } from '../types/index.ts';
import { dynamic } from '../types/index.ts';

interface MethodOptions {
  /** Callable without a fencing token, e.g. to learn the token. */
  readonly unfenced?: boolean | undefined;
  /** Instead of the caller's ask time-out; 'never' for answers that come with an event. */
  readonly timeout?: Duration | 'never' | undefined;
}

/** Asked with a request, answered with a response or an error. */
export interface Ask<Request, Response> extends MethodOptions {
  readonly kind: 'ask';
  readonly request: Schema<Request>;
  readonly response: Schema<Response>;
}

/**
 * Sent without an answer; it arrives in order with everything else on its connection, or the
 * connection is lost.
 */
export interface Tell<Request> extends MethodOptions {
  readonly kind: 'tell';
  readonly request: Schema<Request>;
}

export type Methods = Readonly<Record<string, Ask<any, any> | Tell<any>>>;

export interface Service<M extends Methods = Methods> {
  readonly name: string;
  readonly methods: M;
}

/** The caller's side: a method for each of the service. */
export type Gateway<S> =
  S extends Service<infer M>
    ? {
        readonly [K in keyof M]: M[K] extends Ask<infer Request, infer Response>
          ? (request: Request) => Promise<Response>
          : M[K] extends Tell<infer Request>
            ? (request: Request) => void
            : never;
      }
    : never;

/** @example ask(t.struct({ jobId: t.string }), t.struct({ status: t.string })) */
export function ask<Request, Response>(
  request: Schema<Request>,
  response: Schema<Response>,
  options: MethodOptions = {},
): Ask<Request, Response> {
  return { kind: 'ask', request, response, ...options };
}

/** @example tell(t.struct({ jobId: t.string })) */
export function tell<Request>(
  request: Schema<Request>,
  options: MethodOptions = {},
): Tell<Request> {
  return { kind: 'tell', request, ...options };
}

/** @example service('dispatcher', { cancelJob: ask(JobRequest, Empty) }) */
export function service<M extends Methods>(name: string, methods: M): Service<M> {
  return { name, methods };
}

/**
 * The schema of nested plain data that only the engine makes, with each value's type beside it: for
 * what is rarely sent and has many optional parts, such as deployments and errors.
 */
export function plain<T>(): Schema<T> {
  return dynamic;
}
