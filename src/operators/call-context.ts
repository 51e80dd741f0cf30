/**
 * The context objects that users' process functions get: one per operator, made valid for the time
 * of a call, so that nothing is allocated per record.
 *
 * Invariants
 * X1. Outside of a call every method and every state handle throws USER_CODE_OUTSIDE_CALL.
 * X2. Calls do not nest.
 */
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { Timestamp } from '../base/units.ts';
import type { KeyTimers, OutputSpec, TimeDomain } from '../functions/process-function.ts';
import type { OperatorStateSpec, StateDescriptor, StateSpec } from '../functions/state.ts';
import { NO_TIMESTAMP } from '../network/batch.ts';
import type { KeyedStateBackend } from '../state/keyed-state-backend.ts';
import type { Key } from '../types/schema.ts';
import { operatorListHandles } from './operator-list-handle.ts';
import type { Downstream, OperatorContext } from './operator.ts';
import type { TimerService } from './timer-service.ts';

/** What a function declares of its outputs and its state. */
interface Declarations {
  readonly outputs?: OutputSpec | undefined;
  readonly operatorState?: OperatorStateSpec | undefined;
}

interface KeyedDeclarations extends Declarations {
  readonly state?: StateSpec | undefined;
  readonly onTimer?: unknown;
}

/** Emits, tells time, and has lists of the subtask; for functions without keys. */
export class CallContext {
  readonly #context: OperatorContext;
  readonly #output: Downstream;
  readonly #sides = new Map<string, Downstream>();
  readonly #operatorState: Readonly<Record<string, unknown>>;
  #at = NO_TIMESTAMP;
  #role: string | undefined = undefined;

  constructor(context: OperatorContext, fn: Declarations) {
    this.#context = context;
    this.#output = context.output;
    for (const name of Object.keys(fn.outputs ?? {}))
      this.#sides.set(name, context.sideOutput(name));
    this.#operatorState = operatorListHandles(
      context.operatorState,
      fn.operatorState ?? {},
      (what) => this.check(what),
    );
  }

  /** Makes the context valid for a call of the user's `role` function. */
  enter(role: string, timestamp: number): void {
    assert(this.#role === undefined, 'X2: calls do not nest');
    this.#role = role;
    this.#at = timestamp;
  }

  leave(): void {
    this.#role = undefined;
  }

  // Methods are values of their own, not of the prototype: people take them out of the context
  // (`({ emit, state }) => ...`), and they know whose they are.
  readonly emit = (value: unknown): void => {
    this.check('emit');
    this.#output.process(value, this.#at);
  };

  readonly emitTo = (output: string, value: unknown): void => {
    this.check('emitTo');
    const side = this.#sides.get(output);
    if (side === undefined) {
      throw new EngineError('USER_CODE_UNKNOWN_OUTPUT', {
        operator: this.#context.open.operatorName,
        output,
        known: [...this.#sides.keys()].join(', ') || 'none',
      });
    }
    side.process(value, this.#at);
  };

  get operatorState(): Readonly<Record<string, unknown>> {
    this.check('operatorState');
    return this.#operatorState;
  }

  get timestamp(): Timestamp | undefined {
    this.check('timestamp');
    return this.#at === NO_TIMESTAMP ? undefined : (this.#at as Timestamp);
  }

  get processingTime(): Timestamp {
    this.check('processingTime');
    return this.#context.processingTime();
  }

  get watermark(): Timestamp {
    this.check('watermark');
    return this.#context.watermark() as Timestamp;
  }

  protected check(member: string): void {
    if (this.#role !== undefined) return;
    throw new EngineError('USER_CODE_OUTSIDE_CALL', {
      operator: this.#context.open.operatorName,
      what: `context.${member}`,
    });
  }
}

/** Adds the current key and its state. */
export class KeyedCallContext extends CallContext {
  readonly #backend: KeyedStateBackend;
  readonly #spec: StateSpec;
  readonly #operator: string;
  readonly #handles: Readonly<Record<string, unknown>>;
  readonly #timerService: TimerService;
  readonly #timers: KeyTimers;
  #timeDomain: TimeDomain = 'event';

  constructor(context: OperatorContext, fn: KeyedDeclarations, timerService: TimerService) {
    super(context, fn);
    this.#backend = context.keyedState;
    this.#timerService = timerService;
    this.#timers = this.#createTimers(timerService, fn.onTimer !== undefined);
    this.#spec = fn.state ?? {};
    this.#operator = context.open.operatorName;
    const handles: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const [name, descriptor] of Object.entries(this.#spec)) {
      handles[name] = this.#backend.register(name, descriptor);
    }
    this.#handles = Object.freeze(handles);
  }

  get key(): Key {
    this.check('key');
    return this.#backend.currentKey!;
  }

  get state(): Readonly<Record<string, unknown>> {
    this.check('state');
    return this.#handles;
  }

  get timers(): KeyTimers {
    this.check('timers');
    return this.#timers;
  }

  get timeDomain(): TimeDomain {
    this.check('timeDomain');
    return this.#timeDomain;
  }

  override get watermark(): Timestamp {
    this.check('watermark');
    return this.#timerService.watermark as Timestamp;
  }

  /** Makes the context valid for a call of `onTimer`. */
  enterTimer(domain: TimeDomain, at: Timestamp): void {
    this.#timeDomain = domain;
    this.enter('onTimer', domain === 'event' ? at : NO_TIMESTAMP);
  }

  readonly forEachKey = (which: StateDescriptor | string, visit: (key: Key) => void): void => {
    this.check('forEachKey');
    const name =
      typeof which === 'string'
        ? which
        : Object.keys(this.#spec).find((candidate) => this.#spec[candidate] === which);
    if (name === undefined || !Object.hasOwn(this.#spec, name)) {
      throw new EngineError('USER_CODE_UNKNOWN_STATE', {
        operator: this.#operator,
        state: name ?? 'the descriptor given',
        known: Object.keys(this.#spec).join(', ') || 'none',
      });
    }
    this.#backend.forEachKey(name, visit);
  };

  override leave(): void {
    super.leave();
    this.#backend.clearCurrentKey();
  }

  #createTimers(service: TimerService, handled: boolean): KeyTimers {
    const usable = (method: string): void => {
      this.check(`timers.${method}`);
      if (handled) return;
      throw new EngineError('USER_CODE_NO_ON_TIMER', { operator: this.#operator });
    };
    return Object.freeze<KeyTimers>({
      onEventTime: (at) => {
        usable('onEventTime');
        service.registerEvent(at, undefined);
      },
      onProcessingTime: (at) => {
        usable('onProcessingTime');
        service.registerProcessing(at, undefined);
      },
      deleteEventTime: (at) => {
        usable('deleteEventTime');
        service.deleteEvent(at, undefined);
      },
      deleteProcessingTime: (at) => {
        usable('deleteProcessingTime');
        service.deleteProcessing(at, undefined);
      },
    });
  }
}
