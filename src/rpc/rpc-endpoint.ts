/**
 * An endpoint: the handlers of a service, called by name on one main thread. It refuses calls whose
 * fencing token is not the one of its present leader session.
 *
 * E1. A handler runs only for a call whose token the fence accepted, or for an unfenced method.
 * E2. Every ask is answered exactly once, with a value or an error, unless its connection is gone.
 */
import { EngineError, isEngineError, toEngineError } from '../base/errors.ts';
import type { Ask, Service, Tell } from '../protocol/service.ts';
import type { MainThread } from './main-thread.ts';
import type { RpcConnection } from './rpc-connection.ts';

/** Where a call comes from. */
export interface Caller {
  /** The fencing token it carried. */
  readonly token: string;
  /** For calling back: whoever dials can be called too. */
  readonly connection: RpcConnection;
}

/** The callee's side; runs on the endpoint's main thread up to its first `await`. */
export type Handlers<S> =
  S extends Service<infer M>
    ? {
        readonly [K in keyof M]: M[K] extends Ask<infer Request, infer Response>
          ? (request: Request, caller: Caller) => Response | Promise<Response>
          : M[K] extends Tell<infer Request>
            ? (request: Request, caller: Caller) => void
            : never;
      }
    : never;

export interface EndpointOptions<S extends Service> {
  /** Address within the process; unique. */
  readonly name: string;
  readonly service: S;
  readonly main: MainThread;
  readonly handlers: Handlers<S>;
  /** True when the token is good for this method. */
  readonly fence: (token: string, method: string) => boolean;
}

type AnyHandler = (request: unknown, caller: Caller) => unknown;

/** What a call asks for, already looked up and decoded. */
export interface Invocation {
  readonly method: string;
  readonly request: unknown;
  readonly caller: Caller;
}

export class RpcEndpoint {
  readonly name: string;
  readonly service: Service;
  readonly main: MainThread;
  readonly #handlers: Readonly<Record<string, AnyHandler>>;
  readonly #fence: (token: string, method: string) => boolean;
  /** Calls refused because of their token. */
  fenced = 0;

  private constructor(
    name: string,
    service: Service,
    main: MainThread,
    handlers: Readonly<Record<string, AnyHandler>>,
    fence: (token: string, method: string) => boolean,
  ) {
    this.name = name;
    this.service = service;
    this.main = main;
    this.#handlers = handlers;
    this.#fence = fence;
  }

  static of<S extends Service>(options: EndpointOptions<S>): RpcEndpoint {
    const handlers = options.handlers as unknown as Readonly<Record<string, AnyHandler>>;
    return new RpcEndpoint(options.name, options.service, options.main, handlers, options.fence);
  }

  /** Runs the handler of a tell; there is nobody to hear of a refusal, so it is only counted. */
  tell(call: Invocation): void {
    this.main.run(() => {
      if (this.#admits(call)) this.#handlers[call.method]!(call.request, call.caller);
    });
  }

  /**
   * Runs the handler of an ask and answers once (E2). An error that is not an EngineError is a bug:
   * fatal.
   */
  ask(
    call: Invocation,
    answer: (value: unknown) => void,
    refuse: (error: EngineError) => void,
  ): void {
    if (this.main.closed) {
      refuse(new EngineError('RPC_ENDPOINT_CLOSED', { endpoint: this.name }));
      return;
    }
    this.main.run(() => {
      if (!this.#admits(call)) {
        refuse(new EngineError('RPC_FENCED', { endpoint: this.name, method: call.method }));
        return;
      }
      const fail = (error: unknown): void => {
        refuse(toEngineError(error));
        if (!isEngineError(error)) this.main.fatal(error);
      };
      let result: unknown;
      try {
        result = this.#handlers[call.method]!(call.request, call.caller);
      } catch (error) {
        fail(error);
        return;
      }
      if (result instanceof Promise) result.then(answer, fail);
      else answer(result);
    });
  }

  /** E1. */
  #admits(call: Invocation): boolean {
    const { unfenced = false } = this.service.methods[call.method]!;
    if (unfenced || this.#fence(call.caller.token, call.method)) return true;
    this.fenced++;
    return false;
  }
}
