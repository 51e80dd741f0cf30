/** A stream whose records come to the program that executes the job: what a job's build returns. */
import type { Schema } from '../types/schema.ts';
import type { StreamHandle } from './job-builder.ts';

export class CollectedStream<out T> {
  /** What it is underneath; for those who build on the API. */
  readonly handle: StreamHandle;
  readonly schema: Schema<T>;

  constructor(stream: StreamHandle, schema: Schema<T>) {
    this.handle = stream;
    this.schema = schema;
  }
}

/** What `build` may return: nothing, one collected stream, or several by name. */
export type BuildResult =
  | void
  | CollectedStream<unknown>
  | Readonly<Record<string, CollectedStream<unknown>>>;

/** The records of what a build returned. */
export type Collected<R> =
  R extends CollectedStream<infer T>
    ? readonly T[]
    : R extends Readonly<Record<string, CollectedStream<unknown>>>
      ? { readonly [N in keyof R]: R[N] extends CollectedStream<infer T> ? readonly T[] : never }
      : undefined;
