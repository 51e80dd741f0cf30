/**
 * What windowed streams by key and of all records have in common: the contents of their windows,
 * and the node that comes of it.
 */
import { evictor } from '../functions/evictor.ts';
import type { OutputSpec } from '../functions/process-function.ts';
import { trigger } from '../functions/trigger.ts';
import { refuse, requirePositiveCount } from '../functions/window-arguments.ts';
import type { AnyWindowFunction } from '../functions/window-function.ts';
import type { WindowAssigner } from '../functions/window.ts';
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
import { WindowModifiers } from './window-modifiers.ts';

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

export abstract class WindowSettings<T> extends WindowModifiers<T> {
  // `any`, so that a stream of more is a stream of less, as it is without windows.
  readonly #input: WindowInput<any>;

  constructor(input: WindowInput<T>) {
    super(input.assigner);
    this.#input = input;
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
    this.requireWindowState(name, fn);
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
    const { stream, key, keyed } = this.#input;
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
        ...this.modifiers,
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
