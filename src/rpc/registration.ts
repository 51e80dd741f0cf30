/**
 * A component's standing connection to another: dials, registers, says when the registration stands
 * and when it is lost, and begins again after a pause that grows, until it is disposed.
 *
 * G1. `registered` and `lost` are called in turns, beginning with `registered`, always as mails.
 * G2. After disposal nothing is called, and the connection is closed.
 */
import type { EngineError } from '../base/errors.ts';
import { milliseconds, seconds } from '../base/units.ts';
import type { Duration } from '../base/units.ts';
import type { MainThread } from './main-thread.ts';
import type { RpcConnection } from './rpc-connection.ts';
import type { RpcService } from './rpc-service.ts';

const FIRST_PAUSE = milliseconds(100);
const LONGEST_PAUSE = seconds(10);

export interface RegistrationOptions<Answer> {
  readonly main: MainThread;
  readonly rpc: RpcService;
  readonly address: string;
  /** Whether the connection outlives short breaks. */
  readonly resumable?: boolean | undefined;
  /** Introduces this component on a fresh connection. */
  readonly register: (connection: RpcConnection) => Promise<Answer>;
  readonly registered: (connection: RpcConnection, answer: Answer) => void;
  readonly lost: (reason: EngineError) => void;
  /** Told of every attempt that fails; for logs. */
  readonly failed?: ((reason: EngineError) => void) | undefined;
}

export class Registration<Answer> implements Disposable {
  readonly #options: RegistrationOptions<Answer>;
  #connection: RpcConnection | undefined;
  #timer: Disposable | undefined;
  #pause: Duration = FIRST_PAUSE;
  #stands = false;
  #disposed = false;

  constructor(options: RegistrationOptions<Answer>) {
    this.#options = options;
    this.#dial();
  }

  get stands(): boolean {
    return this.#stands;
  }

  /** The other side is not what it was: closes the connection and begins again. */
  renew(): void {
    this.#connection?.close();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#connection?.close();
    this.#connection = undefined;
  }

  #dial(): void {
    const { main, rpc, address, resumable } = this.#options;
    main.follow(
      rpc.connect(address, { resumable }),
      (connection) => this.#connected(connection),
      (error) => this.#failed(error),
    );
  }

  #connected(connection: RpcConnection): void {
    if (this.#disposed) {
      connection.close();
      return;
    }
    const { main, register } = this.#options;
    this.#connection = connection;
    connection.onClosed((reason) => main.run(() => this.#closed(connection, reason)));
    main.follow(
      register(connection),
      (answer) => this.#registered(connection, answer),
      (error) => {
        if (this.#connection !== connection) return;
        this.#options.failed?.(error);
        connection.close();
      },
    );
  }

  #registered(connection: RpcConnection, answer: Answer): void {
    if (this.#disposed || this.#connection !== connection) return;
    this.#stands = true;
    this.#pause = FIRST_PAUSE;
    this.#options.registered(connection, answer);
  }

  #closed(connection: RpcConnection, reason: EngineError): void {
    if (this.#disposed || this.#connection !== connection) return;
    this.#connection = undefined;
    const stood = this.#stands;
    this.#stands = false;
    if (stood) this.#options.lost(reason);
    if (!this.#disposed) this.#again();
  }

  #failed(error: EngineError): void {
    if (this.#disposed) return;
    this.#options.failed?.(error);
    this.#again();
  }

  #again(): void {
    const pause = this.#pause;
    this.#pause = milliseconds(Math.min(pause * 2, LONGEST_PAUSE));
    this.#timer = this.#options.main.after(pause, () => this.#dial());
  }
}
