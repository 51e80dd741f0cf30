/**
 * Contents of windows with an evictor: all records with their times, of which the evictor takes
 * some away when the window fires, before or after its function. What is computed of them is
 * computed anew at each firing.
 */
import { EngineError } from '../../base/errors.ts';
import type { Timestamp } from '../../base/units.ts';
import type { Evictor, EvictorContext, TimestampedValue } from '../../functions/evictor.ts';
import { state } from '../../functions/state.ts';
import type { Window } from '../../functions/window.ts';
import type { WindowSpec } from '../../graph/operator-spec.ts';
import { NO_TIMESTAMP } from '../../network/batch.ts';
import type { KeyedStateBackend } from '../../state/keyed-state-backend.ts';
import type { Schema } from '../../types/schema.ts';
import { t } from '../../types/t.ts';
import { refusePromise, userCodeFailure } from '../user-code.ts';
import { reductionOf, roleOf, WindowContents } from './window-contents.ts';
import type { ContentsHandle, FiredWindows } from './window-contents.ts';
import type { Times } from './window-schema.ts';

type Element = TimestampedValue<unknown>;
type Elements = readonly Element[];
/** The elements to keep; the same array if these are all. */
type Eviction = (elements: Elements, context: EvictorContext) => Elements;

interface ElementsHandle extends ContentsHandle {
  values(): Iterable<Element>;
  update(values: Iterable<Element>): void;
}

export class EvictingContents extends WindowContents<ElementsHandle> {
  readonly #before: Eviction | undefined;
  readonly #after: Eviction | undefined;
  /** What the window's function gets; undefined if nothing can be computed of no elements. */
  readonly #compute: (elements: Elements) => unknown;
  readonly #role: string;
  readonly #times: Times;

  constructor(spec: WindowSpec, times: Times, backend: KeyedStateBackend, operator: string) {
    const element: Schema<unknown> = t.struct({
      value: spec.value!,
      timestamp: t.optional(t.timestamp),
    });
    const descriptor = state.list(element);
    super({ role: roleOf(spec.contents), descriptor, read: noReading }, backend, operator);
    this.#before = evictionOf(spec.evictor!, 'before', operator);
    this.#after = evictionOf(spec.evictor!, 'after', operator);
    this.#compute = computationOf(spec);
    this.#role = roleOf(spec.contents);
    this.#times = times;
  }

  override add(value: unknown, timestamp: number): void {
    const at = timestamp === NO_TIMESTAMP ? undefined : (timestamp as Timestamp);
    this.handle.add({ value, timestamp: at } satisfies Element);
  }

  override fire(window: Window, to: FiredWindows): void {
    const all: Elements = [...this.handle.values()];
    if (all.length === 0) return;
    const context: EvictorContext = {
      window,
      watermark: this.#times.watermark() as Timestamp,
      processingTime: this.#times.processingTime(),
    };
    const before = this.#before?.(all, context) ?? all;
    const value = this.#computed(before);
    if (value !== undefined) to.fired(window, value);
    const after = this.#after?.(before, context) ?? before;
    if (after !== all) this.handle.update(after);
  }

  #computed(elements: Elements): unknown {
    try {
      const value = this.#compute(elements);
      refusePromise(value, this.#role, this.operator);
      return value;
    } catch (thrown) {
      throw userCodeFailure(this.#role, this.operator, thrown);
    }
  }
}

function noReading(): undefined {}

/** Of no records an aggregate gives what it begins with, and a reduction nothing. */
function computationOf({ contents, value }: WindowSpec): (elements: Elements) => unknown {
  switch (contents.kind) {
    case 'list':
      return (elements) => elements.map((element) => element.value);
    case 'aggregate': {
      const { aggregate } = contents;
      return (elements) => {
        let accumulator: unknown = aggregate.create();
        for (const element of elements) accumulator = aggregate.add(accumulator, element.value);
        return aggregate.result(accumulator);
      };
    }
    default: {
      const reduction = reductionOf(contents, value!);
      return (elements) => {
        let reduced = elements[0]?.value;
        for (let i = 1; i < elements.length; i += 1) {
          reduced = reduction(reduced, elements[i]!.value);
        }
        return reduced;
      };
    }
  }
}

/** Undefined if the evictor does nothing at that moment. */
function evictionOf(
  evictor: Evictor<unknown>,
  moment: 'before' | 'after',
  operator: string,
): Eviction | undefined {
  if (evictor.kind === 'custom') return customEviction(evictor.function, moment, operator);
  if (evictor.after !== (moment === 'after')) return undefined;
  switch (evictor.kind) {
    case 'count':
      return (elements) =>
        elements.length <= evictor.count ? elements : elements.slice(-evictor.count);
    case 'time':
      return timeEviction(evictor.span);
    case 'delta': {
      const { threshold, delta } = evictor;
      return (elements) => {
        const last = elements.at(-1)?.value;
        return kept(elements, ({ value }) => !(called(delta, value, last, operator) >= threshold));
      };
    }
  }
}

/** As Flink: nothing is evicted where the first element has no time. */
function timeEviction(span: number): Eviction {
  return (elements) => {
    if (elements[0]?.timestamp === undefined) return elements;
    let latest = -Infinity;
    for (const { timestamp } of elements) {
      if (timestamp !== undefined && timestamp > latest) latest = timestamp;
    }
    const cutoff = latest - span;
    return kept(elements, ({ timestamp }) => timestamp !== undefined && timestamp > cutoff);
  };
}

function kept(elements: Elements, keep: (element: Element) => boolean): Elements {
  const left = elements.filter(keep);
  return left.length === elements.length ? elements : left;
}

function called(
  delta: (value: unknown, last: unknown) => number,
  value: unknown,
  last: unknown,
  operator: string,
): number {
  try {
    const difference = delta(value, last);
    refusePromise(difference, 'delta', operator);
    return difference;
  } catch (thrown) {
    throw userCodeFailure('delta', operator, thrown);
  }
}

type CustomFunction = Extract<Evictor<unknown>, { readonly kind: 'custom' }>['function'];

function customEviction(
  fn: CustomFunction,
  moment: 'before' | 'after',
  operator: string,
): Eviction | undefined {
  const role = moment === 'before' ? 'evictBefore' : 'evictAfter';
  if (fn[role] === undefined) return undefined;
  return (elements, context) => {
    let left: unknown;
    try {
      left = fn[role]!(elements, context);
      refusePromise(left, role, operator);
      if (isIterable(left)) return left === elements ? elements : [...left];
    } catch (thrown) {
      throw userCodeFailure(role, operator, thrown);
    }
    const type = left === null ? 'null' : typeof left;
    throw new EngineError('USER_CODE_NOT_ITERABLE', { role, operator, type });
  };
}

function isIterable(value: unknown): value is Iterable<Element> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}
