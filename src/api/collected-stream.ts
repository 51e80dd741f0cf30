/** A stream whose records come to the program that executes the job: what a job's build returns. */
import { EngineError } from '../base/errors.ts';
import type { Schema } from '../types/schema.ts';
import { DataStreamSink } from './data-stream-sink.ts';
import type { StreamHandle } from './job-builder.ts';

export class CollectedStream<out T> extends DataStreamSink {
  readonly schema: Schema<T>;

  constructor(stream: StreamHandle, schema: Schema<T>) {
    super(stream);
    this.schema = schema;
  }
}

/**
 * What `build` may return: one collected stream, or several by name; other sinks count for nothing.
 */
export type BuildResult =
  | void
  | DataStreamSink
  | Readonly<Record<string, CollectedStream<unknown>>>;

/** The records of what a build returned. */
export type Collected<R> =
  R extends CollectedStream<infer T>
    ? readonly T[]
    : R extends DataStreamSink
      ? undefined
      : R extends Readonly<Record<string, CollectedStream<unknown>>>
        ? { readonly [N in keyof R]: R[N] extends CollectedStream<infer T> ? readonly T[] : never }
        : undefined;

/** @throws EngineError API_INVALID_ARGUMENT */
export function requireBuildResult(result: unknown): void {
  if (result === undefined || result instanceof DataStreamSink) return;
  const parts = typeof result === 'object' && result !== null ? Object.values(result) : [];
  if (parts.length === 0 || !parts.every((part) => part instanceof CollectedStream)) {
    const reason = 'it returns nothing, collect(), or an object of such';
    throw new EngineError('API_INVALID_ARGUMENT', { call: 'build', reason });
  }
}
