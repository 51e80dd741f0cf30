/** The functions of joins, for those who need more than a result for each pair. */
import type { Timestamp } from '../base/units.ts';
import type { FunctionLifecycle } from './function-context.ts';
import type { Schema } from '../types/schema.ts';
import type { Emitter, OutputSpec } from './process-function.ts';

export interface IntervalJoinContext<R, O extends OutputSpec> extends Emitter<R, O> {
  readonly leftTimestamp: Timestamp;
  readonly rightTimestamp: Timestamp;
  /** The later one of both: that of the results. */
  readonly timestamp: Timestamp;
}

/** For the pairs of an interval join. */
export interface IntervalJoinFunction<
  L,
  U,
  R,
  O extends OutputSpec = {},
> extends FunctionLifecycle {
  readonly emits: Schema<R>;
  readonly outputs?: O | undefined;
  /** Called once for every pair that the interval allows. */
  onPair(left: L, right: U, context: IntervalJoinContext<NoInfer<R>, O>): void;
}
