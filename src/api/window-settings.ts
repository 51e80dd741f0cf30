/**
 * What windowed streams by key and of all records have in common: trigger, evictor, allowed
 * lateness, the checks of what fits together, and the node that comes of it.
 */
import type { Duration } from '../base/units.ts';
import { evictor, type Evictor } from '../functions/evictor.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import { canMerge, requireTrigger, trigger, type Trigger } from '../functions/trigger.ts';
import { refuse, requirePositiveCount, requireWhole } from '../functions/window-arguments.ts';
import type { AnyWindowFunction } from '../functions/window-function.ts';
import { isMerging, windowTimeOf, type WindowAssigner } from '../functions/window.ts';
import {
  LATE_OUTPUT,
  type KeySelector,
  type RollingFunction,
  type WindowContents,
} from '../graph/operator-spec.ts';
import { StreamSchemas } from '../graph/stream-schemas.ts';
import type { OutputSchema } from '../graph/transformation.ts';
import type { Schema } from '../types/schema.ts';
import { dynamic, t } from '../types/t.ts';
import { requireFunctionObject, requireText } from './callbacks.ts';
import { functionOutputs } from './function-outputs.ts';
import type { StreamHandle } from './job-builder.ts';
import type { ProcessedStream } from './processed-stream.ts';

/** The side output that every windowed stream has. */
export type LateOutput<T> = { readonly late: Schema<T> };

/** Where the windows come from. */
export interface WindowInput<T> {
  /** Partitioned by the key. */
  readonly stream: StreamHandle;
  readonly key: KeySelector;
  readonly keyed: boolean;
  readonly assigner: WindowAssigner<T>;
}

export abstract class WindowSettings<T> {
  // `any`, so that a stream of more is a stream of less, as it is without windows.
  readonly #input: WindowInput<any>;
  #trigger: Trigger<any> | undefined = undefined;
  #evictor: Evictor<any> | undefined = undefined;
  #allowedLateness: Duration = 0 as Duration;

  constructor(input: WindowInput<T>) {
    requireAssigner(input.assigner);
    this.#input = input;
  }

  /**
   * When windows fire, in place of the trigger that comes with them.
   * @example .trigger(trigger.purging(trigger.count(100)))
   */
  trigger(wanted: Trigger<T>): this {
    requireTrigger(wanted, 'trigger');
    const { assigner } = this.#input;
    if (isMerging(assigner) && !canMerge(wanted)) {
      const which = wanted.kind === 'custom' ? 'this one has no onMerge' : wanted.kind;
      refuse('trigger', `${assigner.kind} windows merge, and the trigger cannot (${which})`);
    }
    this.#trigger = wanted;
    return this;
  }

  /** What is removed from windows when they fire. They keep all their records then. */
  evictor(wanted: Evictor<T>): this {
    const is = typeof wanted === 'object' && (wanted as unknown) !== null && 'kind' in wanted;
    if (!is) refuse('evictor', 'it takes an evictor such as evictor.count(10)');
    this.#evictor = wanted;
    return this;
  }

  /**
   * How long windows are kept after the watermark has passed their end, so that late records are
   * still counted. They fire again for each of them.
   */
  allowedLateness(lateness: Duration): this {
    requireWhole(lateness, 'allowedLateness', 'duration');
    if (lateness < 0) refuse('allowedLateness', `${lateness} ms is below 0`);
    const time = windowTimeOf(this.#input.assigner);
    if (time !== 'event') {
      const which =
        time === undefined ? 'the global window has' : 'windows of processing time have';
      refuse('allowedLateness', `only event time has late records, and ${which} none`);
    }
    this.#allowedLateness = lateness;
    return this;
  }

  /** Results as they are: window and value, and the key if there is one. */
  protected results<R>(name: string, contents: WindowContents): ProcessedStream<R, LateOutput<T>> {
    return this.#build(name, contents, undefined, { kind: 'state' }, {});
  }

  /** What the function emits. */
  protected processed<R, O extends OutputSpec>(
    name: string,
    contents: WindowContents,
    fn: AnyWindowFunction,
  ): ProcessedStream<R, O & LateOutput<T>> {
    requireFunctionObject(fn, name, ['onWindow'], ['onClear']);
    const { outputs } = functionOutputs<R, O>(name, fn as { emits: Schema<R>; outputs?: O });
    if (LATE_OUTPUT in outputs) {
      refuse(name, `the output "${LATE_OUTPUT}" is that of late records: choose another name`);
    }
    if (fn.windowState !== undefined && isMerging(this.#input.assigner)) {
      const which = `${this.#input.assigner.kind} windows merge`;
      refuse(name, `${which}, so they cannot have windowState: use globalState`);
    }
    return this.#build(name, contents, fn, { kind: 'declared', schema: fn.emits }, outputs);
  }

  protected rolling<R>(
    rolling: RollingFunction,
    fields: readonly string[],
  ): ProcessedStream<R, LateOutput<T>> {
    const field = fields[0];
    if (field !== undefined) requireText(field, rolling);
    return this.results(rolling, { kind: 'rolling', rolling, field });
  }

  #build<R, O extends OutputSpec>(
    name: string,
    contents: WindowContents,
    fn: AnyWindowFunction | undefined,
    output: OutputSchema,
    outputs: O,
  ): ProcessedStream<R, O & LateOutput<T>> {
    const { stream, key, keyed, assigner } = this.#input;
    const { builder, id } = stream;
    const schema = new StreamSchemas(builder.transformations).of(id) ?? dynamic;
    const sides: O & LateOutput<T> = { ...outputs, late: schema as Schema<T> };
    const single = keyed ? {} : { parallelism: 1, maxParallelism: 1 };
    const node = builder.operator({
      kind: 'operator',
      name: `window.${name}`,
      spec: {
        kind: 'window',
        key,
        keyed,
        assigner,
        trigger: this.#trigger,
        evictor: this.#evictor,
        allowedLateness: this.#allowedLateness,
        contents,
        function: fn,
        value: undefined,
        builtIn: builtIn(contents),
      },
      inputs: [id],
      output,
      sideOutputs: new Map(Object.entries<Schema<unknown>>(sides)),
      ...single,
    });
    return builder.kinds.processed(node, sides);
  }
}

/** Windows by the number of records. */
export function countWindows<S extends WindowSettings<any>>(
  windows: S,
  size: number,
  slide: number | undefined,
): S {
  requirePositiveCount(size, 'countWindow', 'size');
  if (slide === undefined) return windows.trigger(trigger.purging(trigger.count(size)));
  requirePositiveCount(slide, 'countWindow', 'slide');
  return windows.evictor(evictor.count(size)).trigger(trigger.count(slide));
}

/** The sum of plain numbers has a schema whatever the stream says. */
function builtIn(contents: WindowContents): Schema<unknown> | undefined {
  const isSum = contents.kind === 'rolling' && contents.rolling === 'sum';
  return isSum && contents.field === undefined ? t.float64 : undefined;
}

function requireAssigner(assigner: WindowAssigner<never>): void {
  const is = typeof assigner === 'object' && (assigner as unknown) !== null && 'kind' in assigner;
  if (!is) refuse('window', 'it takes windows such as tumbling(minutes(1))');
  if (assigner.kind !== 'custom' || assigner.defaultTrigger === undefined) return;
  if (assigner.merging && !canMerge(assigner.defaultTrigger)) {
    refuse('window', 'its windows merge, and its default trigger cannot');
  }
}
