/**
 * Functions of windows that hold records of two sides: they part what a window has gathered, and
 * give it to what the user wants of it.
 */
import { unreachable } from '../../base/assert.ts';
import type { OpenContext } from '../../functions/function-context.ts';
import type { CoGroupFunction, JoinElement } from '../../functions/join-function.ts';
import type { WindowJoinFunction } from '../../functions/join-function.ts';
import type { OutputSpec } from '../../functions/process-function.ts';
import type { StateSpec } from '../../functions/state.ts';
import type { AnyWindowFunction } from '../../functions/window-function.ts';
import type { JoinType, WindowJoinResult } from '../../graph/join-spec.ts';
import type { Schema } from '../../types/schema.ts';
import { dynamic } from '../../types/t.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';

type Elements = Iterable<JoinElement<unknown, unknown>>;

export function windowJoinFunction(result: WindowJoinResult): AnyWindowFunction {
  switch (result.kind) {
    case 'inner':
    case 'left':
    case 'right':
    case 'full':
      return new Pairs(result.kind, result.join);
    case 'process':
      return new ProcessedPairs(result.function);
    case 'coGroup':
      return new Groups(result.function);
    default:
      return unreachable(result, 'windowJoinFunction');
  }
}

class Sides {
  readonly left: unknown[] = [];
  readonly right: unknown[] = [];

  constructor(elements: Elements) {
    for (const { side, value } of elements) {
      if (side === 'left') this.left.push(value);
      else this.right.push(value);
    }
  }
}

/** Stands for the records of a side without any, where the join is an outer one. */
const NONE: readonly undefined[] = [undefined];

class Pairs implements AnyWindowFunction {
  readonly emits: Schema<any> = dynamic;
  readonly #type: JoinType;
  readonly #join: (left: unknown, right: unknown) => unknown;
  readonly #keepsLeft: boolean;
  readonly #keepsRight: boolean;
  #operator = '';

  constructor(type: JoinType, join: (left: unknown, right: unknown) => unknown) {
    this.#type = type;
    this.#join = join;
    this.#keepsLeft = type === 'left' || type === 'full';
    this.#keepsRight = type === 'right' || type === 'full';
  }

  open(context: OpenContext): void {
    this.#operator = context.operatorName;
  }

  onWindow(elements: Elements, context: { emit(value: unknown): void }): void {
    const { left, right } = new Sides(elements);
    const lefts = left.length === 0 && this.#keepsRight ? NONE : left;
    const rights = right.length === 0 && this.#keepsLeft ? NONE : right;
    for (const one of lefts) {
      for (const other of rights) context.emit(this.#joined(one, other));
    }
  }

  #joined(left: unknown, right: unknown): unknown {
    try {
      const result = this.#join(left, right);
      if (typeof result === 'object') refusePromise(result, this.#type, this.#operator);
      return result;
    } catch (thrown) {
      throw userCodeFailure(this.#type, this.#operator, thrown);
    }
  }
}

/** What the function objects of users have in common. */
abstract class Wrapped {
  readonly emits: Schema<any>;
  readonly outputs: OutputSpec | undefined;
  readonly #user: WindowJoinFunction<any, any, any, any> | CoGroupFunction<any, any, any, any>;
  #operator = '';

  constructor(user: WindowJoinFunction<any, any, any, any> | CoGroupFunction<any, any, any, any>) {
    this.emits = user.emits;
    this.outputs = user.outputs;
    this.#user = user;
  }

  open(context: OpenContext): void | Promise<void> {
    this.#operator = context.operatorName;
    return this.#user.open?.(context);
  }

  close(): void | Promise<void> {
    return this.#user.close?.();
  }

  /** Calls the user's function of that name. */
  protected checked(role: string, body: () => unknown): void {
    try {
      refusePromise(body(), role, this.#operator);
    } catch (thrown) {
      throw userCodeFailure(role, this.#operator, thrown);
    }
  }
}

class ProcessedPairs extends Wrapped implements AnyWindowFunction {
  readonly #function: WindowJoinFunction<any, any, any, any, any>;

  constructor(fn: WindowJoinFunction<any, any, any, any, any>) {
    super(fn);
    this.#function = fn;
  }

  onWindow(elements: Elements, context: never): void {
    const { left, right } = new Sides(elements);
    for (const one of left) {
      for (const other of right) {
        this.checked('onPair', () => this.#function.onPair(one, other, context));
      }
    }
  }
}

class Groups extends Wrapped implements AnyWindowFunction {
  readonly windowState: StateSpec | undefined;
  readonly globalState: StateSpec | undefined;
  readonly onClear?: (context: never) => void;
  readonly #function: CoGroupFunction<any, any, any, any, any, any, any>;

  constructor(fn: CoGroupFunction<any, any, any, any, any, any, any>) {
    super(fn);
    this.#function = fn;
    this.windowState = fn.windowState;
    this.globalState = fn.globalState;
    if (fn.onClear !== undefined) this.onClear = (context) => fn.onClear!(context);
  }

  onWindow(elements: Elements, context: never): void {
    const { left, right } = new Sides(elements);
    this.checked('onGroups', () => this.#function.onGroups(left, right, context));
  }
}
